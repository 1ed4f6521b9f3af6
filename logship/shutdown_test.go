package logship_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) {
			time.Sleep(time.Second)
			return nil, nil
		})
		h := newHandler(t, sink, logship.Options{})
		log := slog.New(h)
		for i := range 300 {
			log.Info(fmt.Sprint("x ", i))
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, numbered("x", 300))
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "late", 0)
		if err := h.Handle(t.Context(), r); !errors.Is(err, logship.ErrShutdown) {
			t.Errorf("Handle after it: %v", err)
		}
		calls := len(sink.sent(loglane.GlobalChannel))
		time.Sleep(time.Minute)
		if n := len(sink.sent(loglane.GlobalChannel)); n != calls {
			t.Errorf("%d calls after it", n-calls)
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}

func TestShutdownGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
		for range 3 {
			slog.New(h).Info("x")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		err := h.Shutdown(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 log lines were not acknowledged") {
			t.Errorf("err = %v", err)
		}
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("took %v", took)
		}
		calls := len(sink.sent(loglane.ChannelPrefix + h.Context(t.Context())))
		if calls < 4 {
			t.Errorf("%d tries in 20 s", calls)
		}
		if err := h.Flush(t.Context()); !errors.Is(err, logship.ErrShutdown) {
			t.Errorf("Flush after it: %v", err)
		}
	})
}

func TestUnusedHandler(t *testing.T) {
	h := logship.NewHandler(newSink(t), nil)
	if err := h.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Troubles are told once in 10 s, with how many were not told, and the end of them.
func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{
			Global:   logship.GlobalOff,
			ErrorLog: slog.New(slog.NewTextHandler(&out, nil)),
		})
		slog.New(h).Info("x")
		time.Sleep(time.Minute)
		sink.setFault(nil)
		flush(t, h)
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		told := out.String()
		if n := strings.Count(told, "does not take log lines"); n < 4 || n > 6 || !strings.Contains(told, "not_told_before=") {
			t.Errorf("told %d times in a minute:\n%s", n, told)
		}
		if !strings.HasSuffix(strings.TrimSpace(told), `msg="the sink takes log lines again"`) {
			t.Errorf("the end is not told:\n%s", told)
		}
	})
}
