package logship_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// With Block, a full queue holds up whoever logs, and nothing is dropped.
func TestBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{QueueLines: 10, Block: true})
		ctx := logship.WithUser(t.Context(), "alice")
		var said atomic.Int32
		go func() {
			for i := range 300 {
				slog.New(h).InfoContext(ctx, fmt.Sprint("x ", i))
				said.Add(1)
			}
		}()
		time.Sleep(time.Minute)
		if n := said.Load(); n != 10 {
			t.Errorf("%d lines went into a queue for 10", n)
		}
		sink.setFault(nil)
		time.Sleep(time.Minute)
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantMessages(t, sink.MemoryBroker, aliceChannel, numbered("x", 300))
		wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, numbered("x", 300))
		if s := h.Stats(); s.Dropped != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// The end of the log call's context ends the wait, with a drop that is told; the end of
// the handler ends it with an error.
func TestBlockEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{QueueLines: 1, Block: true, Global: logship.GlobalOff})
		ctx := logship.WithUser(t.Context(), "alice")
		handle := func(ctx context.Context, message string) error {
			return h.Handle(ctx, slog.NewRecord(time.Now(), slog.LevelInfo, message, 0))
		}
		if err := handle(ctx, "x"); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		start := time.Now()
		for range 2 { // the second with a context that has ended
			if err := handle(short, "y"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("waited %v", took)
		}
		if s := h.Stats(); s.Dropped != 2 {
			t.Errorf("stats %+v", s)
		}
		waiting := make(chan error)
		go func() { waiting <- handle(ctx, "z") }()
		synctest.Wait()
		sink.setFault(nil)
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-waiting; !errors.Is(err, logship.ErrShutdown) {
			t.Errorf("the one that waits gets %v", err)
		}
		wantMessages(t, sink.MemoryBroker, aliceChannel, []string{"x", "2 log lines dropped: the queue was full (Options.QueueLines)"})
	})
}
