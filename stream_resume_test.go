package loglane_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func TestResumeAtEveryPlace(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		var cursors []loglane.Cursor
		var texts []string
		for n, text := range numbered("line", 1, 60) {
			if n%4 == 3 {
				s.store(text)
			} else {
				s.append(text)
			}
			cursors = append(cursors, s.tail())
			texts = append(texts, text)
		}
		for n, c := range cursors {
			want := append([]string{"retry"}, placed(texts[n+1:]...)...)
			if n == len(cursors)-1 {
				want = append(want, "#"+texts[n])
			}
			v := s.open("last_event_id=" + c.String())
			v.want(want...)
			v.leave()
		}
	})
}

func TestResumeFollowsTheLineAcrossDisconnects(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		var seen []string
		for n, text := range numbered("line", 1, 100) {
			s.append(text)
			if n%7 == 0 {
				v.leave()
				seen = append(seen, v.lines()...)
				v = s.open("", "Last-Event-ID", v.lastID())
			}
		}
		v.leave()
		seen = append(seen, v.lines()...)
		if want := numbered("line", 1, 100); !slices.Equal(seen, want) {
			t.Errorf("seen %q", seen)
		}
	})
}

func TestResumeFromAllThatIsKept(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 2000}}, func(s *stage) {
		s.open("last_event_id=0").want("retry", "#start")
		texts := numbered("line", 1, 1500)
		s.append(texts...)
		all := append([]string{"retry"}, placed(texts...)...)
		s.open("last_event_id=0").want(all...)
		s.open("", "Last-Event-ID", "0").want(all...)
		s.open("last_event_id=0", "Last-Event-ID", s.tail().String()).want("retry", "#line 1500")
		s.open("").want(append([]string{"retry"}, placed(texts[500:]...)...)...)
		s.open("backlog=3").want(append([]string{"retry"}, placed(texts[1497:]...)...)...)
		s.open("backlog=0").want("retry", "#line 1500")
		s.open("backlog=1200").want(append([]string{"retry"}, placed(texts[300:]...)...)...)
		s.open("backlog=100000").want(all...)
	})
}

func TestBacklogIsBoundedInBytes(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		long := make([]byte, 20<<10)
		for i := range long {
			long[i] = 'x'
		}
		for range 80 {
			s.append(string(long))
		}
		v := s.open("")
		if n := len(v.lines()); n < 40 || n > 53 {
			t.Errorf("%d lines of 20 KiB came, want about 1 MiB", n)
		}
		s.append("next")
		if lines := v.lines(); lines[len(lines)-1] != "next" {
			t.Errorf("the last line is %.20q", lines[len(lines)-1])
		}
	})
}

func TestResumeWithoutTheHistory(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one", "two")
		old := s.tail()
		s.append("three")
		last := s.tail()
		s.open("").want("retry", "one#", "two#", "three#")
		time.Sleep(time.Hour + time.Minute)
		s.open("last_event_id="+last.String()).want("retry", "#three")
		s.open("last_event_id="+old.String()).want("retry", `gap{"reason":"expired","missed":1}#start`)
		s.append("four")
		s.open("last_event_id="+last.String()).want("retry", "four#")
		s.open("last_event_id="+old.String()).want("retry", `gap{"reason":"expired","missed":1}#three`, "four#")
		s.open("last_event_id=0").want("retry", "four#")
	})
}

func TestResumeAfterALoss(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one", "two")
		old := s.tail()
		s.broker.Flush(aliceChannel)
		s.open("last_event_id="+old.String()).want("retry", `gap{"reason":"epoch","missed":null}#start`)
		s.append("three")
		s.open("last_event_id="+old.String()).want("retry", `gap{"reason":"epoch","missed":null}#start`, "three#")
		wrong := s.tail()
		wrong.ID.Seq += 7
		s.open("last_event_id="+wrong.String()).want("retry", `gap{"reason":"rewritten","missed":null}#start`, "three#")
	})
}

func TestStreamStaysOpenOverALoss(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.append("one", "two")
		v.wantMore("retry", "#start", "one#", "two#")
		s.broker.Flush(aliceChannel)
		s.append("three", "four")
		v.wantMore(`gap{"reason":"epoch","missed":null}#start`, "three#", "four#")
		if gaps := s.hub.Stats().Gaps; gaps != 1 {
			t.Errorf("%d gaps are counted, want 1", gaps)
		}
	})
}

func TestOneUserNeverSeesAnothersLine(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		alice := s.open("")
		bobs := s.grant
		bobs.Channel = "logs:User.bob"
		bob := s.openAs(bobs, "")
		global := s.openAs(loglane.Grant{Channel: loglane.GlobalChannel}, "")
		s.append("for alice")
		s.both("also for alice")
		synctest.Wait()
		alice.want("retry", "#start", "for alice#", "also for alice#")
		bob.want("retry", "#start")
		global.want("retry", "#start")
	})
}

// The place before a foreign entry has no name of its own: a gap before one is told once.
func TestGapBeforeAForeignEntry(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 3}}, func(s *stage) {
		old := s.append("zero")
		s.append("one")
		s.store("foreign")
		s.append("two", "three")
		s.open("last_event_id="+old.String()).want("retry", `gap{"reason":"trimmed","missed":null}#start`, "foreign#", "two#", "three#")
		s.store("four")
		s.append("five", "six")
		gone := s.broker.readCount()
		v := s.open("last_event_id=" + old.String())
		v.wantMore("retry", `gap{"reason":"trimmed","missed":null}#start`, "four#", "five#", "six#")
		s.append("seven")
		v.wantMore("seven#")
		if reads := s.broker.readCount() - gone; reads > 10 {
			t.Errorf("%d reads for one viewer", reads)
		}
		s.open("last_event_id=0.0.0-0").want("retry", `gap{"reason":"trimmed","missed":null}#four`, "five#", "six#", "seven#")
	})
}

// A src at the place before the first line is nonsense that a viewer may send.
func TestResumeWithANonsensicalPlace(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		const nonsense = "last_event_id=0.0.0-0.BBBBBBBBBBA"
		s.open(nonsense).want("retry", "#start")
		s.append("one")
		s.open(nonsense).want("retry", "one#")
	})
}

// The hub may stand at the last line of an evicted history, and viewers before it.
func TestResumeBesideAnEvictedHistory(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		open := s.open("")
		open.forget()
		s.broker.EvictStream(aliceChannel)
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		v := s.open("last_event_id=0.0.0-0")
		s.append("two")
		open.want("two#")
		if lines := v.lines(); !slices.Equal(lines, []string{"two"}) && !slices.Equal(lines, []string{"one", "two"}) {
			t.Errorf("lines %q", lines)
		}
	})
}

// Two places may be called 0-0: the one before the first line, and the one after a gap
// before a foreign entry. Who comes back to the first has missed what the gap was for.
func TestResumeFromTheBeginningAfterAGap(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 3}}, func(s *stage) {
		v := s.open("")
		v.wantMore("retry", "#start")
		for _, text := range numbered("foreign", 1, 5) {
			s.store(text)
		}
		s.append("ours")
		const gap = `gap{"reason":"trimmed","missed":null}#start`
		v.wantMore(gap, "foreign 4#", "foreign 5#", "ours#")
		s.open("last_event_id=0.0.0-0").want("retry", gap, "foreign 4#", "foreign 5#", "ours#")
	})
}
