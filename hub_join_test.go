package loglane_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// slowRead lets the nth read from now on take longer than a read may, and calls during before.
func (s *stage) slowRead(nth int64, during func()) {
	var reads atomic.Int64
	s.broker.set(func(b *faultyBroker) {
		b.onRead = func(*loglane.Page) {
			if reads.Add(1) == nth {
				during()
				time.Sleep(6 * time.Second)
			}
		}
	})
}

// A backlog in one event is whole also where the first try to read it failed.
func TestBulkAfterAReadThatFailed(t *testing.T) {
	for query, failing := range map[string]int64{"replay=bulk": 1, "replay=bulk&follow=0": 2} {
		t.Run(query, func(t *testing.T) {
			onStage(t, stageOptions{}, func(s *stage) {
				s.append("one", "two")
				s.open("")
				time.Sleep(3 * time.Minute) // the ring is dropped
				s.slowRead(failing, func() {})
				v := s.request(s.grant, http.MethodGet, query)
				time.Sleep(time.Minute)
				if told := v.told(); !slices.Contains(told, `bulk[{"message":"one"},{"message":"two"}]#two`) {
					t.Errorf("told %q", told)
				}
			})
		})
	}
}

// What is stored before a request is in its answer, also where the broker goes away meanwhile.
func TestAnAnswerThatEndsWaitsForTheBroker(t *testing.T) {
	for name, query := range map[string]func(loglane.Cursor) string{
		"the newest":    func(loglane.Cursor) string { return "" },
		"after a place": func(place loglane.Cursor) string { return "&last_event_id=" + place.String() },
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, stageOptions{}, func(s *stage) {
				place := s.append("zero")
				s.append("one")
				s.open("")
				end := s.broker.dropPayloads()
				s.append("two")
				end()
				s.broker.set(func(b *faultyBroker) { b.away = true })
				v := s.open("backlog=2&follow=0" + query(place))
				time.Sleep(10 * time.Second)
				if v.ended() {
					t.Error("it ended while the broker was away")
				}
				s.broker.come()
				time.Sleep(time.Minute)
				if lines := v.lines(); !v.ended() || !slices.Equal(lines, []string{"one", "two"}) {
					t.Errorf("told %q", v.told())
				}
				told := v.told()
				down, up := slices.Index(told, `status{"upstream":"down"}`), slices.Index(told, `status{"upstream":"up"}`)
				if down < 0 || up < down || slices.Index(told, "one#") < up {
					t.Errorf("told %q", told)
				}
			})
		})
	}
}

// A backlog that is in the ring and leaves it before it was sent is read from the history.
func TestABacklogThatLeavesTheRing(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 5000}}, func(s *stage) {
		s.append("zero")
		s.open("")
		time.Sleep(3 * time.Minute) // the ring is dropped
		var away atomic.Bool
		away.Store(true)
		grant := s.grant
		grant.Check = func(context.Context) error {
			if away.Load() {
				return errors.New("the session store is away")
			}
			return nil
		}
		s.slowRead(1, func() { s.append(numbered("line", 1, 20)...) })
		v := s.request(grant, http.MethodGet, "backlog=10")
		time.Sleep(30 * time.Second)
		s.append(numbered("line", 21, 1500)...)
		away.Store(false)
		time.Sleep(time.Minute)
		if got := v.lines(); !slices.Equal(got, numbered("line", 11, 1500)) {
			t.Errorf("%d lines, the first is %q; told %q", len(got), got[:min(1, len(got))], v.told()[:4])
		}
	})
}

// Where the history is trimmed while a channel's first viewer comes, the ring does not begin right
// after the place that was the oldest before.
func TestTrimmedDuringTheFirstRead(t *testing.T) {
	for name, first := range map[string]func(*stage) loglane.Cursor{
		"ours": func(s *stage) loglane.Cursor { return s.append("line 1") },
		"foreign": func(s *stage) loglane.Cursor {
			s.store("line 1")
			return s.tail()
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, stageOptions{retention: loglane.Retention{Lines: 1000}}, func(s *stage) {
				place := first(s)
				place.Src = loglane.Src{} // as a gap's id has it
				s.append(numbered("line", 2, 1001)...)
				var once atomic.Bool
				s.broker.set(func(b *faultyBroker) {
					b.onRead = func(*loglane.Page) {
						if once.CompareAndSwap(false, true) {
							s.append(numbered("line", 1002, 1301)...)
						}
					}
				})
				told := s.open("last_event_id=" + place.String()).told()
				if !strings.HasPrefix(told[1], "gap{") && told[1] != "line 2#" {
					t.Errorf("after line 1 comes %q", told[1])
				}
			})
		})
	}
}
