package redisbroker_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// A watched channel counts what its follower is told.
type watched struct{ confirmed, broken atomic.Int64 }

func (w *watched) emit(event loglane.Event) {
	switch {
	case event.Kind == loglane.Confirmed:
		w.confirmed.Add(1)
	case event.Kind == loglane.Broken && event.Err != nil:
		w.broken.Add(1)
	}
}

// TestSilentPubSubOfOneMaster loses what one master of a cluster publishes, on a connection
// that answers: each connection is probed, that one is found and replaced, and who is on
// the others is not disturbed.
func TestSilentPubSubOfOneMaster(t *testing.T) {
	t.Parallel()
	site := redistest.StartCluster(t)
	victim := site.Nodes[0]
	var silent atomic.Bool
	proxy := chaos.NewProxy(t, "127.0.0.1:"+victim.PortText(), chaos.Faults{SwallowMessage: func(string) bool { return silent.Load() }})
	_, port, _ := strings.Cut(proxy.Addr, ":")
	victim.MustDo("CONFIG", "SET", "cluster-announce-port", port)
	eventually(t, 10*time.Second, "all masters tell of the proxy", func() bool {
		for _, node := range site.Nodes[:3] {
			if !strings.Contains(node.MustDo("CLUSTER", "NODES"), ":"+port+"@") {
				return false
			}
		}
		return true
	})
	b := openURL(t, site.URL(), redisbroker.Options{})
	channels := make([]*watched, 3)
	for i, node := range site.Nodes[:3] {
		channels[i] = &watched{}
		t.Cleanup(b.Follow(channelOf(t, site, node), channels[i].emit))
	}
	for i := range channels {
		eventually(t, 10*time.Second, "a channel is confirmed", func() bool { return channels[i].confirmed.Load() > 0 })
	}
	probes := make([]int, 3)
	for i, node := range site.Nodes[:3] {
		probes[i] = published(t, node)
	}
	for i, node := range site.Nodes[:3] {
		eventually(t, 6*time.Second, "a quiet connection is probed", func() bool { return published(t, node) > probes[i] })
	}
	eventually(t, foundWithin, "all is well", func() bool { return b.Healthy() == nil })

	silent.Store(true)
	eventually(t, foundWithin, "the silence is found", func() bool { return b.Healthy() != nil && channels[0].broken.Load() > 0 })
	silent.Store(false)
	eventually(t, foundWithin, "all is well again", func() bool { return b.Healthy() == nil && channels[0].confirmed.Load() > 1 })
	for i, c := range channels[1:] {
		if c.broken.Load() > 0 || c.confirmed.Load() != 1 {
			t.Errorf("the channel of master %d was interrupted %d times and confirmed %d times", i+1, c.broken.Load(), c.confirmed.Load())
		}
	}
}

// channelOf is a channel whose slot a node has.
func channelOf(t *testing.T, site *redistest.Cluster, node *redistest.Server) string {
	t.Helper()
	for i := range 1000 {
		if name := fmt.Sprintf("logs:User.%d", i); site.Owner(name) == node {
			return name
		}
	}
	t.Fatal("no channel for a node")
	return ""
}

// published is how often a node was asked to publish.
func published(t *testing.T, node *redistest.Server) int {
	t.Helper()
	_, calls, _ := strings.Cut(node.MustDo("INFO", "commandstats"), "cmdstat_spublish:calls=")
	calls, _, _ = strings.Cut(calls, ",")
	n, _ := strconv.Atoi(calls) // "" before the first
	return n
}
