package loglane_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// A rewritten history is read from where the lines begin that are known again: how much
// stands before them costs nothing, for on its way through the oldest entries a read is
// overtaken by their trimming.
func TestARewindLeapsOverWhatWasHad(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000, Bytes: 1 << 30}}, func(s *stage) {
		s.append(numbered("line", 1, 6000)...)
		v := s.open("backlog=1")
		v.wantMore("retry", "line 6000#")
		before := s.hub.Stats().Reads
		rewritten := false
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				if rewritten {
					return
				}
				rewritten = true
				*page = oldestRewritten(t, b)
			}
		})
		end := s.broker.dropPayloads()
		s.append("new")
		end()
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		v.wantMore(`gap{"reason":"rewritten","missed":null}#start`, "#line 256", "#line 5000", "#line 5256", "#line 5512", "#line 5768", "new#")
		if reads := s.hub.Stats().Reads - before; reads > 8 {
			t.Errorf("%d reads", reads)
		}
		s.append("live")
		v.want("live#")
		s.open("last_event_id="+v.lastID()).want("retry", "#live")
	})
}

// A rewind goes on where the broker went away in the middle of it: what viewers had before is
// not shown again.
func TestARewindGoesOnAfterAnOutage(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000, Bytes: 1 << 30}}, func(s *stage) {
		s.append(numbered("line", 1, 1000)...)
		v := s.open("")
		v.forget()
		reads := 0
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				switch reads++; reads {
				case 1:
					*page = oldestRewritten(t, b)
				case 3: // the page after it; the second one asks for the oldest line that is known
					b.set(func(b *faultyBroker) { b.away = true })
				}
			}
		})
		end := s.broker.dropPayloads()
		s.append("new")
		end()
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		synctest.Wait()
		s.broker.come()
		time.Sleep(time.Minute)
		if lines := v.lines(); !slices.Equal(lines, []string{"new"}) {
			t.Errorf("%d lines are shown", len(lines))
		}
	})
}

// The line that the feed remembers longest may have gone with an earlier loss: another one tells
// what was had.
func TestARewindAfterAnother(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000, Bytes: 1 << 30}}, func(s *stage) {
		s.append("before")
		v := s.open("")
		s.append(numbered("line", 1, 6000)...)
		v.forget()
		reads := 0
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				switch reads++; reads {
				case 1:
					*page = oldestRewritten(t, b)
				case 2: // the line that the feed remembers longest
					page.Status = loglane.StatusRewritten
				}
			}
		})
		end := s.broker.dropPayloads()
		s.append("new")
		end()
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		synctest.Wait()
		if lines := v.lines(); !slices.Equal(lines, []string{"new"}) {
			t.Errorf("%d lines are shown", len(lines))
		}
	})
}

// A loss that takes all the lines that the feed can recognise, or several in a row do, costs a
// replay from a place further back, and not of all that is kept.
func TestARewindBeyondWhatIsKnown(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 20_000, Bytes: 1 << 30}}, func(s *stage) {
		s.open("backlog=0")
		s.append(numbered("line", 1, 9000)...)
		var mu sync.Mutex
		reads, begins := 0, ""
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				mu.Lock()
				defer mu.Unlock()
				switch reads++; {
				case reads == 1:
					*page = oldestRewritten(t, b)
				case reads <= 1+8+5: // the lines that are known, and five places up to the 16th from the end
					page.Status = loglane.StatusRewritten
				case len(page.Entries) > 1 && begins == "":
					begins = textOf(page.Entries[0].Data)
				}
			}
		})
		end := s.broker.dropPayloads()
		s.append("new")
		end()
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		synctest.Wait()
		if begins != "line 1025" {
			t.Errorf("the replay begins at %q", begins)
		}
	})
}

// oldestRewritten is the first page of a channel whose cursor is said not to stand.
func oldestRewritten(t *testing.T, b *faultyBroker) loglane.Page {
	page, err := b.MemoryBroker.Read(t.Context(), aliceChannel, loglane.Oldest(), 256)
	if err != nil {
		t.Error(err)
	}
	page.Status, page.Missed = loglane.StatusRewritten, -1
	return page
}

// Lines that a rewind does not show again have been counted: no gap is told once their time is over.
func TestNumbersAfterARewind(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{TTL: time.Hour}}, func(s *stage) {
		s.append(numbered("line", 1, 9)...)
		v := s.open("backlog=1")
		v.wantMore("retry", "line 9#")
		var once atomic.Bool
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				if once.CompareAndSwap(false, true) {
					*page = oldestRewritten(t, b)
				}
			}
		})
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		synctest.Wait()
		v.forget()
		time.Sleep(time.Hour + time.Minute)
		place := v.lastID()
		s.append("line 10")
		for name, told := range map[string][]string{
			"who stayed": v.told(), "who comes back": s.open("last_event_id=" + place).told(),
		} {
			if all := strings.Join(told, " "); strings.Contains(all, "gap") || !strings.Contains(all, "line 10#") {
				t.Errorf("%s is told %q", name, told)
			}
		}
	})
}
