package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// A Ledger notes what producers send to one channel and what is acknowledged to them. Its
// methods may be called concurrently.
type Ledger struct {
	channel string

	mu        sync.Mutex
	producers map[string]*account
}

type account struct {
	lines   map[uint64]*Sent
	sentAt  map[uint64]time.Time // the first time
	ackedAt map[uint64]time.Time
	sent    uint64 // the highest number sent
	top     uint64 // the highest number acknowledged
}

// NewLedger makes the ledger of a channel, by its full name.
func NewLedger(channel string) *Ledger {
	return &Ledger{channel: channel, producers: make(map[string]*account)}
}

// Through returns a sink that notes in the ledger what goes through it to another.
func (l *Ledger) Through(sink logship.Sink) logship.Sink { return noted{sink, l} }

type noted struct {
	logship.Sink
	ledger *Ledger
}

func (n noted) Append(ctx context.Context, channel string, b loglane.Batch) (loglane.Receipt, error) {
	if channel != n.ledger.channel {
		return n.Sink.Append(ctx, channel, b)
	}
	n.ledger.note(b, false)
	receipt, err := n.Sink.Append(ctx, channel, b)
	if err == nil {
		n.ledger.note(b, true)
	}
	return receipt, err
}

func (l *Ledger) note(b loglane.Batch, acked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.producers[b.Producer]
	if a == nil {
		a = &account{lines: make(map[uint64]*Sent), sentAt: make(map[uint64]time.Time), ackedAt: make(map[uint64]time.Time)}
		l.producers[b.Producer] = a
	}
	now := time.Now()
	for _, line := range b.Lines {
		sent := a.lines[line.K]
		if sent == nil {
			sent = &Sent{K: line.K, Sum: SumOf(line.Record), Late: line.K < a.sent}
			a.sent = max(a.sent, line.K)
			a.lines[line.K], a.sentAt[line.K] = sent, now
		}
		if acked && !sent.Acked {
			sent.Acked = true
			a.ackedAt[line.K] = now
		}
		if acked {
			a.top = max(a.top, line.K)
		}
	}
}

// Published returns what is known by now.
func (l *Ledger) Published() Published {
	l.mu.Lock()
	defer l.mu.Unlock()
	published := make(Published, len(l.producers))
	for producer, a := range l.producers {
		for _, line := range a.lines {
			published[producer] = append(published[producer], *line)
		}
	}
	return published
}

// Last returns the identity of the last acknowledged line of each producer.
func (l *Ledger) Last() []loglane.Src {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last []loglane.Src
	for producer, a := range l.producers {
		if a.top > 0 {
			last = append(last, loglane.NewSrc(producer, a.top))
		}
	}
	return last
}

// SentAt returns when each line was sent for the first time.
func (l *Ledger) SentAt() map[loglane.Src]time.Time {
	return l.times(func(a *account) map[uint64]time.Time { return a.sentAt })
}

// AckedAt returns when each line was acknowledged for the first time.
func (l *Ledger) AckedAt() map[loglane.Src]time.Time {
	return l.times(func(a *account) map[uint64]time.Time { return a.ackedAt })
}

func (l *Ledger) times(of func(*account) map[uint64]time.Time) map[loglane.Src]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[loglane.Src]time.Time)
	for producer, a := range l.producers {
		for k, at := range of(a) {
			all[loglane.NewSrc(producer, k)] = at
		}
	}
	return all
}

// AckedSince returns the lines whose first acknowledgement came between two times.
func (l *Ledger) AckedSince(from, until time.Time) (lines []loglane.Src) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for producer, a := range l.producers {
		for k, at := range a.ackedAt {
			if at.After(from) && at.Before(until) {
				lines = append(lines, loglane.NewSrc(producer, k))
			}
		}
	}
	return lines
}

// A Load is what programs log.
type Load struct {
	User      string
	Producers int
	Rate      int // lines a second, of all producers together
}

// Run logs until ctx ends, each producer with a handler of its own, and then waits until all
// is acknowledged. It fails where lines were dropped or could not be delivered within a
// minute.
func (load Load) Run(ctx context.Context, sink logship.Sink) error {
	errs := make([]error, load.Producers)
	var running sync.WaitGroup
	for i := range load.Producers {
		running.Go(func() { errs[i] = load.produce(ctx, sink, i) })
	}
	running.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

const loadTick = 10 * time.Millisecond

func (load Load) produce(ctx context.Context, sink logship.Sink, producer int) error {
	handler := logship.NewHandler(sink, &logship.Options{
		Global: logship.GlobalOff, QueueLines: 1 << 17, QueueBytes: 64 << 20, ErrorLog: slog.New(slog.DiscardHandler),
	})
	log, user := slog.New(handler), logship.WithUser(context.Background(), load.User)
	ticker := time.NewTicker(loadTick)
	defer ticker.Stop()
	start, rate := time.Now(), float64(load.Rate)/float64(load.Producers)
	for n := 0; ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
		for due := int(time.Since(start).Seconds() * rate); n < due; n++ {
			log.InfoContext(user, "order is on its way", "producer", producer, "n", n)
		}
	}
	ending, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := handler.Shutdown(ending); err != nil {
		return err
	}
	if stats := handler.Stats(); stats.Dropped > 0 {
		return fmt.Errorf("producer %d dropped %d lines", producer, stats.Dropped)
	}
	return nil
}
