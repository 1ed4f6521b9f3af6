package logship_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

var errDown = errors.New("the sink is down")

const aliceChannel = "logs:User.alice"

// Through lost acknowledgements, failures, slowness, timeouts and failovers that lose
// acknowledged batches, every line is there once and in order.
func TestExactThroughFaults(t *testing.T) {
	var resent, refused uint64
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stats := exactThroughFaults(t, seed)
				resent, refused = resent+stats.Resent, refused+stats.Refused
			})
		})
	}
	if resent == 0 || refused == 0 {
		t.Errorf("%d lines were sent again, %d batches refused: the faults were none", resent, refused)
	}
}

func exactThroughFaults(t *testing.T, seed uint64) logship.Stats {
	const users, lines = 5, 150
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{})
	log := slog.New(h)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	chance := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	sink.setFault(func(ctx context.Context, channel string, b loglane.Batch) (before, after error) {
		switch chance(12) {
		case 0:
			return errDown, nil
		case 1:
			return nil, errDown
		case 2:
			<-ctx.Done()
			return ctx.Err(), nil
		case 3:
			<-ctx.Done()
			return nil, ctx.Err()
		case 4:
			time.Sleep(time.Duration(chance(4000)) * time.Millisecond)
		case 5:
			sink.rewind(t, channel, 1+chance(4)) // also before the batch after a refusal
		}
		return nil, nil
	})
	var running sync.WaitGroup
	for u := range users {
		running.Go(func() {
			ctx := logship.WithUser(t.Context(), fmt.Sprint("user", u))
			for i := range lines {
				log.InfoContext(ctx, fmt.Sprintf("line %d", i), "user", u)
				time.Sleep(time.Duration(chance(100)) * time.Millisecond)
			}
		})
	}
	running.Wait()
	flush(t, h)
	sink.rewind(t, "", 3)
	sink.setFault(nil)
	time.Sleep(time.Minute) // what was lost after its acknowledgement comes to light
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for u := range users {
		wantMessages(t, sink.MemoryBroker, fmt.Sprint("logs:User.user", u), numbered("line", lines))
	}
	next := make(map[any]int)
	for _, r := range stored(t, sink.MemoryBroker, loglane.GlobalChannel) {
		user := r.Attrs["user"]
		if want := fmt.Sprint("line ", next[user]); r.Message != want {
			t.Fatalf("user %v: %q in the global channel, want %q", user, r.Message, want)
		}
		next[user]++
	}
	for user, n := range next {
		if n != lines {
			t.Errorf("user %v has %d lines in the global channel, want %d", user, n, lines)
		}
	}
	if sink.overlap {
		t.Error("two batches of one channel were in flight")
	}
	stats := h.Stats()
	if stats.Dropped != 0 || stats.Lost != 0 {
		t.Errorf("stats %+v", stats)
	}
	return stats
}

// With nothing under way a line leaves at once; what comes meanwhile is the next batch.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) {
			time.Sleep(time.Second)
			return nil, nil
		})
		h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
		log, ctx := slog.New(h), logship.WithUser(t.Context(), "alice")
		log.InfoContext(ctx, "x 0")
		synctest.Wait()
		for i := range 200 {
			log.InfoContext(ctx, fmt.Sprint("x ", i+1))
		}
		for range 9 {
			log.InfoContext(ctx, strings.Repeat("y", 40<<10))
		}
		flush(t, h)
		var sizes []int
		for _, b := range sink.sent(aliceChannel) {
			sizes = append(sizes, len(b.batch.Lines))
		}
		if fmt.Sprint(sizes) != "[1 128 78 3]" {
			t.Errorf("batches of %v lines", sizes)
		}
	})
}

// The user's channel and the global one do not wait for each other.
func TestChannelsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(ctx context.Context, channel string, _ loglane.Batch) (error, error) {
			if channel == aliceChannel {
				<-ctx.Done()
				return ctx.Err(), nil
			}
			return nil, nil
		})
		h := newHandler(t, sink, logship.Options{})
		log := slog.New(h)
		for i := range 10 {
			log.InfoContext(logship.WithUser(t.Context(), "alice"), fmt.Sprint("x ", i))
			synctest.Wait()
		}
		wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, numbered("x", 10))
		wantMessages(t, sink.MemoryBroker, aliceChannel, nil)
		sink.setFault(nil)
		flush(t, h)
		wantMessages(t, sink.MemoryBroker, aliceChannel, numbered("x", 10))
	})
}

