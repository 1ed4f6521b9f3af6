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

// A full queue drops the newest lines, and their count stands where they are missing.
func TestDropsAreTold(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts logship.Options
		text string // of each line
		fit  int    // lines that wait at most
		note string
	}{
		{"lines", logship.Options{QueueLines: 10}, "x", 10, "(Options.QueueLines)"},
		{"bytes", logship.Options{QueueBytes: 4 * loglane.MinMaxLine, MaxLine: loglane.MinMaxLine}, strings.Repeat("y", 500), 2, "(Options.QueueBytes)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := newSink(t)
				sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
				tt.opts.Global = logship.GlobalOff
				h := newHandler(t, sink, tt.opts)
				log, ctx := slog.New(h), logship.WithUser(t.Context(), "alice")
				say := func(from, to int) {
					for i := from; i < to; i++ {
						log.InfoContext(ctx, tt.text, "i", i)
					}
				}
				say(0, tt.fit+37)
				sink.setFault(nil)
				flush(t, h)
				say(100, 101)
				flush(t, h)
				got := stored(t, sink.MemoryBroker, aliceChannel)
				if len(got) != tt.fit+2 {
					t.Fatalf("%d lines, want %d", len(got), tt.fit+2)
				}
				note := got[tt.fit]
				if note.Message != "37 log lines dropped: the queue was full "+tt.note || note.Level != "WARN" || note.Context != "User.alice" || note.Logger != "logship" {
					t.Errorf("in their place stands %+v", note)
				}
				if got[tt.fit-1].Attrs["i"] != float64(tt.fit-1) || got[tt.fit+1].Attrs["i"] != float64(100) {
					t.Errorf("beside it stand %v and %v", got[tt.fit-1], got[tt.fit+1])
				}
				if s := h.Stats(); s.Dropped != 37 || s.Sent != uint64(tt.fit+2) {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// The note needs no further line, and each channel counts its own.
func TestDropsOfEachChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{QueueLines: 6})
		log := slog.New(h)
		for i := range 5 {
			log.InfoContext(logship.WithUser(t.Context(), "alice"), fmt.Sprint(i))
			log.InfoContext(logship.WithUser(t.Context(), "bob"), fmt.Sprint(i))
		}
		sink.setFault(nil)
		time.Sleep(time.Minute)
		for channel, want := range map[string]string{
			aliceChannel:          "[0 1 2 3 4]",
			"logs:User.bob":       "[0 1 2 3 4]",
			loglane.GlobalChannel: "[0 0 1 1 2 2 4 log lines dropped: the queue was full (Options.QueueLines)]",
		} {
			if got := fmt.Sprint(messages(t, sink.MemoryBroker, channel)); got != want {
				t.Errorf("%s has %s, want %s", channel, got, want)
			}
		}
	})
}

// One channel that is stuck leaves room in the queue for the others.
func TestStuckChannelLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(_ context.Context, channel string, _ loglane.Batch) (error, error) {
			if channel == aliceChannel {
				return errDown, nil
			}
			return nil, nil
		})
		h := newHandler(t, sink, logship.Options{QueueBytes: 1 << 20})
		log := slog.New(h)
		for range 4000 {
			log.InfoContext(logship.WithUser(t.Context(), "alice"), strings.Repeat("x", 500))
			synctest.Wait()
		}
		log.InfoContext(logship.WithUser(t.Context(), "bob"), "here")
		synctest.Wait()
		wantMessages(t, sink.MemoryBroker, "logs:User.bob", []string{"here"})
		if n := len(messages(t, sink.MemoryBroker, loglane.GlobalChannel)); n != 4001 {
			t.Errorf("%d lines in the global channel", n)
		}
		sink.setFault(nil)
		flush(t, h)
		if got := messages(t, sink.MemoryBroker, aliceChannel); !strings.Contains(got[len(got)-1], "dropped") {
			t.Errorf("alice's last line is %q", got[len(got)-1])
		}
	})
}

// A sink that blocks for ever, deaf to its context, blocks nobody.
func TestNeverBlocks(t *testing.T) {
	release := make(chan struct{})
	sink := newSink(t)
	sink.setFault(func(context.Context, string, loglane.Batch) (error, error) {
		<-release
		return errDown, nil
	})
	h := newHandler(t, sink, logship.Options{})
	log := slog.New(h)
	for range 100 {
		ctx := logship.WithJob(t.Context())
		for range 200 {
			log.InfoContext(ctx, "x")
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := h.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v", err)
	}
	if err := h.Shutdown(short); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "log lines were not acknowledged") {
		t.Errorf("Shutdown: %v", err)
	}
	if s := h.Stats(); s.Dropped == 0 || s.Queued == 0 {
		t.Errorf("stats %+v", s)
	}
	close(release)
	if err := h.Shutdown(t.Context()); !errors.Is(err, logship.ErrShutdown) {
		t.Errorf("Shutdown again: %v", err)
	}
}

// A sink that is gone for ever does not make the memory grow with the channels.
func TestChannelsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{QueueBytes: 1 << 20, Global: logship.GlobalOff})
		log := slog.New(h)
		for range 30_000 {
			log.InfoContext(logship.WithJob(t.Context()), "x")
		}
		stats := h.Stats()
		if stats.Channels > 20_000 || stats.Dropped == 0 {
			t.Errorf("stats %+v", stats)
		}
		sink.setFault(nil)
		flush(t, h)
		own := messages(t, sink.MemoryBroker, loglane.ChannelPrefix+h.Context(t.Context()))
		if len(own) == 0 || !strings.Contains(own[0], "dropped") {
			t.Errorf("the process's own channel has %q", own)
		}
	})
}
