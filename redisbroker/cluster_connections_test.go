package redisbroker_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// subscribers is how many Pub/Sub connections a server has, and how many channels they have
// subscribed, but for those of its own kind.
func subscribers(server *redistest.Server) (connections, channels int) {
	list, err := server.Do("CLIENT", "LIST", "TYPE", "pubsub")
	if err != nil {
		return -1, 0
	}
	for line := range strings.Lines(list) {
		connections++
		var n int
		_, sharded, _ := strings.Cut(line, " ssub=")
		if _, err := fmt.Sscan(sharded, &n); err != nil {
			return -1, 0
		}
		channels += n
	}
	return connections, channels
}

// However many channels are followed, each master has one Pub/Sub connection, also after
// slots have moved and a master was lost; nobody else has any.
func TestOnePubSubConnectionForEachMaster(t *testing.T) {
	const followed = 500
	site := redistest.StartCluster(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	var confirmed [followed]atomic.Bool
	channel := func(i int) string { return fmt.Sprintf("logs:User.viewer%d", i) }
	for i := range followed {
		defer b.Follow(channel(i), func(event loglane.Event) {
			switch {
			case event.Kind == loglane.Confirmed:
				confirmed[i].Store(true)
			case event.Kind == loglane.Broken && event.Err != nil:
				confirmed[i].Store(false)
			}
		})()
	}
	settled := func(when string) {
		t.Helper()
		var seen string
		defer func() {
			if t.Failed() {
				t.Logf("%s: %s", when, seen)
			}
		}()
		began := time.Now()
		eventually(t, 20*time.Second, when+" each master has one connection, for all channels", func() bool {
			masters, all := site.Masters(), 0
			seen = ""
			right := len(masters) == 3
			for _, node := range site.Nodes {
				connections, channels := subscribers(node)
				seen += fmt.Sprintf(" %d (%d channels)", connections, channels)
				want := 0
				for _, master := range masters {
					if master == node {
						want = 1
					}
				}
				if connections >= 0 { // it runs
					right = right && connections == want
					all += channels
				}
			}
			for i := range confirmed {
				if !confirmed[i].Load() {
					seen += " not " + channel(i)
				}
				right = right && confirmed[i].Load()
			}
			return right && all == followed+3 // each has a channel for signs of life
		})
		t.Logf("%s: after %v connections are%s", when, time.Since(began).Round(time.Millisecond), seen)
	}
	settled("at the start")
	moved := 0
	for range 4 {
		for i := 0; i < followed; i += 5 {
			slot, from := site.Slot(channel(i)), site.Owner(channel(i))
			for _, to := range site.Masters() {
				if to != from {
					if err := site.MigrateSlot(slot, from, to); err != nil {
						t.Fatal(err)
					}
					moved++
					break
				}
			}
		}
		settled(fmt.Sprintf("after %d slots have moved", moved))
	}
	dead := site.Owner(channel(0))
	site.Failover(dead)
	settled("after a master was lost")
	dead.Restart()
	site.AwaitWell()
	settled("after it has come back")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for i := range followed {
		if _, err := b.Append(ctx, channel(i), loglane.Batch{Producer: "p", Lines: lines(1, 1)}); err != nil {
			t.Fatal(err)
		}
	}
}