// Channels that are stuck leave workers to the others.
func TestStuckChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(ctx context.Context, channel string, _ loglane.Batch) (error, error) {
			if strings.HasPrefix(channel, "logs:job_") {
				<-ctx.Done()
				return ctx.Err(), nil
			}
			return nil, nil
		})
		h := newHandler(t, sink, logship.Options{})
		log := slog.New(h)
		for range 100 {
			log.InfoContext(logship.WithJob(t.Context()), "stuck")
		}
		time.Sleep(5 * time.Minute)
		start := time.Now()
		for range 50 {
			log.InfoContext(logship.WithUser(t.Context(), "alice"), "free")
			synctest.Wait()
		}
		wantMessages(t, sink.MemoryBroker, aliceChannel, slices.Repeat([]string{"free"}, 50))
		if took := time.Since(start); took > 0 {
			t.Errorf("alice's lines took %v", took)
		}
		sink.setFault(nil)
		flush(t, h)
	})
}

func TestWorkersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) {
			time.Sleep(time.Millisecond)
			return nil, nil
		})
		h := newHandler(t, sink, logship.Options{QueueLines: 20_000})
		log := slog.New(h)
		for range 10_000 {
			log.InfoContext(logship.WithJob(t.Context()), "one line")
		}
		flush(t, h)
		if n := sink.mostCalls(); n > 8 {
			t.Errorf("%d calls at once", n)
		}
		time.Sleep(time.Minute)
		if s := h.Stats(); s.Channels != 0 || s.Kept != 0 || s.Queued != 0 || s.Sent != 20_000 {
			t.Errorf("stats a minute later: %+v", s)
		}
	})
}

// The same batch is sent again, with growing pauses of up to 5 s, until it is taken.
func TestDownForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
		log, ctx := slog.New(h), logship.WithUser(t.Context(), "alice")
		for i := range 60 {
			log.InfoContext(ctx, fmt.Sprint("x ", i))
			time.Sleep(time.Second)
		}
		sink.setFault(nil)
		start := time.Now()
		flush(t, h)
		if took := time.Since(start); took > 5*time.Second+time.Millisecond {
			t.Errorf("%v until the sink was tried again", took)
		}
		wantMessages(t, sink.MemoryBroker, aliceChannel, numbered("x", 60))
		sent := sink.sent(aliceChannel)
		if n := len(sent); n < 12 || n > 80 {
			t.Errorf("%d calls in a minute", n)
		}
		for _, b := range sent[:len(sent)-1] {
			if len(b.batch.Lines) != 1 || b.batch.Lines[0].K != sent[0].batch.Lines[0].K {
				t.Fatalf("another batch was sent: %+v", b)
			}
		}
	})
}

func TestFlushIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{})
		slog.New(h).Info("x")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		sink.setFault(nil)
		flush(t, h)
		flush(t, h)
	})
}

// Flush waits for what was logged before it, not for what comes after.
func TestFlushUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) {
			time.Sleep(10 * time.Millisecond)
			return nil, nil
		})
		h := newHandler(t, sink, logship.Options{})
		log := slog.New(h)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			for ctx.Err() == nil {
				log.Info("x")
				time.Sleep(time.Millisecond)
			}
		})
		start := time.Now()
		for range 10 {
			flush(t, h)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("flushes took %v", took)
		}
		stop()
		running.Wait()
	})
}

func TestConcurrent(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{})
	var running sync.WaitGroup
	for g := range 8 {
		running.Go(func() {
			log := slog.New(h).With("g", g)
			ctx := logship.WithUser(t.Context(), fmt.Sprint("user", g%4))
			for i := range 500 {
				log.WithGroup("x").InfoContext(ctx, fmt.Sprint(i), "a", i)
				_ = h.Stats()
				_ = h.Context(ctx)
			}
			flush(t, h)
		})
	}
	running.Wait()
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(messages(t, sink.MemoryBroker, loglane.GlobalChannel)); n != 4000 {
		t.Errorf("%d lines", n)
	}
	if sink.overlap {
		t.Error("two batches of one channel were in flight")
	}
}
