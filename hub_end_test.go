package loglane_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func TestEndReachesTheRightStreams(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		alice, bob := s.grant, s.grant
		alice.Tag, bob.Tag = "alice", "bob"
		a, b := s.openAs(alice, ""), s.openAs(bob, "")
		a.forget()
		b.forget()
		ofAlice := func(tag any) bool { return tag == "alice" }
		if n := s.hub.End(ofAlice, "revoked"); n != 1 {
			t.Errorf("%d streams ended, want 1", n)
		}
		a.want(`auth{"reason":"revoked"}`)
		if !a.ended() || b.ended() {
			t.Errorf("ended: alice %v, bob %v", a.ended(), b.ended())
		}
		s.append("two")
		b.want("two#")
		if n := s.hub.End(ofAlice, "revoked"); n != 0 {
			t.Errorf("%d streams ended again", n)
		}
	})
}

func TestTellReachesTheRightStreams(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		alice, bob := s.grant, s.grant
		alice.Tag, bob.Tag = "alice", "bob"
		a, b := s.openAs(alice, ""), s.openAs(bob, "")
		a.forget()
		b.forget()
		a.w.freeze()
		s.append("two") // she does not read, and what is told meanwhile is the last of it
		synctest.Wait()
		for _, data := range []string{`{"n":1}`, `{"n":2}`, `{"n":3}`} {
			if n := s.hub.Tell(func(tag any) bool { return tag == "alice" }, "watch", []byte(data)); n != 1 {
				t.Errorf("%d streams were told, want 1", n)
			}
		}
		a.w.thaw()
		a.want("two#", `watch{"n":3}`)
		b.want("two#")
	})
}

// Who opened a stream learns how it has been.
func TestAStreamsEndIsTold(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		var opened int
		var ends []loglane.Ended
		grant := s.grant
		grant.Opened = func() { opened++ }
		grant.Ended = func(e loglane.Ended) { ends = append(ends, e) }
		v := s.openAs(grant, "")
		v.forget()
		s.append("two")
		v.want("two#")
		time.Sleep(10 * time.Second)
		s.hub.End(func(any) bool { return true }, "revoked")
		<-v.done
		if opened != 1 || len(ends) != 1 || ends[0].Lines != 2 || ends[0].Open < 10*time.Second || ends[0].Open > 11*time.Second || ends[0].Reason != "auth: revoked" {
			t.Errorf("opened %d times, ended %+v", opened, ends)
		}
	})
}

func TestEndOfAFrozenViewer(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.w.freeze()
		s.append("stuck")
		synctest.Wait()
		begin := time.Now()
		s.hub.End(func(any) bool { return true }, "logout")
		<-v.done
		if waited := time.Since(begin); waited > time.Second {
			t.Errorf("a frozen viewer's stream ended after %v, want at most 1 s", waited)
		}
	})
}

func TestAGrantOfAFrozenViewerExpires(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.grant.Expires = time.Now().Add(time.Minute)
		v := s.open("")
		time.Sleep(time.Minute - time.Second)
		v.w.freeze()
		s.append("stuck")
		<-v.done
		if late := time.Since(s.grant.Expires); late > time.Second {
			t.Errorf("a frozen viewer's stream ended %v after its grant, want at most 1 s", late)
		}
	})
}

// A viewer that begins to read again just in time learns why.
func TestEndOfASlowViewer(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.forget()
		v.w.freeze()
		s.append("stuck")
		synctest.Wait()
		s.hub.End(func(any) bool { return true }, "logout")
		time.Sleep(300 * time.Millisecond)
		v.w.thaw()
		v.want("stuck#", `auth{"reason":"logout"}`)
	})
}

func TestEndWhileAViewerReadsTheHistory(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		first := s.append("one")
		s.append(numbered("line", 1, 900)...)
		s.open("").leave()
		time.Sleep(time.Second)
		release := make(chan struct{})
		s.broker.set(func(b *faultyBroker) { b.onRead = func(*loglane.Page) { <-release } })
		first.Src = loglane.NewSrc("not in the ring", 1)
		v := s.open("last_event_id=" + first.String())
		s.hub.End(func(any) bool { return true }, "logout")
		close(release)
		if !v.ended() {
			t.Error("the stream goes on")
		}
		if told := v.told(); told[len(told)-1] != `auth{"reason":"logout"}` {
			t.Errorf("told %q", told)
		}
	})
}

