package loglane_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func TestFrozenViewerDelaysNobody(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		frozen := s.open("")
		frozen.forget()
		frozen.w.freeze()
		quick := s.open("")
		quick.forget()
		texts := numbered("line", 1, 800)
		begin := time.Now()
		s.append(texts...)
		quick.wantMore(placed(texts...)...)
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("the other viewer waited %v", waited)
		}
		frozen.w.thaw()
		frozen.want(placed(texts...)...)
	})
}

func TestStalledWriteEndsTheStream(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.w.freeze()
		s.append("one")
		time.Sleep(9900 * time.Millisecond)
		if v.ended() {
			t.Fatal("the stream ended before 10 s of stalling")
		}
		time.Sleep(200 * time.Millisecond)
		if !v.ended() {
			t.Fatal("the stream stays though its write stalls for more than 10 s")
		}
		if streams := s.hub.Stats().Streams; streams != 0 {
			t.Errorf("%d streams", streams)
		}
		// Silence is no stalling.
		quiet := s.open("")
		for range 20 {
			time.Sleep(time.Minute)
		}
		s.append("two")
		quiet.forget()
		s.append("three")
		quiet.want("three#")
	})
}

// A viewer behind the ring reads from the history at its own pace.
func TestViewerBehindTheRing(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000}}, func(s *stage) {
		v := s.open("")
		v.forget()
		v.w.freeze()
		texts := numbered("line", 1, 5000)
		s.append(texts[:2000]...)
		s.both("foreign")
		s.append(texts[2000:]...)
		synctest.Wait()
		v.w.thaw()
		texts = slices.Insert(texts, 2000, "foreign")
		if got := v.lines(); !slices.Equal(got, texts) {
			t.Errorf("%d lines came, want %d", len(got), len(texts))
		}
		v.forget()
		s.append("next")
		v.want("next#")
		if gaps := s.hub.Stats().Gaps; gaps != 0 {
			t.Errorf("%d gaps", gaps)
		}
	})
}

// Behind the history a viewer learns how many lines it has missed, and goes on from the
// ring.
func TestViewerBehindTheHistory(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 1000}}, func(s *stage) {
		v := s.open("")
		s.append("first")
		v.forget()
		v.w.freeze()
		s.append("stuck")
		synctest.Wait()
		const lines = 5000
		s.append(numbered("line", 1, lines)...)
		synctest.Wait()
		v.w.thaw()
		told := v.told()
		if len(told) < 900 || told[0] != "stuck#" || !strings.HasPrefix(told[1], `gap{"reason":"slow","missed":`) {
			t.Fatalf("%d events, the first are %.200q", len(told), told[:min(3, len(told))])
		}
		got := v.lines()[1:]
		if want := numbered("line", lines-len(got)+1, lines); !slices.Equal(got, want) {
			t.Errorf("after the gap %d lines came, from %q to %q", len(got), got[0], got[len(got)-1])
		}
		if want := fmt.Sprintf(`gap{"reason":"slow","missed":%d}#line %d`, lines-len(got), lines-len(got)); told[1] != want {
			t.Errorf("told %s, want %s", told[1], want)
		}
		// The gap's id is the place after which the next line comes.
		id := v.events()[1].ID
		s.open("last_event_id=" + id).want(append([]string{"retry"}, placed(got...)...)...)
	})
}

func TestSlowViewerOfAMixedChannel(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 1000}}, func(s *stage) {
		v := s.open("")
		s.both("foreign")
		v.forget()
		v.w.freeze()
		s.append("stuck")
		synctest.Wait()
		s.append(numbered("line", 1, 3000)...)
		synctest.Wait()
		v.w.thaw()
		told := v.told()
		if told[0] != "stuck#" || !strings.HasPrefix(told[1], `gap{"reason":"slow","missed":null}`) {
			t.Fatalf("told %.200q", told[:min(3, len(told))])
		}
		got := v.lines()[1:]
		if !slices.Equal(got, numbered("line", 3001-len(got), 3000)) {
			t.Errorf("after the gap %d lines came", len(got))
		}
	})
}

// A viewer that is always behind loses nothing but what the gaps count.
func TestSlowViewerCountsWhatItMisses(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 1000}}, func(s *stage) {
		v := s.open("")
		s.append("line 0")
		v.forget()
		n := 0
		for range 30 {
			v.w.freeze()
			for range 5 {
				first := n + 1
				n += 137
				s.append(numbered("line", first, n)...)
				time.Sleep(time.Second)
			}
			v.w.thaw()
			synctest.Wait()
		}
		next := 1
		for _, event := range v.events() {
			switch event.Type {
			case "gap":
				var missed int
				if _, err := fmt.Sscanf(string(event.Data), `{"reason":"slow","missed":%d}`, &missed); err != nil {
					t.Fatalf("gap %s: %v", event.Data, err)
				}
				next += missed
			case "message":
				if !event.HasData {
					continue
				}
				if got, want := textOf(event.Data), fmt.Sprintf("line %d", next); got != want {
					t.Fatalf("%q came, want %q", got, want)
				}
				next++
			}
		}
		if next != n+1 {
			t.Errorf("told up to line %d, want %d", next-1, n)
		}
	})
}

// A line is encoded once: what viewers are written is the same memory.
func TestFrameIsEncodedOnce(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.open("")
		s.append("before")
		synctest.Wait()
		var viewers []*viewer
		for range 10 {
			viewers = append(viewers, s.open(""))
		}
		s.append(`{"message":"coloured \u001b[31mred\u001b[2J"}`)
		s.both("foreign")
		synctest.Wait()
		firsts := make(map[*byte]int)
		for _, v := range viewers {
			for first, n := range v.w.firsts {
				firsts[first] += n
			}
		}
		shared := 0
		for _, n := range firsts {
			if n == len(viewers) {
				shared++
			}
		}
		if shared != 3 {
			t.Errorf("%d frames are shared by all viewers, want 3", shared)
		}
	})
}
