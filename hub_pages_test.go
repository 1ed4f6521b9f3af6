package loglane_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// slowReads lets each read of the broker take a while, so that many are under way at once.
func (s *stage) slowReads(took time.Duration) {
	s.broker.set(func(b *faultyBroker) { b.onRead = func(*loglane.Page) { time.Sleep(took) } })
}

// A crowd that has fallen behind the ring, each at a place of its own, asks the broker about
// once a page, and what it is shown is encoded once.
func TestViewersBehindTheRingShareReads(t *testing.T) {
	const viewers, lines, page = 50, 6000, 256
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000}}, func(s *stage) {
		var crowd []*viewer
		texts := numbered("line", 1, lines)
		for n := range viewers {
			v := s.open("backlog=0")
			v.forget()
			crowd = append(crowd, v)
			s.append(texts[n])
			synctest.Wait()
			v.w.freeze()
		}
		s.append(texts[viewers:]...)
		synctest.Wait()
		s.slowReads(5 * time.Millisecond)
		before := s.hub.Stats().Reads
		for _, v := range crowd {
			v.w.thaw()
		}
		time.Sleep(time.Second)
		for n, v := range crowd {
			if got := v.lines(); !slices.Equal(got, texts[n:]) {
				t.Fatalf("viewer %d got %d lines, want %d", n, len(got), lines-n)
			}
		}
		// 5,000 lines stand before the ring, and a page is cut off where viewers came to it.
		if reads := s.hub.Stats().Reads - before; reads > 2*lines/page {
			t.Errorf("%d viewers made %d reads for %d pages", viewers, reads, lines/page)
		}
		if shared := sharedBy(crowd); shared < lines*9/10 {
			t.Errorf("%d of %d lines were encoded once for all", shared, lines)
		}
		if gaps := s.hub.Stats().Gaps; gaps != 0 {
			t.Errorf("%d gaps", gaps)
		}
	})
}

// sharedBy is how many events lie in memory once for all of a crowd.
func sharedBy(crowd []*viewer) (shared int) {
	firsts := make(map[*byte]int)
	for _, v := range crowd {
		for first, n := range v.w.firsts {
			firsts[first] += n
		}
	}
	for _, n := range firsts {
		if n == len(crowd) {
			shared++
		}
	}
	return shared
}

// behind makes a line's place, and so many after it that the ring has not got it.
func (s *stage) behind(lines int) (place loglane.Cursor, texts []string) {
	s.Helper()
	s.open("") // so that there is a ring
	place = s.append("first")
	texts = numbered("line", 1, lines)
	s.append(texts...)
	synctest.Wait()
	return place, texts
}

// A crowd who comes back after the lines that follow their places were trimmed away, each from
// another place, is told how many it missed, and shares what is kept; also where more is trimmed
// meanwhile.
func TestACrowdWithTrimmedPlacesSharesReads(t *testing.T) {
	const viewers, kept, lines = 50, 2500, 4000
	onStage(t, stageOptions{retention: loglane.Retention{Lines: kept}}, func(s *stage) {
		var places []loglane.Cursor
		for n := range viewers {
			places = append(places, s.append(fmt.Sprintf("early %d", n)))
		}
		s.append(numbered("line", 1, lines)...)
		s.open("") // so that there is a ring, of the newest 1,000
		var read atomic.Int64
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				read.Add(int64(len(page.Entries)))
				time.Sleep(time.Millisecond)
			}
		})
		var crowd []*viewer
		for n := range viewers {
			crowd = append(crowd, s.request(s.grant, "GET", "last_event_id="+places[n].String()))
			time.Sleep(3 * time.Millisecond)
			if n%10 == 9 {
				s.append(fmt.Sprintf("late %d", n))
			}
		}
		time.Sleep(time.Second)
		for n, v := range crowd {
			got := v.lines()
			first, _ := strconv.Atoi(strings.TrimPrefix(got[0], "line "))
			missed := viewers - 1 - n + first - 1
			want := append(numbered("line", first, lines), "late 9", "late 19", "late 29", "late 39", "late 49")
			if first < lines-kept || !slices.Equal(got, want) {
				t.Fatalf("viewer %d got %d lines from %q to %q", n, len(got), got[0], got[len(got)-1])
			}
			gap := fmt.Sprintf(`gap{"reason":"trimmed","missed":%d}`, missed)
			if told := v.told(); strings.Count(strings.Join(told, "\n"), "gap{") != 1 || !strings.HasPrefix(told[1], gap) {
				t.Errorf("viewer %d was told %q, want one %s", n, told[:3], gap)
			}
		}
		if read.Load() > 2*kept+viewers {
			t.Errorf("%d viewers read %d entries, where %d are kept", viewers, read.Load(), kept)
		}
		if shared := sharedBy(crowd); shared < kept*3/4 {
			t.Errorf("%d of %d lines were encoded once for all", shared, kept)
		}
	})
}

