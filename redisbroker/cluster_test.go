package redisbroker_test

import (
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/brokertest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// clustered is a broker on a cluster, with commands for what other programs do.
type clustered struct {
	*redisbroker.Broker
	t    *testing.T
	site *redistest.Cluster
}

func (s clustered) stream(channel string) string { return "stream:{" + channel + "}" }
func (s clustered) meta(channel string) string   { return "loglane:meta:{" + channel + "}" }

func (s clustered) Publish(channel string, payload []byte) {
	s.site.Do(channel, "SPUBLISH", channel, string(payload))
}

func (s clustered) Store(channel string, data []byte) loglane.ID {
	field, value := "data", string(data)
	if data == nil {
		field, value = "other", "x"
	}
	id, err := loglane.ParseID(s.site.Do(s.stream(channel), "XADD", s.stream(channel), "*", field, value))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s clustered) EvictStream(channel string) {
	s.site.Do(s.stream(channel), "DEL", s.stream(channel))
}

func (s clustered) EvictMeta(channel string) { s.site.Do(s.meta(channel), "DEL", s.meta(channel)) }

func (s clustered) Flush(channel string) {
	s.site.Do(s.stream(channel), "DEL", s.stream(channel), s.meta(channel))
}

// The contract holds in a cluster, for a user with the smallest rule.
func TestBrokerInACluster(t *testing.T) {
	site := redistest.StartCluster(t)
	for _, node := range site.Nodes {
		node.MustDo(append([]string{"ACL", "SETUSER", "loglane", "reset", "on", ">pass"}, strings.Fields(redisbroker.ClusterACL())...)...)
	}
	url := site.UserURL("loglane", "pass")
	brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
		return clustered{Broker: openURL(t, url, redisbroker.Options{Retention: opts.Retention}), t: t, site: site}
	})
}
