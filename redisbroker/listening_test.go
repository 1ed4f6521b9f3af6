package redisbroker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/certtest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// A check hears what is published at every master of a cluster, also over TLS, and says
// what is wrong with it.
func TestPublishersAreHeardInACluster(t *testing.T) {
	site := redistest.StartSecureCluster(t, certificates(certtest.NewAuthority(t), "127.0.0.1"), "--requirepass", "admin")
	restrict(redisbroker.ClusterACL(), site.Nodes...)
	where := site.UserURL("loglane", "pass/word")
	b := openURL(t, where, redisbroker.Options{})
	names := []string{alice, "logs:User.bob", "logs:User.dan", "logs:User.erin"}
	owners := make(map[*redistest.Server]bool)
	for _, name := range names {
		owners[site.Owner(name)] = true
	}
	if len(owners) != len(site.Masters()) {
		t.Fatalf("the channels are at %d of %d masters", len(owners), len(site.Masters()))
	}
	key := func(name string) string { return "stream:{" + name + "}" }
	line := func(name string, k uint64) string { return fmt.Sprint("line ", k, " of ", name) }
	known := func() { // a check learns the names by their histories
		for _, name := range names {
			site.Do(key(name), "DEL", key(name))
			site.Do(key(name), "XADD", key(name), "*", "data", "the first line")
		}
	}
	for _, c := range []struct {
		name    string
		prepare func()
		publish func(name string, k uint64)
		heard   int
		want    string
	}{
		{"by logship", known, func(name string, k uint64) {
			if _, err := b.Append(t.Context(), name, loglane.Batch{Producer: fmt.Sprint("p", k), Lines: lines(1, 1)}); err != nil {
				t.Error(err)
			}
		}, len(names), ""},
		{"by another program", known, func(name string, k uint64) {
			site.Do(name, "SPUBLISH", name, line(name, k))
			site.Do(key(name), "XADD", key(name), "*", "data", line(name, k))
		}, len(names), ""},
		{"stored by the name that it has on one server", known, func(name string, k uint64) {
			site.Do(name, "SPUBLISH", name, line(name, k))
			site.Do("stream:"+name, "XADD", "stream:"+name, "*", "data", line(name, k))
		}, len(names), "is in no history: who comes later does not see it (let the publisher XADD to stream:{logs:User."},
		{"by PUBLISH", func() {}, func(name string, k uint64) {
			site.Do(name, "PUBLISH", name, line(name, k))
			site.Do(key(name), "XADD", key(name), "*", "data", line(name, k))
		}, len(names), "by PUBLISH, which a gateway of a cluster does not hear: it is shown late, or not at all (let the publisher SPUBLISH to logs:User."},
		{"in a channel that is followed and has no history", func() {
			site.Do(key(alice), "DEL", key(alice))
			followed(t, b)
		}, func(name string, k uint64) {
			if name == alice {
				site.Do(name, "SPUBLISH", name, line(name, k))
			}
		}, 1, "a line that was published in User.alice is in no history"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.prepare()
			reports := make(chan *redisbroker.Report)
			go func() { reports <- examine(t, where, time.Second) }()
			var r *redisbroker.Report
			for k := uint64(1); r == nil; k++ {
				select {
				case r = <-reports:
				case <-time.After(50 * time.Millisecond):
					for _, name := range names {
						c.publish(name, k)
					}
				}
			}
			problems := told(r)
			if len(r.Heard) != c.heard || c.want == "" && problems != "" || !strings.Contains(problems, c.want) {
				t.Errorf("%d heard; %s\nwant %s", len(r.Heard), problems, c.want)
			}
		})
	}
}
