package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/loglane/loglane/logship"
)

// grace is how long what is left has once the reading was asked to end.
const grace = 5 * time.Second

// A Sender is for one run.
type Sender struct {
	opts    Options
	level   slog.Level
	context string // of the channel
	gateway *watched
}

// An IncompleteError says how many lines are not in the channel, and why.
type IncompleteError struct{ Summary string }

func (e *IncompleteError) Error() string { return e.Summary }

// Run sends what in has until it or ctx ends, and waits until it is acknowledged: as long
// as Options.Timeout says, 5 s once ctx has ended, and no longer once cut has. It returns
// nil if every line is acknowledged. Its errors are those of in, an [*IncompleteError],
// and a [*DeniedError] where the gateway refused the token before it took anything.
//
// A read that does not return when ctx ends is left alone: nothing that it brings is sent.
func (s *Sender) Run(ctx, cut context.Context, in io.Reader) error {
	defer s.gateway.Close()
	reading, end := context.WithCancelCause(ctx)
	defer end(nil)
	s.gateway.deny = end
	to, err := s.destined(reading)
	if err != nil {
		return err
	}
	lines := s.handler()
	p := &pump{in: in, tee: s.opts.Tee, to: logship.NewWriter(to, lines, &logship.WriterOptions{Level: s.level})}
	ended := make(chan error, 1)
	go func() { ended <- p.run() }()
	select {
	case err = <-ended:
	case <-reading.Done():
	}
	err = errors.Join(err, p.stop())
	s.finish(reading, cut, lines)
	if denied, is := errors.AsType[*DeniedError](context.Cause(reading)); is {
		return denied
	}
	return errors.Join(err, s.outcome(p.lines, lines.Stats()))
}

// finish waits for the acknowledgements as long as it may.
func (s *Sender) finish(reading, cut context.Context, lines *logship.Handler) {
	ctx, cancel := context.WithCancel(cut)
	defer cancel()
	if s.opts.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, s.opts.Timeout)
		defer cancel()
	}
	stop := context.AfterFunc(reading, func() {
		if _, denied := errors.AsType[*DeniedError](context.Cause(reading)); denied {
			cancel()
			return
		}
		time.AfterFunc(grace, cancel)
	})
	defer stop()
	_ = lines.Shutdown(ctx) // what it could not send is in the stats
}

// outcome judges the run, and tells what went another way than straight.
func (s *Sender) outcome(read int, stats logship.Stats) error {
	var parts []string
	part := func(n uint64, text string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, text))
		}
	}
	part(stats.Dropped, "dropped, for the buffer was full")
	part(stats.Rejected, "rejected: "+s.gateway.rejection())
	part(stats.Lost, "lost by the gateway's broker after it had acknowledged them")
	part(uint64(stats.Queued), "not acknowledged: "+s.gateway.trouble())
	summary := fmt.Sprintf("lines: %d read, ", read)
	switch {
	case len(parts) > 0:
		return &IncompleteError{summary + strings.Join(parts, ", ")}
	case stats.Resent > 0:
		s.opts.Notice(fmt.Sprintf("%s%d sent again, all acknowledged", summary, stats.Resent))
	}
	return nil
}