// Who is in the middle of a page gets what follows from the pages that are kept, also where the
// history lost its place meanwhile and others have come who were told so.
func TestAKeptPageServesAPlaceThatIsTrimmed(t *testing.T) {
	const kept, lines = 2500, 3000
	onStage(t, stageOptions{retention: loglane.Retention{Lines: kept}}, func(s *stage) {
		early := s.append(numbered("line", 1, 10)...)
		place := s.append(numbered("line", 11, 151)...)
		s.append(numbered("line", 152, 2600)...)
		s.open("") // so that there is a ring
		stalled := s.request(s.grant, "GET", "last_event_id="+place.String())
		stalled.w.freeze()
		for range 2 {
			s.open("last_event_id=" + place.String())
		}
		s.append(numbered("line", 2601, lines)...)
		synctest.Wait()
		for range 2 {
			if told := s.open("last_event_id=" + early.String()).told(); !strings.HasPrefix(told[1], "gap{") {
				t.Fatalf("who comes from a place that was trimmed is told %q", told[:3])
			}
		}
		stalled.w.thaw()
		time.Sleep(time.Second)
		if got := stalled.lines(); !slices.Equal(got, numbered("line", 152, lines)) {
			t.Errorf("%d lines from %q to %q", len(got), got[0], got[len(got)-1])
		}
		if told := strings.Join(stalled.told(), "\n"); strings.Contains(told, "gap{") {
			t.Error("a gap is told where all lines were there")
		}
	})
}

// Neither who takes no more nor who leaves in the middle of a read holds up those who share
// pages with them.
func TestSharedReadsWaitForNobody(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000}}, func(s *stage) {
		place, texts := s.behind(5000)
		resume := "last_event_id=" + place.String()
		s.slowReads(20 * time.Millisecond)
		stalled := s.request(s.grant, "GET", resume)
		time.Sleep(50 * time.Millisecond)
		stalled.w.freeze()
		leaving := s.request(s.grant, "GET", resume)
		synctest.Wait() // it reads
		var crowd []*viewer
		for range 10 {
			crowd = append(crowd, s.request(s.grant, "GET", resume))
		}
		time.Sleep(10 * time.Millisecond)
		leaving.leave()
		begin := time.Now()
		for _, v := range crowd {
			for len(v.lines()) < len(texts) {
				if time.Since(begin) > time.Second {
					t.Fatalf("%d of %d lines after a second", len(v.lines()), len(texts))
				}
				time.Sleep(5 * time.Millisecond)
			}
			if got := v.lines(); !slices.Equal(got, texts) {
				t.Errorf("%d lines came, the last is %q", len(got), got[len(got)-1])
			}
			if told := v.told(); slices.Contains(told, `status{"upstream":"down"}`) {
				t.Error("who waited for the read of one who left was told that the broker is away")
			}
		}
		stalled.w.thaw()
		time.Sleep(time.Second)
		if got := stalled.lines(); !slices.Equal(got, texts) {
			t.Errorf("the stalled viewer got %d lines, want %d", len(got), len(texts))
		}
	})
}

