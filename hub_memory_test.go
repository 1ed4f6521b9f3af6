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

func TestRingMemoryIsBounded(t *testing.T) {
	const bound = 4 << 20
	onStage(t, stageOptions{hub: loglane.HubOptions{RingMemory: bound}}, func(s *stage) {
		var viewers []*viewer
		for c := range 20 {
			s.grant.Channel = fmt.Sprintf("logs:User.%d", c)
			viewers = append(viewers, s.open(""))
		}
		long := strings.Repeat("x", 10<<10)
		for n := range 60 {
			for c := range 20 {
				s.grant.Channel = fmt.Sprintf("logs:User.%d", c)
				s.append(fmt.Sprintf("%d %s", n, long))
			}
			synctest.Wait()
			if cost := s.hub.Stats().RingCost; cost > bound {
				t.Fatalf("the rings take %d bytes, at most %d are allowed", cost, bound)
			}
		}
		for c, v := range viewers {
			lines := v.lines()
			if len(lines) != 60 {
				t.Errorf("viewer %d got %d lines, want 60", c, len(lines))
			}
			for n, line := range lines {
				if !strings.HasPrefix(line, fmt.Sprintf("%d x", n)) {
					t.Fatalf("viewer %d: line %d is %.20q", c, n, line)
				}
			}
		}
	})
}

// However many channels are watched one after the other, those that linger are bounded.
func TestLingeringChannelsAreBounded(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		for c := range 4096 + 500 {
			grant := loglane.Grant{Channel: fmt.Sprintf("logs:User.%d", c)}
			s.openAs(grant, "backlog=0").leave()
			s.viewers = nil
		}
		synctest.Wait()
		if stats := s.hub.Stats(); stats.Channels != 4096 || s.broker.followerCount() != 4096 {
			t.Errorf("%d channels are followed without a viewer, %d by the broker", stats.Channels, s.broker.followerCount())
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		first := s.open("")
		first.leave()
		time.Sleep(29 * time.Second)
		if stats := s.hub.Stats(); stats.Channels != 1 {
			t.Errorf("%d channels after that", stats.Channels)
		}
	})
}

func TestIdleRingIsDropped(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		texts := numbered("line", 1, 100)
		s.append(texts...)
		synctest.Wait()
		if cost := s.hub.Stats().RingCost; cost < 5000 {
			t.Errorf("the ring of a busy channel takes %d bytes", cost)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if cost := s.hub.Stats().RingCost; cost > 128*24 { // what it needs to recognise lines
			t.Errorf("the ring of an idle channel takes %d bytes", cost)
		}
		v.forget()
		// Who comes now reads the history; who was here goes on.
		s.open("").want(append([]string{"retry"}, placed(texts...)...)...)
		s.append("next")
		v.want("next#")
		w := s.open("")
		w.want(append([]string{"retry"}, placed(append(slices.Clone(texts), "next")...)...)...)
	})
}

// Lines that stand nowhere else are kept for those who come later.
func TestIdleRingWithUnstoredLines(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		s.open("")
		s.publish("stands nowhere")
		time.Sleep(5 * time.Minute)
		s.open("").want("retry", "one#", "stands nowhere")
	})
}

// Viewers who come at once share the read of what the ring does not have, and what it was encoded
// to.
func TestViewersShareTheReadOfTheHistory(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append(numbered("line", 1, 200)...)
		s.open("")
		time.Sleep(2 * time.Minute) // the ring is dropped
		before := s.hub.Stats().Reads
		release := make(chan struct{})
		s.broker.set(func(b *faultyBroker) { b.onRead = func(*loglane.Page) { <-release } })
		var viewers []*viewer
		for range 50 {
			viewers = append(viewers, s.request(s.grant, "GET", ""))
		}
		synctest.Wait()
		close(release)
		for _, v := range viewers {
			if got := v.lines(); len(got) != 200 {
				t.Fatalf("%d lines came", len(got))
			}
		}
		if reads := s.hub.Stats().Reads - before; reads > 5 {
			t.Errorf("%d reads for 50 viewers who came at once", reads)
		}
		if shared := sharedBy(viewers); shared < 200 {
			t.Errorf("%d of 200 lines were encoded once for all", shared)
		}
	})
}

func TestHubOptionsAreChecked(t *testing.T) {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = loglane.NewHub(broker, &loglane.HubOptions{
		Keepalive: time.Millisecond, Linger: -1, RingMemory: 1, MaxLine: 10, EscapePolicy: "all",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"keepalive", "linger", "ring memory", "max line", "all"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
}
