package loglane_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func TestChainedFramesAreNotReadFor(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		v := s.open("")
		before := s.hub.Stats()
		s.append(numbered("line", 1, 500)...)
		if got := v.lines(); !slices.Equal(got, append([]string{"one"}, numbered("line", 1, 500)...)) {
			t.Errorf("%d lines came", len(got))
		}
		after := s.hub.Stats()
		if after.Reads != before.Reads || after.Heals != before.Heals {
			t.Errorf("500 chained frames: %d reads, %d heals", after.Reads-before.Reads, after.Heals-before.Heals)
		}
		// Nor for the duplicates of a resend.
		s.broker.set(func(b *faultyBroker) {
			b.tamper = func(e loglane.Event) []loglane.Event { return []loglane.Event{e, e} }
		})
		s.append(numbered("twice", 1, 50)...)
		if n := len(v.lines()); n != 551 {
			t.Errorf("%d lines came, want 551", n)
		}
		if reads := s.hub.Stats().Reads - before.Reads; reads != 0 {
			t.Errorf("%d reads for duplicates", reads)
		}
	})
}

func TestDroppedPublishHealsByTheNextLine(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.append("one")
		v.wantMore("retry", "#start", "one#")
		end := s.broker.dropPayloads()
		s.append("two", "three")
		end()
		v.wantMore()
		s.append("four")
		v.wantMore("two#", "three#", "four#")
		if heals := s.hub.Stats().Heals; heals != 1 {
			t.Errorf("%d heals, want 1", heals)
		}
	})
}

func TestDroppedPublishHealsByBroken(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		end := s.broker.dropPayloads()
		s.append("one", "two")
		end()
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		v.want("retry", "#start", "one#", "two#")
	})
}

func TestReorderedPayloadsCostOneRead(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.forget()
		var held []loglane.Event
		s.broker.set(func(b *faultyBroker) {
			b.tamper = func(e loglane.Event) []loglane.Event { held = append(held, e); return nil }
		})
		s.append(numbered("line", 1, 20)...)
		s.broker.set(func(b *faultyBroker) { b.tamper = nil })
		before := s.hub.Stats().Reads
		slices.Reverse(held)
		for _, e := range held {
			s.broker.tell(e)
		}
		v.want(placed(numbered("line", 1, 20)...)...)
		if reads := s.hub.Stats().Reads - before; reads < 1 || reads > 3 {
			t.Errorf("%d reads, want one or two", reads)
		}
	})
}

// A failover that lost writes: the producer sends again what was lost, and a stream that
// stayed open gets of the rewritten history only what it has not had.
func TestRewrittenHistory(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one", "two")
		kept := s.tail()
		v := s.open("")
		s.append("three", "four")
		v.wantMore("retry", "one#", "two#", "three#", "four#")
		s.broker.Flush(aliceChannel)
		time.Sleep(time.Second)
		// The lines come again under other places, before anybody reads.
		end := s.broker.dropPayloads()
		s.k = 0
		s.append("one", "two", "three", "four")
		end()
		s.append("five")
		v.wantMore(`gap{"reason":"epoch","missed":null}#start`, "five#")
		s.append("six")
		v.wantMore("six#")
		// One who was away gets first what was told before the loss.
		s.open("last_event_id="+kept.String()).want("retry", "three#", "four#",
			`gap{"reason":"epoch","missed":null}#start`, "five#", "six#")
		// One whose place nobody knows gets all again, with the src that they had.
		kept.ID.Ms -= 1000
		w := s.open("last_event_id=" + kept.String())
		w.want("retry", `gap{"reason":"epoch","missed":null}#start`, "one#", "two#", "three#", "four#", "five#", "six#")
		c, err := loglane.ParseCursor(w.events()[2].ID)
		if err != nil || c.Src != loglane.NewSrc("alpha", 1) {
			t.Errorf("the line came again as %+v, %v", c, err)
		}
	})
}

// Places behind the last line known are skipped, but the viewers' ids keep up.
func TestRewrittenHistoryMovesViewersOn(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.append("one", "two")
		v.forget()
		s.broker.Flush(aliceChannel)
		end := s.broker.dropPayloads()
		s.k = 0
		s.append("one", "two")
		end()
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		v.want(`gap{"reason":"epoch","missed":null}#start`, "#two")
		s.open("last_event_id="+v.lastID()).want("retry", "#two")
	})
}

