package loglane_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func TestStreamStaysThroughAnOutage(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.append("one")
		v.wantMore("retry", "#start", "one#")
		s.broker.leave()
		s.append("two", "three")
		time.Sleep(time.Minute)
		v.w.change(func() {})
		told := v.told()
		if len(told) != 1 || told[0] != `status{"upstream":"down"}` {
			t.Errorf("told %q", told)
		}
		v.forget()
		s.broker.come()
		v.wantMore(`status{"upstream":"up"}`, "two#", "three#")
		s.append("four")
		v.wantMore("four#")
	})
}

// Only reads fail: the confirmation comes before the broker can be asked.
func TestOutageOfReads(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.append("one")
		v.wantMore("retry", "#start", "one#")
		s.broker.leave()
		v.wantMore(`status{"upstream":"down"}`)
		s.append("two")
		s.broker.tell(loglane.Event{Kind: loglane.Confirmed})
		time.Sleep(10 * time.Second)
		v.wantMore()
		reads := s.broker.readCount()
		time.Sleep(time.Minute)
		if n := s.broker.readCount() - reads; n < 6 || n > 120 {
			t.Errorf("%d reads in a minute of outage", n)
		}
		v.forget()
		s.broker.set(func(b *faultyBroker) { b.away = false })
		time.Sleep(6 * time.Second)
		v.wantMore(`status{"upstream":"up"}`, "two#")
	})
}

func TestOutageWhileAViewerJoins(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 5000}}, func(s *stage) {
		first := s.append("line 0")
		s.append(numbered("line", 1, 3000)...)
		open := s.open("")
		open.forget()
		s.broker.set(func(b *faultyBroker) { b.away = true })
		v := s.open("last_event_id=" + first.String())
		v.wantMore("retry", `status{"upstream":"down"}`)
		time.Sleep(20 * time.Second)
		s.broker.set(func(b *faultyBroker) { b.away = false })
		time.Sleep(6 * time.Second)
		if got := v.lines(); len(got) != 3000 || got[0] != "line 1" {
			t.Errorf("%d lines came", len(got))
		}
	})
}

// A checkedGrant is a grant whose login can end or be unknown.
type checkedGrant struct {
	answer chan error // what Check returns; it waits for it
	asked  atomic.Int64
}

var errStoreAway = errors.New("the session store is away")

func (c *checkedGrant) check(ctx context.Context) error {
	c.asked.Add(1)
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestGrantIsCheckedAfterAnOutage(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		checks := &checkedGrant{answer: make(chan error)}
		s.grant.Check = checks.check
		v := s.open("")
		s.append("one")
		v.wantMore("retry", "#start", "one#")
		checks.answer <- nil // that of the opening
		synctest.Wait()
		s.broker.leave()
		v.wantMore(`status{"upstream":"down"}`)
		s.append("two")
		s.broker.come()
		s.append("three")
		synctest.Wait()
		if n := checks.asked.Load(); n != 2 {
			t.Fatalf("the grant was asked %d times, want once more", n)
		}
		v.wantMore() // no line before the answer
		checks.answer <- nil
		v.wantMore(`status{"upstream":"up"}`, "two#", "three#")
	})
}

func TestGrantThatEndedDuringAnOutage(t *testing.T) {
	for _, code := range []int{401, 403} {
		onStage(t, stageOptions{}, func(s *stage) {
			var gone atomic.Bool
			s.grant.Check = func(context.Context) error {
				if gone.Load() {
					return &loglane.StatusError{Code: code, Message: "gone"}
				}
				return nil
			}
			v := s.open("")
			v.forget()
			s.broker.leave()
			gone.Store(true)
			s.append("secret")
			s.broker.come()
			v.want(`status{"upstream":"down"}`, `auth{"reason":"revoked"}`)
			if !v.ended() {
				t.Error("the stream goes on")
			}
		})
	}
}

