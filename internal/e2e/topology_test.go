package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// topologyScene is a gateway on several servers, with viewers of one channel.
func topologyScene(t *testing.T, redisURL string) (broker *redisbroker.Broker, viewers []*viewer) {
	broker, err := redisbroker.New(redisbroker.Options{URL: redisURL, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	url, _, _ := serveHub(t, broker, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	t.Cleanup(func() { cancel(); watching.Wait() })
	for range 5 {
		v := newViewer(url + "?channel=User.alice")
		viewers = append(viewers, v)
		watching.Go(func() { v.watch(ctx) })
	}
	for _, v := range viewers {
		v.awaitCursor(t, "0-0", 10*time.Second)
	}
	return broker, viewers
}

// Slots move under load, and a master is killed: viewers stay and miss nothing.
func TestViewersStayWhileSlotsMove(t *testing.T) {
	t.Parallel()
	site := redistest.StartCluster(t)
	broker, viewers := topologyScene(t, site.URL())
	owner, slot := site.Owner("logs:User.alice"), site.Slot("logs:User.alice")
	other := site.Nodes[0]
	if other == owner {
		other = site.Nodes[1]
	}
	const lines = 400
	var writing sync.WaitGroup
	moveAt := make(chan struct{})
	writing.Go(func() {
		for n := uint64(1); n <= lines; n++ {
			if n == lines/4 {
				close(moveAt)
			}
			if err := insist(t.Context(), broker, "logs:User.alice", "p", n); err != nil {
				t.Errorf("line %d: %v", n, err)
				return
			}
			<-time.After(2 * time.Millisecond)
		}
	})
	<-moveAt
	for _, way := range [][2]*redistest.Server{{owner, other}, {other, owner}} {
		if err := site.MigrateSlot(slot, way[0], way[1]); err != nil {
			t.Error(err)
		}
	}
	writing.Wait()
	for i, v := range viewers {
		v.awaitLine(t, lines, 10*time.Second)
		if fault := unbroken(v.numbers()); fault != "" || len(v.numbers()) != lines || len(gaps(v.all())) != 0 {
			t.Errorf("viewer %d: %d lines, %s, gaps %v", i, len(v.numbers()), fault, gaps(v.all()))
		}
	}
}

// A failover of Sentinels is never silent: what a viewer misses comes after a gap.
func TestASentinelFailoverIsNotSilent(t *testing.T) {
	t.Parallel()
	site := redistest.StartSentinel(t)
	broker, viewers := topologyScene(t, site.URL())
	put := func(n uint64) {
		record := fmt.Appendf(nil, `{"message":"line %d"}`, n)
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			_, err := broker.Append(ctx, "logs:User.alice", loglane.Batch{Producer: "p", Lines: []loglane.Line{{K: n, Record: record}}})
			cancel()
			if err == nil || t.Context().Err() != nil {
				return
			}
			<-time.After(50 * time.Millisecond)
		}
	}
	for n := uint64(1); n <= 200; n++ {
		put(n)
	}
	site.Master().Kill()
	for n := uint64(201); n <= 400; n++ {
		put(n)
	}
	for i, v := range viewers {
		v.awaitLine(t, 400, 20*time.Second)
		if fault := unbroken(v.numbers()); fault != "" && len(gaps(v.all())) == 0 {
			t.Errorf("viewer %d: %s, and no gap was told", i, fault)
		}
	}
}
