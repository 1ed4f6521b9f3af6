package redisbroker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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

func (s clustered) ForgetProducers(channel string) {
	s.site.Do(s.meta(channel), "EVAL", forgetProducers, "1", s.meta(channel))
}

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

func TestExamineACluster(t *testing.T) {
	site := redistest.StartCluster(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	stored(t, b, 1)
	r := examine(t, site.URL(), 0)
	if told(r) != "" || r.Trip <= 0 || len(r.Census.Channels) != 1 || r.Census.Newest.Channel != alice {
		t.Errorf("%+v\n%s", r, told(r))
	}
	rules := strings.Fields(redisbroker.ClusterACL())
	for i, node := range site.Nodes {
		less := rules
		if i == 1 {
			less = slices.DeleteFunc(slices.Clone(rules), func(rule string) bool { return rule == "+ssubscribe" || rule == "+xadd" })
		}
		node.MustDo(append([]string{"ACL", "SETUSER", "loglane", "reset", "on", ">pass"}, less...)...)
	}
	if problems := told(examine(t, site.UserURL("loglane", "pass"), 0)); !strings.Contains(problems, "ACL SETUSER loglane +xadd +ssubscribe)") {
		t.Error(problems)
	}
	site.Nodes[1].MustDo("ACL", "SETUSER", "loglane", "+xadd", "+ssubscribe")
	if problems := told(examine(t, site.UserURL("loglane", "pass"), 0)); problems != "" {
		t.Error(problems)
	}
	one := redistest.Start(t)
	for _, c := range []struct{ url, want string }{
		{one.URL() + "?cluster=true", "is no node of a cluster"},
		{site.Nodes[0].URL(), "it is a node of a cluster (add ?cluster=true"},
	} {
		err := openURL(t, c.url, redisbroker.Options{}).Ping(t.Context())
		if !errors.As(err, new(*redisbroker.RejectedError)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

// Sessions, notices and last uses are spread over the nodes.
func TestTheRestInACluster(t *testing.T) {
	site := redistest.StartCluster(t)
	b, other := openURL(t, site.URL(), redisbroker.Options{}), openURL(t, site.URL(), redisbroker.Options{})
	for _, key := range []string{"a", "b", "c", "d"} {
		if err := b.Sessions().Save(t.Context(), key, []byte(key), time.Minute); err != nil {
			t.Fatal(err)
		}
		if data, found, err := other.Sessions().Load(t.Context(), key); string(data) != key || !found || err != nil {
			t.Errorf("%s: %s %v %v", key, data, found, err)
		}
		if existed, err := other.Sessions().Delete(t.Context(), key); !existed || err != nil {
			t.Errorf("%s: %v %v", key, existed, err)
		}
		if err := b.TokenUses().Used(t.Context(), key, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := other.TokenUses().LastUsed(t.Context(), []string{"a", "b", "none", "c", "d"}); len(found) != 4 || err != nil {
		t.Errorf("%v %v", found, err)
	}
	heard := make(chan string, 100)
	defer other.Notices().Listen(func(message []byte) { heard <- string(message) })()
	if first := <-heard; first != "" {
		t.Errorf("%q came before the confirmation", first)
	}
	if err := b.Notices().Notify(t.Context(), []byte("a notice")); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "a notice" {
		t.Errorf("%q", got)
	}
}