// While nobody can say whether the login stands, the stream stays and no line is sent.
func TestGrantThatCannotBeChecked(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		var answer atomic.Value
		var asked atomic.Int64
		set := func(err error) { answer.Store(&err) }
		set(nil)
		s.grant.Check = func(context.Context) error {
			asked.Add(1)
			return *answer.Load().(*error)
		}
		v := s.open("")
		v.forget()
		time.Sleep(31 * time.Second)
		if asked.Load() != 2 {
			t.Errorf("asked %d times in 31 s, want once at the opening and once later", asked.Load())
		}
		v.forget()
		set(errStoreAway)
		time.Sleep(30 * time.Second)
		v.forget()
		s.append("held back")
		time.Sleep(time.Minute)
		if lines := v.lines(); len(lines) != 0 {
			t.Errorf("lines %q came while the login could not be checked", lines)
		}
		v.forget()
		set(nil)
		time.Sleep(6 * time.Second)
		v.wantMore(`status{"upstream":"up"}`, "held back#")
		s.append("next")
		v.wantMore("next#")
		set(&loglane.StatusError{Code: 401, Message: "signed out"})
		time.Sleep(31 * time.Second)
		if got := v.told(); got[len(got)-1] != `auth{"reason":"revoked"}` || !v.ended() {
			t.Errorf("told %q", got)
		}
	})
}

// An answer to what was asked before the outage says nothing of the time after it.
func TestCheckOfBeforeAnOutageDoesNotCount(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		checks := &checkedGrant{answer: make(chan error)}
		s.grant.Check = checks.check
		v := s.open("") // asks, and gets no answer yet
		v.forget()
		s.broker.leave()
		s.append("secret")
		s.broker.come()
		v.wantMore(`status{"upstream":"down"}`)
		checks.answer <- nil
		v.wantMore()
		checks.answer <- &loglane.StatusError{Code: 401, Message: "gone"}
		v.wantMore(`auth{"reason":"revoked"}`)
	})
}

func TestGrantIsNotAskedForEver(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.grant.Check = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		v := s.open("")
		v.forget()
		time.Sleep(40 * time.Second)
		if got := v.told(); len(got) == 0 || got[len(got)-1] != `status{"upstream":"down"}` {
			t.Errorf("told %q", got)
		}
		v.leave()
	})
}

func TestOutageDuringABacklog(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.forget()
		for n := range 20 {
			s.append(numbered("before", n*10, n*10+4)...)
			s.broker.leave()
			s.append(numbered("during", n*10, n*10+4)...)
			s.broker.come()
			s.append(numbered("after", n*10, n*10+4)...)
			time.Sleep(time.Second)
		}
		var want []string
		for n := range 20 {
			for _, name := range []string{"before", "during", "after"} {
				want = append(want, numbered(name, n*10, n*10+4)...)
			}
		}
		got := v.lines()
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("line %d is %q, want %q", i, got[i], want[i])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d lines came, want %d", len(got), len(want))
		}
	})
}

// A frame whose Redis was lost before the frame was read is not shown as anybody's text: its
// producer sends the line again.
func TestFrameLostWithItsBroker(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		synctest.Wait()
		s.broker.tell(loglane.Event{Kind: loglane.Lines, Payloads: [][]byte{
			[]byte(`{"_ll":"1 AAAAAAAAAAA.1.1700000000000-0 0-0 gone:1","message":"gone"}`),
		}})
		s.broker.leave()
		time.Sleep(time.Second)
		s.broker.come()
		time.Sleep(5 * time.Second)
		s.append("next")
		synctest.Wait()
		if lines := v.lines(); !slices.Equal(lines, []string{"next"}) {
			t.Errorf("the viewer got %q", lines)
		}
	})
}

// So is one that comes late, once another history is followed.
func TestLateFrameOfALostHistory(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		lost := s.tail()
		v := s.open("")
		s.broker.Flush(aliceChannel)
		s.append("two")
		synctest.Wait()
		s.broker.tell(loglane.Event{Kind: loglane.Lines, Payloads: [][]byte{
			fmt.Appendf(nil, `{"_ll":"1 %s.2.%s %s gone:1","message":"gone"}`, lost.Epoch, loglane.ID{Ms: lost.ID.Ms + 1}, lost.ID),
		}})
		time.Sleep(time.Minute)
		if lines := v.lines(); !slices.Equal(lines, []string{"one", "two"}) {
			t.Errorf("the viewer got %q", lines)
		}
	})
}
