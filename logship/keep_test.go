package logship_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/logship"
)

// inBubble runs f with a handler that publishes to alice's channel alone.
func inBubble(t *testing.T, f func(t *testing.T, sink *faultSink, h *logship.Handler, say func(string))) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
		ctx := logship.WithUser(t.Context(), "alice")
		f(t, sink, h, func(message string) {
			slog.New(h).InfoContext(ctx, message)
			synctest.Wait()
		})
	})
}

// A quiet channel gets a batch without lines 10 s after its last line, and is forgotten.
func TestLetGo(t *testing.T) {
	inBubble(t, func(t *testing.T, sink *faultSink, h *logship.Handler, say func(string)) {
		say("x 0")
		time.Sleep(4 * time.Second)
		say("x 1")
		time.Sleep(10*time.Second - time.Nanosecond)
		synctest.Wait()
		if s := h.Stats(); s.Kept != 2 || s.Channels != 1 {
			t.Errorf("just before: %+v", s)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := h.Stats(); s.Kept != 0 || s.Channels != 0 {
			t.Errorf("after it: %+v", s)
		}
		sent := sink.sent(aliceChannel)
		if len(sent) != 3 {
			t.Fatalf("%d batches", len(sent))
		}
		first, second, last := sent[0].batch, sent[1].batch, sent[2].batch
		if first.After != 0 || second.After != first.Lines[0].K || last.After != second.Lines[0].K || len(last.Lines) != 0 {
			t.Errorf("batches %+v", sent)
		}
		say("x 2")
		if again := sink.sent(aliceChannel)[3].batch; again.After != 0 || again.Lines[0].K <= last.After {
			t.Errorf("the batch after the rest is %+v", again)
		}
	})
}

// A busy channel lets go of what its batches have shown to be there for 10 s.
func TestLetGoWhileBusy(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *faultSink, h *logship.Handler, say func(string)) {
		for i := range 60 {
			say(fmt.Sprint("x ", i))
			time.Sleep(time.Second)
		}
		if s := h.Stats(); s.Kept != 10 && s.Kept != 11 {
			t.Errorf("%d lines are kept", s.Kept)
		}
	})
}

// A loss is found by the batch that claims what was lost, and mended from there.
func TestRefusal(t *testing.T) {
	inBubble(t, func(t *testing.T, sink *faultSink, h *logship.Handler, say func(string)) {
		for i := range 5 {
			say(fmt.Sprint("x ", i))
		}
		sink.rewind(t, aliceChannel, 3)
		say("x 5")
		wantMessages(t, sink.MemoryBroker, aliceChannel, numbered("x", 6))
		sent := sink.sent(aliceChannel)
		refused, again := sent[5], sent[6]
		if refused.err == nil || refused.batch.After != sent[4].batch.Lines[0].K {
			t.Errorf("the refused batch is %+v", refused)
		}
		if again.batch.After != sent[1].batch.Lines[0].K || len(again.batch.Lines) != 4 || again.batch.Lines[0].K != sent[2].batch.Lines[0].K {
			t.Errorf("the batch after it is %+v", again)
		}
		if s := h.Stats(); s.Refused != 1 || s.Resent != 3 || s.Lost != 0 {
			t.Errorf("stats %+v", s)
		}
		say("x 6")
		if claim := sink.sent(aliceChannel)[7].batch.After; claim != again.batch.Lines[3].K {
			t.Errorf("the next batch claims %d", claim)
		}
	})
}

// The batch without lines finds a loss that no further line would have found.
func TestRefusalOfAQuietChannel(t *testing.T) {
	inBubble(t, func(t *testing.T, sink *faultSink, _ *logship.Handler, say func(string)) {
		for i := range 5 {
			say(fmt.Sprint("x ", i))
		}
		time.Sleep(9 * time.Second)
		sink.rewind(t, aliceChannel, 5)
		wantMessages(t, sink.MemoryBroker, aliceChannel, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		wantMessages(t, sink.MemoryBroker, aliceChannel, numbered("x", 5))
	})
}

// Where the loss reaches back before what is kept, a line stands in its place.
func TestLostLines(t *testing.T) {
	const lines = 50
	for _, tt := range []struct {
		name   string
		rewind int
		want   string
	}{
		{"to a known place", lines - 10, "17 log lines lost here"},
		{"to the start", lines, "an unknown number of log lines, at least 27, lost here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, sink *faultSink, h *logship.Handler, say func(string)) {
				for i := range lines {
					say(fmt.Sprintf("x %d %s", i, strings.Repeat("é", 22_000)))
				}
				kept := h.Stats().Kept
				if kept == 0 || kept > 1<<20/44_000 {
					t.Fatalf("%d lines are kept", kept)
				}
				sink.rewind(t, aliceChannel, tt.rewind)
				say("last")
				got := messages(t, sink.MemoryBroker, aliceChannel)
				note := lines - tt.rewind
				if len(got) != note+1+kept+1 || !strings.HasPrefix(got[note], tt.want) {
					t.Fatalf("%d lines, %d are kept; the note is %.80q", len(got), kept, got[min(note, len(got)-1)])
				}
				if first := fmt.Sprintf("x %d ", lines-kept); !strings.HasPrefix(got[note+1], first) || got[len(got)-1] != "last" {
					t.Errorf("after the note comes %.20q", got[note+1])
				}
				if s := h.Stats(); s.Lost != uint64(lines-kept-note) {
					t.Errorf("stats %+v, want %d lost", s, lines-kept-note)
				}
			})
		})
	}
}

// A loss that repeats is told once for each time, and only what is newly lost.
func TestLostTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, sink *faultSink, h *logship.Handler, say func(string)) {
		long := strings.Repeat("z", 60_000)
		for i := range 40 {
			say(fmt.Sprintf("x %d %s", i, long))
		}
		kept := h.Stats().Kept
		sink.rewind(t, aliceChannel, 30)
		say("one")
		sink.rewind(t, aliceChannel, 1)
		say("two")
		got := messages(t, sink.MemoryBroker, aliceChannel)
		notes := 0
		for _, m := range got {
			if strings.Contains(m, "lost here") {
				notes++
			}
		}
		if notes != 1 || got[len(got)-1] != "two" || got[len(got)-2] != "one" || len(got) != 10+1+kept+2 {
			t.Errorf("%d notes in %d lines", notes, len(got))
		}
	})
}

// What was let go is told once, also where a second loss reaches back further than is remembered.
func TestLostTwiceFurtherBack(t *testing.T) {
	inBubble(t, func(t *testing.T, sink *faultSink, h *logship.Handler, say func(string)) {
		long := strings.Repeat("z", 60_000)
		for i := range 100 {
			say(fmt.Sprintf("x %d %s", i, long))
		}
		sink.rewind(t, aliceChannel, 90)
		say("one")
		sink.rewind(t, aliceChannel, 95)
		say("two")
		got := messages(t, sink.MemoryBroker, aliceChannel)
		if got[len(got)-1] != "two" || got[len(got)-2] != "one" {
			t.Errorf("%d lines, the last is %.20q", len(got), got[len(got)-1])
		}
	})
}
