package server_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// twoGateways share a broker and notices, and show watchers.
func twoGateways(t *testing.T, show bool) (here, there *gateway) {
	t.Helper()
	broker, err := loglane.NewMemoryBroker(nil)
	must(t, err)
	notices := auth.NewMemoryNotices()
	share := func(s *setup) { s.broker, s.Notices, s.ShowWatchers = broker, notices, show }
	here, there = newGateway(t, share), newGateway(t, share)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, g := range []*gateway{here, there} {
		g.broker = broker
		running.Go(func() { _ = g.server.Watch(ctx) }) // it never fails
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return here, there
}

// The owner is told how many others watch, on whatever gateway they are, and no names.
func TestTheOwnerIsShownWatchers(t *testing.T) {
	here, there := twoGateways(t, true)
	early := here.as("alice").open("api/v1/stream")
	early.until("id: ")
	bob := here.as("bob").open("api/v1/stream")
	bob.until("id: ")
	expect := func(v *viewer, n string) {
		t.Helper()
		if line := v.until(`"watchers"`); line != `data: {"watchers":`+n+`}` {
			t.Errorf("alice is told %q, want %s", line, n)
		}
	}
	first := here.as("adam").open("api/v1/stream?user=alice")
	first.until("id: ")
	expect(early, "1")
	second := there.as("adam").open("api/v1/stream?user=alice")
	second.until("id: ")
	expect(early, "2")
	late := there.as("alice").open("api/v1/stream")
	expect(late, "2")
	ndjson := there.as("alice")
	ndjson.headers = map[string][]string{"Accept": {"application/x-ndjson"}}
	if line := ndjson.open("api/v1/stream").until("watchers"); !strings.Contains(line, `{"event":"watch"`) {
		t.Errorf("as NDJSON it is %s", line)
	}
	first.close()
	expect(early, "1")
	expect(late, "1")
	second.close()
	expect(early, "0")
	expect(late, "0")
	publish(t, here, "logs:User.bob", "the end")
	for {
		line := <-bob.lines
		if strings.Contains(line, "watch") {
			t.Errorf("bob is told %s", line)
		}
		if strings.Contains(line, "the end") {
			break
		}
	}
}

// Without the setting nobody is told, and who watches is not told either.
func TestWatchersAreNotShownUnasked(t *testing.T) {
	here, _ := twoGateways(t, false)
	alice := here.as("alice").open("api/v1/stream")
	alice.until("id: ")
	here.as("adam").open("api/v1/stream?user=alice").until("id: ")
	publish(t, here, "logs:User.alice", "the end")
	for {
		line := <-alice.lines
		if strings.Contains(line, "watch") {
			t.Errorf("alice is told %s", line)
		}
		if strings.Contains(line, "the end") {
			return
		}
	}
}
