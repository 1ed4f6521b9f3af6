package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/door"
	"github.com/loglane/loglane/internal/ingest"
)

// GlobalOff as [Options.Global] keeps every line out of the global channel.
const GlobalOff = loglane.Level(math.MaxInt)

const (
	// appendTime bounds one call of the broker.
	appendTime = 5 * time.Second

	// awayRetry is what a sender waits for a broker that is away.
	awayRetry = 2 * time.Second
)

// A delivery takes the lines of one request to the broker, in their order: a batch to the
// channel, then its copies to the global one, then the next batch.
type delivery struct {
	s        *Server
	producer string               // its name with the broker
	first    uint64               // number of the request's first line
	own      string               // the one channel of a producer that says so; "" of any other
	after    map[string]uint64    // what was acknowledged of each channel
	told     map[string]bool      // channels that the broker was asked about
	passes   map[string]door.Pass // by the channels that the lines go to

	duplicates int
}

func (s *Server) newDelivery(producer string, first uint64, passes map[string]door.Pass) *delivery {
	return &delivery{s: s, producer: producer, first: first, passes: passes, after: make(map[string]uint64), told: make(map[string]bool)}
}

// claims makes the delivery that of a producer which says what it knows to be stored.
func (d *delivery) claims(p *producer, channel string) {
	d.own = channel
	if d.s.globalLevel() != GlobalOff {
		d.after[loglane.GlobalChannel] = p.globalAfter
	}
	d.after[channel] = p.after
}

// afterHeader is what the broker has of the producer now.
func (d *delivery) afterHeader() string {
	return afterText(d.after[d.own], d.after[loglane.GlobalChannel])
}

// send returns once all lines are stored. Its errors say nothing of how many are.
func (d *delivery) send(ctx context.Context, lines []sentLine) error {
	for len(lines) > 0 {
		batch, rest := d.cut(lines)
		if err := d.sendBatch(ctx, batch); err != nil {
			return err
		}
		lines = rest
	}
	if d.own == "" {
		return nil
	}
	// What is claimed is judged also where no line went.
	for _, channel := range []string{d.own, loglane.GlobalChannel} {
		if d.told[channel] || d.s.globalLevel() == GlobalOff && channel != d.own {
			continue
		}
		if err := d.append(ctx, channel, nil); err != nil {
			return err
		}
	}
	return nil
}

// A copied line is a record for its channel and, where it is important enough, for the
// global one.
type copiedLine struct {
	loglane.Line
	channel string
	global  bool
}

// cut makes the records of as many lines as a batch takes.
func (d *delivery) cut(lines []sentLine) (batch []copiedLine, rest []sentLine) {
	size := 0
	for i, line := range lines {
		data, secrets := ingest.Redact(d.s.opts.Redact, line.data)
		record := ingest.NewRecord(data, loglane.ContextOf(line.channel), d.s.opts.MaxLine)
		size += len(record)
		if len(batch) == loglane.MaxBatchLines || size > loglane.MaxBatchBytes && i > 0 {
			return batch, lines[i:]
		}
		d.s.redacted.Add(uint64(secrets))
		batch = append(batch, copiedLine{
			Line:    loglane.Line{K: d.first + uint64(line.number) - 1, Record: record},
			channel: line.channel,
			global:  line.channel != loglane.GlobalChannel && d.s.copies(record),
		})
	}
	return batch, nil
}

// sendBatch stores in the channels before it stores the copies, so that a line that the
// operators see is there for its user.
func (d *delivery) sendBatch(ctx context.Context, batch []copiedLine) error {
	var channels []string
	parts := make(map[string][]loglane.Line)
	var copies []loglane.Line
	for _, line := range batch {
		if parts[line.channel] == nil {
			channels = append(channels, line.channel)
		}
		parts[line.channel] = append(parts[line.channel], line.Line)
		if line.global {
			copies = append(copies, line.Line)
		}
	}
	for _, channel := range channels {
		if channel == loglane.GlobalChannel { // its own lines and the copies are one run
			continue
		}
		if err := d.append(ctx, channel, parts[channel]); err != nil {
			return err
		}
	}
	copies = append(copies, parts[loglane.GlobalChannel]...)
	slices.SortFunc(copies, func(a, b loglane.Line) int { return cmp.Compare(a.K, b.K) })
	if len(copies) == 0 {
		return nil
	}
	return d.append(ctx, loglane.GlobalChannel, copies)
}

// append claims what was acknowledged before, so that a loss between two batches is
// noticed.
func (d *delivery) append(ctx context.Context, channel string, lines []loglane.Line) error {
	ctx, cancel := context.WithTimeout(ctx, appendTime)
	defer cancel()
	receipt, err := d.s.door.Append(ctx, d.pass(channel), loglane.Batch{Producer: d.producer, After: d.after[channel], Lines: lines})
	var refused *loglane.RefusedError
	switch {
	case errors.As(err, &refused) && d.own != "":
		return err
	case refused != nil:
		return away("the broker lost lines of this request")
	case errors.Is(err, loglane.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return away("the broker cannot be reached")
	case err != nil:
		return fmt.Errorf("append: %w", err)
	}
	d.after[channel], d.told[channel] = receipt.K, true
	if d.own == "" || channel == d.own {
		d.duplicates += receipt.Duplicates
	}
	return nil
}

// pass is the one for a channel; what goes to others goes to the global one as well.
func (d *delivery) pass(channel string) door.Pass {
	if pass, found := d.passes[channel]; found || channel != loglane.GlobalChannel {
		return pass
	}
	for _, pass := range d.passes {
		return pass.Copies()
	}
	return door.Pass{}
}

func away(why string) error {
	return &loglane.StatusError{
		Code:       http.StatusServiceUnavailable,
		Message:    why + ": send the request again (with the header " + producerHeader + ", what is stored already is not stored twice)",
		RetryAfter: awayRetry,
	}
}

// globalLevel is the level from which lines go to the global channel too.
func (s *Server) globalLevel() loglane.Level {
	if s.opts.Global == nil {
		return math.MinInt
	}
	return *s.opts.Global
}

// copies says whether a record goes to the global channel too. One without a level does.
func (s *Server) copies(record []byte) bool {
	least := s.globalLevel()
	if least == math.MinInt || least == GlobalOff {
		return least != GlobalOff
	}
	level, known := loglane.RecordLevel(record)
	return !known || level >= least
}