func TestGrantExpires(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.grant.Expires = time.Now().Add(time.Hour)
		v := s.open("")
		time.Sleep(time.Hour - time.Second)
		v.forget()
		s.append("one")
		v.wantMore("one#")
		time.Sleep(time.Second)
		v.want(`auth{"reason":"expired"}`)
		if !v.ended() {
			t.Error("the stream goes on")
		}
		// Also while lines never pause, and where it was over before the stream opened.
		s.grant.Expires = time.Now().Add(-time.Second)
		w := s.open("")
		if told := w.told(); told[len(told)-1] != `auth{"reason":"expired"}` || !w.ended() {
			t.Errorf("told %q", told)
		}
	})
}

func TestCloseDrains(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		var viewers []*viewer
		for range 50 {
			viewers = append(viewers, s.open(""))
		}
		s.append("one")
		synctest.Wait()
		for _, v := range viewers {
			v.forget()
		}
		begin := time.Now()
		if err := s.hub.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if waited := time.Since(begin); waited > 5500*time.Millisecond {
			t.Errorf("Close took %v", waited)
		}
		for _, v := range viewers {
			<-v.done
			got := string(v.w.bytes())
			if !strings.HasPrefix(got, "retry: ") || !strings.HasSuffix(got, "\n\nevent: bye\ndata: {\"reason\":\"draining\"}\n\n") {
				t.Fatalf("a stream ends with %q", got)
			}
			if retry := v.events()[0].Retry; retry < 500*time.Millisecond || retry > 5*time.Second {
				t.Errorf("the second retry is %v", retry)
			}
		}
		if stats := s.hub.Stats(); stats.Streams != 0 || stats.Channels != 0 || stats.RingCost != 0 {
			t.Errorf("after Close: %+v", stats)
		}
		if err := s.hub.Close(context.Background()); err != nil {
			t.Errorf("Close again: %v", err)
		}
	})
}

// Streams end evenly over most of the time that there is, so that their viewers do not come
// to the other gateways all at once; who is still there goes on.
func TestCloseSpreadsTheEnds(t *testing.T) {
	for _, c := range []struct {
		viewers       int
		timeout, over time.Duration
	}{
		{1, 10 * time.Second, 0},
		{21, 20 * time.Second, 2 * time.Second},
		{500, 20 * time.Second, 16 * time.Second},
		{500, 5 * time.Second, 4 * time.Second},
		{500, 0, 16 * time.Second},
	} {
		t.Run(fmt.Sprintf("%d within %v", c.viewers, c.timeout), func(t *testing.T) {
			onStage(t, stageOptions{}, func(s *stage) {
				for range c.viewers {
					s.request(s.grant, http.MethodGet, "")
				}
				synctest.Wait()
				ctx, cancel := context.Background(), context.CancelFunc(func() {})
				if c.timeout > 0 {
					ctx, cancel = context.WithTimeout(ctx, c.timeout)
				}
				defer cancel()
				began, closed := time.Now(), make(chan error, 1)
				go func() { closed <- s.hub.Close(ctx) }()
				ended := func() (n int) {
					synctest.Wait()
					for _, v := range s.viewers {
						if v.ended() {
							n++
						}
					}
					return n
				}
				const parts = 10
				for part := 1; part < parts && c.over > 0; part++ {
					time.Sleep(c.over / parts)
					n, share := ended(), c.viewers*part/parts
					if n < share || n > share+2 {
						t.Errorf("%d of %d streams have ended after %v", n, c.viewers, time.Since(began))
					}
					s.append(fmt.Sprintf("line %d", part))
				}
				if err := <-closed; err != nil {
					t.Errorf("Close: %v", err)
				}
				if took := time.Since(began); took != c.over {
					t.Errorf("Close took %v, want %v", took, c.over)
				}
				most := 0
				for _, v := range s.viewers { // each had all until its end, which is told last
					lines, told := v.lines(), v.told()
					most = max(most, len(lines))
					if got := strings.Join(lines, " "); !strings.HasPrefix(strings.Join(numbered("line", 1, parts), " "), got) {
						t.Errorf("a viewer has %s", got)
					}
					if told[len(told)-1] != `bye{"reason":"draining"}` {
						t.Errorf("a viewer is told at last %s", told[len(told)-1])
					}
				}
				if c.viewers > 1 && most != parts-1 {
					t.Errorf("who stayed until the end was shown %d of %d lines", most, parts-1)
				}
			})
		})
	}
}