// Known and new lines may alternate in a rewritten history: who comes later knows none.
func TestJoiningARewrittenHistory(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.append("one", "two")
		v.wantMore("retry", "#start", "one#", "two#")
		s.broker.Flush(aliceChannel)
		end := s.broker.dropPayloads()
		s.k = 10
		x := s.append("x")
		for k, text := range []string{"one", "two"} { // of the same producer's numbers as before
			b := loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: uint64(k + 1), Record: loglane.NewRecord([]byte(text), 0)}}}
			s.broker.ForgetProducers(aliceChannel)
			if _, err := s.broker.Append(t.Context(), aliceChannel, b); err != nil {
				t.Fatal(err)
			}
			s.names[s.tail().ID] = text
			s.broker.ForgetProducers(aliceChannel)
			s.append("after " + text)
		}
		end()
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		v.wantMore(`gap{"reason":"epoch","missed":null}#start`, "x#", "after one#", "after two#")
		s.open("backlog=1").want("retry", "after two#")
		s.open("backlog=2").want("retry", "two#", "after two#")
		s.open("backlog=3").want("retry", "after one#", "two#", "after two#")
		s.open("last_event_id="+x.String()).want("retry", "one#", "after one#", "two#", "after two#")
		s.open("last_event_id="+s.tail().String()).want("retry", "#after two")
		s.append("live")
		v.wantMore("live#")
		// So it is after another loss, which has taken nothing of this.
		rewritten := false
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				if !rewritten {
					rewritten, *page = true, oldestRewritten(t, b)
				}
			}
		})
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		v.wantMore(`gap{"reason":"rewritten","missed":null}#start`, "#live")
		s.open("last_event_id="+x.String()).want("retry", "one#", "after one#", "two#", "after two#", "live#")
	})
}

func TestQuietExpiry(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{TTL: time.Minute}}, func(s *stage) {
		s.append("one")
		v := s.open("")
		s.append("two")
		v.wantMore("retry", "one#", "two#")
		time.Sleep(59 * time.Second)
		v.forget()
		time.Sleep(2 * time.Second)
		v.want("#start")
		resumed := v.lastID()
		v.forget()
		s.append("three")
		v.wantMore("three#")
		if gaps := s.hub.Stats().Gaps; gaps != 0 {
			t.Errorf("%d gaps", gaps)
		}
		s.open("last_event_id="+resumed).want("retry", "three#")
		// Who comes now is not told of what expired.
		s.open("").want("retry", "three#")
	})
}

func TestQuietExpiryOfAMixedChannel(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{TTL: time.Minute}}, func(s *stage) {
		v := s.open("")
		s.append("one")
		s.both("foreign")
		v.wantMore("retry", "#start", "one#", "foreign#")
		time.Sleep(59 * time.Second)
		v.forget()
		time.Sleep(2 * time.Second)
		v.wantMore("#start")
		s.append("two")
		v.wantMore("two#")
		s.both("foreign again")
		v.wantMore("foreign again#")
		if gaps := s.hub.Stats().Gaps; gaps != 0 {
			t.Errorf("%d gaps", gaps)
		}
	})
}

// The history ends while the hub reads: all of it was taken, and the next line is no gap.
func TestExpiryDuringARead(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.append("one")
		s.both("foreign")
		v.wantMore("retry", "#start", "one#", "foreign#")
		release := make(chan struct{})
		s.broker.set(func(b *faultyBroker) { b.onRead = func(*loglane.Page) { <-release } })
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		synctest.Wait()
		s.broker.set(func(b *faultyBroker) { b.onRead = nil })
		s.broker.EvictStream(aliceChannel)
		s.broker.tell(loglane.Event{Kind: loglane.Expired})
		close(release)
		synctest.Wait()
		s.append("two")
		v.want("#start", "two#")
	})
}

// Frames that come while the hub fills its ring are neither lost nor told twice.
func TestLinesDuringTheFirstRead(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		release := make(chan struct{})
		s.broker.set(func(b *faultyBroker) { b.onRead = func(*loglane.Page) { <-release } })
		v := s.request(s.grant, "GET", "")
		synctest.Wait()
		s.broker.set(func(b *faultyBroker) { b.onRead = nil })
		s.append("two", "three")
		s.both("foreign")
		s.append("four")
		close(release)
		v.want("retry", "one#", "two#", "three#", "foreign#", "four#")
	})
}

// What comes during a long read is bounded: past 4 MiB it is read from the history.
func TestBacklogDuringAReadIsBounded(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Bytes: 64 << 20}}, func(s *stage) {
		v := s.open("")
		release := make(chan struct{})
		s.broker.set(func(b *faultyBroker) { b.onRead = func(*loglane.Page) { <-release } })
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		synctest.Wait()
		s.broker.set(func(b *faultyBroker) { b.onRead = nil })
		long := string(make([]byte, 60<<10/6))
		for range 150 {
			s.append(long)
		}
		s.append("the last")
		close(release)
		lines := v.lines()
		if len(lines) != 151 || lines[150] != "the last" {
			t.Errorf("%d lines came, want 151", len(lines))
		}
	})
}
