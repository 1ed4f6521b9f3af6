package chaos_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

const (
	healedByNext = 100 * time.Millisecond
	healedAlone  = 5 * time.Second
)

// A lone scene is a Redis, a hub in this process and one viewer a trial.
type lone struct {
	*testing.T
	redis        *redistest.Server
	mute, broker *redisbroker.Broker
	url          string
	k            map[string]uint64
	producer     string
}

func playLone(t *testing.T) *lone {
	fault(t)
	s := &lone{T: t, redis: redistest.Start(t), k: make(map[string]uint64), producer: loglane.NewProducer()}
	s.redis.MustDo("ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "resetchannels")
	s.mute = openBroker(t, fmt.Sprintf("redis://mute:secret@127.0.0.1:%d/0", s.redis.Port), loglane.Retention{})
	s.broker = openBroker(t, s.redis.URL(), keepMuch)
	hub, err := loglane.NewHub(s.broker, &loglane.HubOptions{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(hub.Stream(func(r *http.Request) (loglane.Grant, error) {
		channel, err := loglane.ChannelName(r.URL.Query().Get("channel"))
		return loglane.Grant{Channel: channel}, err
	}, nil))
	t.Cleanup(func() {
		_ = hub.Close(t.Context()) // its streams are cut with the server
		server.Close()
	})
	s.url = server.URL
	return s
}

// producerOf names a channel's only producer.
func (s *lone) producerOf(channel string) string {
	return s.producer + strings.ReplaceAll(channel, ".", "-")
}

// append stores one line, and publishes it unless the broker may not.
func (s *lone) append(broker *redisbroker.Broker, channel string) loglane.Src {
	s.Helper()
	s.k[channel]++
	k := s.k[channel]
	batch := loglane.Batch{Producer: s.producerOf(channel), Lines: []loglane.Line{{K: k, Record: fmt.Appendf(nil, `{"message":"%d"}`, k)}}}
	if _, err := broker.Append(s.Context(), loglane.ChannelPrefix+channel, batch); err != nil {
		s.Fatal(err)
	}
	return loglane.NewSrc(batch.Producer, k)
}

// TestUnpublished stores lines whose PUBLISH is lost: the next line heals at once, and for
// a first or a last one the silence is checked.
func TestUnpublished(t *testing.T) {
	s := playLone(t)
	trials := sized(10, 50)
	crowds := make([]*chaos.Crowd, trials)
	for i := range crowds {
		crowds[i] = chaos.Gather(t.Context(), 1, fmt.Sprintf("%s?channel=User.%d", s.url, i), nil, nil)
		defer crowds[i].Leave()
		if err := crowds[i].Opened(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	// times appends a line in each channel, and returns how long each viewer waited for it.
	times := func(broker *redisbroker.Broker, before *redisbroker.Broker) (all []time.Duration) {
		for i, c := range crowds {
			channel := fmt.Sprintf("User.%d", i)
			if before != nil {
				s.append(before, channel)
			}
			c.Mark(time.Now())
			s.append(broker, channel)
		}
		for i, c := range crowds {
			deadline := time.Now().Add(2 * healedAlone)
			had := len(all)
			for len(all) == had {
				if resumed := c.Viewers[0].Resumed(); len(resumed) == c.Viewers[0].Marks() {
					all = append(all, resumed[len(resumed)-1])
				} else if time.Now().After(deadline) {
					t.Fatalf("viewer %d waits for a line", i)
				}
				pause(5 * time.Millisecond)
			}
		}
		return sorted(all)
	}
	first := times(s.mute, nil)
	next := times(s.broker, s.mute)
	last := times(s.mute, nil)
	var v chaos.Verdict
	for i, c := range crowds {
		c.Leave()
		channel := fmt.Sprintf("User.%d", i)
		published := chaos.Published{}
		for k := uint64(1); k <= s.k[channel]; k++ {
			published[s.producerOf(channel)] = append(published[s.producerOf(channel)],
				chaos.Sent{K: k, Sum: chaos.SumOf(fmt.Appendf(nil, `{"message":"%d"}`, k)), Acked: true})
		}
		v.Add(c.Check(published))
	}
	slowest := func(times []time.Duration) time.Duration { return chaos.Percentile(times, 100) }
	if v.Wrong() || v.Gaps > 0 {
		t.Errorf("%v\n%s", v, strings.Join(v.Examples, "\n"))
	}
	if slowest(first) > healedAlone || slowest(last) > healedAlone || slowest(next) > healedByNext {
		t.Errorf("healed after %v for the first, %v by the next, %v for the last", slowest(first), slowest(next), slowest(last))
	}
	table.Add("PUBLISH lost, XADD kept", fmt.Sprintf("%d channels, a first, a middle and a last line each", trials),
		fmt.Sprintf("%v; healed by the next line: %s; a first one: %s; a last one: %s", v, chaos.Spread(next), chaos.Spread(first), chaos.Spread(last)), !t.Failed())
}

// TestUnstored publishes lines that are in no history: they are shown, once, without a place.
func TestUnstored(t *testing.T) {
	s := playLone(t)
	lines := sized(200, 2000)
	c := chaos.Gather(t.Context(), 1, s.url+"?channel=User.alice", nil, nil)
	defer c.Leave()
	if err := c.Opened(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	s.append(s.broker, "User.alice")
	for n := range lines {
		s.redis.MustDo("PUBLISH", alice, fmt.Sprintf(`{"message":"foreign %d"}`, n))
		if n%10 == 0 {
			s.append(s.broker, "User.alice")
		}
	}
	deadline := time.Now().Add(healedAlone)
	viewer := c.Viewers[0]
	for len(viewer.Unplaced()) < lines && time.Now().Before(deadline) {
		pause(10 * time.Millisecond)
	}
	c.Leave()
	got := viewer.Unplaced()
	wrong := len(got) - lines
	for n, data := range got {
		if data != fmt.Sprintf(`{"message":"foreign %d"}`, n) {
			wrong++
		}
	}
	if wrong != 0 {
		t.Errorf("%d of %d lines, %d wrong", len(got), lines, wrong)
	}
	table.Add("XADD lost, PUBLISH kept", fmt.Sprintf("%d foreign lines among others", lines), fmt.Sprintf("%d shown, %d wrong or out of order", len(got), wrong), !t.Failed())
}