// A broker that goes away while viewers wait for one read tells all of them.
func TestSharedReadThatFails(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000}}, func(s *stage) {
		place, texts := s.behind(5000)
		s.slowReads(100 * time.Millisecond)
		var crowd []*viewer
		for range 10 {
			crowd = append(crowd, s.request(s.grant, "GET", "last_event_id="+place.String()))
		}
		time.Sleep(450 * time.Millisecond)
		s.broker.leave()
		time.Sleep(time.Second)
		for _, v := range crowd {
			if told := v.told(); told[len(told)-1] != `status{"upstream":"down"}` {
				t.Errorf("the last thing told is %s", told[len(told)-1])
			}
		}
		s.broker.come()
		time.Sleep(30 * time.Second)
		for _, v := range crowd {
			if got := v.lines(); !slices.Equal(got, texts) {
				t.Errorf("%d lines came, want %d", len(got), len(texts))
			}
		}
	})
}

// What viewers share is what there is; what each is shown of it stays its own.
func TestSharedPagesAreFilteredForEach(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000}}, func(s *stage) {
		s.open("")
		place := s.append("first")
		levels := []string{"debug", "info", "warn", "error"}
		var all []string
		want := make(map[string][]string)
		for n := range 3000 {
			text := fmt.Sprintf("line %d of kind %d", n, n%7)
			s.append(fmt.Sprintf(`{"message":%q,"level":%q}`, text, levels[n%4]))
			all = append(all, text)
			if n%4 == 3 {
				want["level=error"] = append(want["level=error"], text)
			}
			if n%7 == 3 {
				want["q=kind+3"] = append(want["q=kind+3"], text)
				if n%4 >= 2 {
					want["level=warn&q=kind+3"] = append(want["level=warn&q=kind+3"], text)
				}
			}
		}
		want[""], want["q=nowhere"] = all, nil
		synctest.Wait()
		s.slowReads(5 * time.Millisecond)
		before := s.hub.Stats().Reads
		crowd := make(map[*viewer]string)
		for query := range want {
			for range 4 {
				crowd[s.request(s.grant, "GET", query+"&last_event_id="+place.String())] = query
			}
		}
		time.Sleep(10 * time.Second)
		for v, query := range crowd {
			if got := v.lines(); !slices.Equal(got, want[query]) {
				t.Errorf("?%s shows %d lines, want %d", query, len(got), len(want[query]))
			}
		}
		if reads := s.hub.Stats().Reads - before; reads > 20 {
			t.Errorf("%d viewers made %d reads", len(crowd), reads)
		}
	})
}

// What is purged is shown to nobody who had not read it yet, though others have: neither
// out of a page that is kept nor out of one that was under way.
func TestPurgeOfSharedPages(t *testing.T) {
	for name, purge := range map[string]func(*stage){
		"here": (*stage).purge,
		"by another process": func(s *stage) {
			_ = s.broker.Purge(s.Context(), s.grant.Channel) // a memory broker can
			s.hub.Forget(s.grant.Channel)
		},
		"by another process whose notice was missed": func(s *stage) {
			_ = s.broker.Purge(s.Context(), s.grant.Channel) // a memory broker can
			s.hub.Doubt()
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000}}, func(s *stage) {
				place, _ := s.behind(5000)
				resume := "last_event_id=" + place.String()
				s.slowReads(20 * time.Millisecond)
				slow := s.request(s.grant, "GET", resume)
				time.Sleep(30 * time.Millisecond)
				slow.w.freeze()
				quick := s.request(s.grant, "GET", resume)
				for len(quick.lines()) < 5*256 {
					time.Sleep(time.Millisecond)
				}
				waiting := s.request(s.grant, "GET", "last_event_id="+quick.lastID())
				time.Sleep(10 * time.Millisecond) // quick reads, and another waits for what it reads
				if len(waiting.lines()) > 0 {
					t.Fatal("nobody waits for what another reads")
				}
				was, had := len(slow.lines()), len(quick.lines())
				purge(s)
				slow.w.thaw()
				time.Sleep(5 * time.Second)
				if was == 0 || had <= was+2*256 {
					t.Fatalf("%d lines, and %d to who was quicker: there is nothing to share", was, had)
				}
				// A page that was being written, and one that was being read, are under way.
				if lines := len(slow.lines()); lines > was+2*256 {
					t.Errorf("a slow viewer got %d lines before the purge, and %d after", was, lines-was)
				}
				if lines := waiting.lines(); len(lines) > 0 && name == "here" {
					t.Errorf("who waited for another's read got %d purged lines from %q on", len(lines), lines[0])
				}
				if told := strings.Join(slow.told(), " "); !strings.Contains(told, "gap{") && name != "by another process whose notice was missed" {
					t.Error("the slow viewer was told of no gap")
				}
			})
		})
	}
}