// A process that does not get its turn does not catch up at once, but all end in time.
func TestAHeldUpCloseEndsFewAtOnce(t *testing.T) {
	const streams, within, timeout = 1500, 16 * time.Second, 20 * time.Second
	for _, held := range []struct{ from, to time.Duration }{
		{0, 0}, {0, 4 * time.Second}, {4 * time.Second, 5 * time.Second}, {7 * time.Second, 12 * time.Second}, {11 * time.Second, 17 * time.Second},
	} {
		ends := loglane.DrainEnds(streams, within, func(at time.Duration) time.Duration {
			if at > held.from && at < held.to {
				return held.to
			}
			return at
		})
		most := 0
		for n, at := range ends {
			within := 0
			for _, later := range ends[n:] {
				if later < at+time.Second {
					within++
				}
			}
			most = max(most, within)
		}
		bound := 2*streams/16 + 2
		if held.to == 0 {
			bound = streams/16 + 2
		}
		if most > bound || ends[streams-1] > timeout {
			t.Errorf("held up from %v to %v: up to %d ends a second, at most %d are wanted; the last after %v", held.from, held.to, most, bound, ends[streams-1])
		}
	}
}

func TestCloseIsBounded(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		frozen := s.open("")
		frozen.w.freeze()
		s.append("stuck")
		synctest.Wait()
		reason := errors.New("out of patience")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(reason)
		begin := time.Now()
		if err := s.hub.Close(ctx); !errors.Is(err, reason) {
			t.Errorf("Close: %v, want %v", err, reason)
		}
		if waited := time.Since(begin); waited > time.Second {
			t.Errorf("Close took %v after its context's end", waited)
		}
		<-frozen.done
	})
}

func TestCloseDuringAnOutage(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.broker.leave()
		time.Sleep(10 * time.Second)
		s.broker.tell(loglane.Event{Kind: loglane.Confirmed})
		time.Sleep(time.Second)
		v.forget()
		if err := s.hub.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if told := v.told(); len(told) != 2 || told[1] != `bye{"reason":"draining"}` {
			t.Errorf("told %q", told)
		}
	})
}

func TestChannelIsFollowedForTheLinger(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		first, second := s.open(""), s.open("")
		if stats := s.hub.Stats(); stats.Channels != 1 || stats.Streams != 2 || s.broker.followerCount() != 1 {
			t.Errorf("with two viewers: %+v, %d followers", stats, s.broker.followerCount())
		}
		first.leave()
		time.Sleep(time.Hour)
		second.leave()
		time.Sleep(29 * time.Second)
		third := s.open("")
		if s.broker.followerCount() != 1 {
			t.Errorf("%d followers after a return within the linger", s.broker.followerCount())
		}
		third.leave()
		time.Sleep(29 * time.Second)
		if s.broker.followerCount() != 1 {
			t.Error("the channel is not followed for 30 s after its last viewer")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if stats := s.hub.Stats(); stats.Channels != 0 || stats.RingCost != 0 || s.broker.followerCount() != 0 {
			t.Errorf("after the linger: %+v, %d followers", stats, s.broker.followerCount())
		}
		s.append("one")
		s.open("").want("retry", "one#")
	})
}

func TestLingeringFeedServesTheNextViewer(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		v := s.open("")
		v.leave()
		time.Sleep(10 * time.Second)
		s.append("two")
		synctest.Wait()
		reads := s.hub.Stats().Reads
		s.open("", "Last-Event-ID", v.lastID()).want("retry", "two#")
		s.open("").want("retry", "one#", "two#")
		if n := s.hub.Stats().Reads - reads; n != 0 {
			t.Errorf("%d reads for viewers whom the ring could serve", n)
		}
	})
}

func TestFeedsOfStrangersGo(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.broker.set(func(b *faultyBroker) { b.silent = true })
		v := s.request(s.grant, "GET", "")
		<-v.done // 503
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if stats := s.hub.Stats(); stats.Channels != 0 || s.broker.followerCount() != 0 {
			t.Errorf("%+v, %d followers", stats, s.broker.followerCount())
		}
	})
}

// The end of a history is quiet also where it comes during a read that is to be followed by another.
func TestExpiryDuringAReadThatIsNotTheLast(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{TTL: time.Hour}}, func(s *stage) {
		s.both("one")
		v := s.open("")
		v.wantMore("retry", "one#")
		time.Sleep(time.Hour - 2*time.Second)
		var once atomic.Bool
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(*loglane.Page) {
				if once.CompareAndSwap(false, true) {
					time.Sleep(4 * time.Second)
				}
			}
		})
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		time.Sleep(3 * time.Second)
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		time.Sleep(time.Minute)
		if told := strings.Join(v.told(), " "); strings.Contains(told, "gap") {
			t.Errorf("told %s", told)
		}
	})
}