// Pages are counted with the rings and bounded, and go with the next sweep.
func TestSharedPagesAreBounded(t *testing.T) {
	const ring = 1 << 20
	for name, of := range map[string]struct{ lines, size int }{"short lines": {3000, 200}, "long lines": {600, 12 << 10}} {
		t.Run(name, func(t *testing.T) {
			onStage(t, stageOptions{retention: loglane.Retention{Lines: 4000, Bytes: 64 << 20}}, func(s *stage) {
				s.open("").w.freeze() // nobody's bytes but those of the viewers behind
				place := s.append("first")
				for n := range of.lines {
					s.append(fmt.Sprintf("%d %s", n, strings.Repeat("x", of.size)))
				}
				time.Sleep(20 * time.Second) // the frozen one's stream has ended
				alone := s.hub.Stats().RingCost
				var mu sync.Mutex
				var most int64
				s.broker.set(func(b *faultyBroker) {
					b.onRead = func(*loglane.Page) {
						mu.Lock()
						most = max(most, s.hub.Stats().RingCost)
						mu.Unlock()
						time.Sleep(5 * time.Millisecond)
					}
				})
				var crowd []*viewer
				for range 5 {
					crowd = append(crowd, s.request(s.grant, "GET", "last_event_id="+place.String()))
				}
				time.Sleep(3 * time.Second) // within a sweep
				for _, v := range crowd {
					if n := len(v.lines()); n != of.lines {
						t.Errorf("%d lines came, want %d", n, of.lines)
					}
				}
				if most <= alone || most > alone+ring {
					t.Errorf("the ring takes %d bytes, and with the pages %d", alone, most)
				}
				if cost := s.hub.Stats().RingCost; cost > alone+ring {
					t.Errorf("for those who may come next, %d bytes are kept, %d before", cost, alone)
				}
				time.Sleep(30 * time.Second) // two sweeps
				if cost := s.hub.Stats().RingCost; cost != alone {
					t.Errorf("once nobody is behind and two sweeps have been, %d bytes are kept, %d before", cost, alone)
				}
			})
		})
	}
}

// Those who come back one after the other to a channel that has been silent, so that its ring
// was freed, share what they read of it; and get what came meanwhile.
func TestWhoComesBackToASilentChannelSharesReads(t *testing.T) {
	const lines, page, viewers = 500, 256, 100 // who come over several sweeps
	onStage(t, stageOptions{hub: loglane.HubOptions{Linger: time.Hour}}, func(s *stage) {
		s.open("").w.freeze() // so that there is a feed
		place := s.append("first")
		texts := numbered("line", 1, lines)
		s.append(texts...)
		time.Sleep(2 * time.Minute) // the ring is freed
		before := s.hub.Stats().Reads
		for n := range viewers {
			v := s.request(s.grant, "GET", "last_event_id="+place.String())
			time.Sleep(time.Second)
			if got := v.lines(); !slices.Equal(got, texts) {
				t.Fatalf("viewer %d got %d lines, want %d", n, len(got), len(texts))
			}
			if n := v.w.written(); n > 10 { // each is a chunk of the answer
				t.Fatalf("%d lines came in %d writes", len(texts), n)
			}
			v.leave()
			if n == viewers/2 {
				texts = append(texts, "another")
				s.append("another")
			}
		}
		// The first has nobody to share with.
		if reads := s.hub.Stats().Reads - before; reads > 3*(lines/page+2) {
			t.Errorf("%d viewers made %d reads", viewers, reads)
		}
	})
}
