package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

func redisGateway(t *testing.T, redis *redistest.Server) (*gateway, *redisbroker.Broker) {
	t.Helper()
	broker, err := redisbroker.New(redisbroker.Options{
		URL: redis.URL(), Retention: keepAll, Global: keepAll, Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { must(t, broker.Close(context.Background())) })
	return newGateway(t, func(s *setup) {
		withKnownTokens(s)
		s.broker = broker
	}), broker
}

// Redis restarts with all, with half and with none of what it had acknowledged: a producer
// that follows the answers has each line once and in order in both channels.
func TestAProducerOverRedis(t *testing.T) {
	redis := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	g, broker := redisGateway(t, redis)
	eventually(t, func() bool { return broker.Ping(t.Context()) == nil })
	viewer := g.as("alice").open("api/v1/stream")
	viewer.until("id: ")
	after, last, sent := "0,0", 0, 0
	for round := 0; last < 1000; round++ {
		switch round {
		case 2:
			redis.Kill()
			if a := g.sendNumbered("all", last+1, last+200, after); a.code != http.StatusServiceUnavailable {
				t.Errorf("without Redis: %d %s", a.code, a.body)
			}
			redis.Restart()
		case 4: // only the channel's share is lost
			redis.MustDo("DEL", "stream:logs:User.alice", "loglane:meta:{logs:User.alice}")
		}
		var a answer
		eventually(t, func() bool { // after a restart, connections are made anew
			a = g.sendNumbered("all", last+1, last+200, after)
			return a.code != http.StatusServiceUnavailable
		})
		sent++
		var got struct {
			After   json.RawMessage
			Channel string
		}
		must(t, json.Unmarshal([]byte(a.body), &got))
		switch a.code {
		case http.StatusOK:
			must(t, json.Unmarshal(got.After, &after))
			last += 200
		case http.StatusConflict:
			if got.Channel != "User.alice" || string(got.After) != "0" {
				t.Fatalf("%s", a.body)
			}
			after, last = "0,0", 0
		default:
			t.Fatalf("%d %s", a.code, a.body)
		}
	}
	if sent != 10 { // 4 rounds, the refusal, and all 5 again
		t.Errorf("%d requests", sent)
	}
	checkLines(t, broker, 1000)
	viewer.until("line 1000")
}

func TestCollectorsOverRedis(t *testing.T) {
	redis := redistest.Start(t)
	g, broker := redisGateway(t, redis)
	eventually(t, func() bool { return broker.Ping(t.Context()) == nil })
	a := g.post("alice", "?user=alice", `[{"date":1769860800.1,"log":"one"},null,{"date":1769860800.2,"log":"two"}]`, jsonArray...)
	if a.code != http.StatusOK || !strings.Contains(a.body, `"accepted":2,"rejected":[{"line":2,`) {
		t.Errorf("%d %s", a.code, a.body)
	}
	for _, channel := range []string{"logs:User.alice", loglane.GlobalChannel} {
		got := fmt.Sprint(stored(t, broker, channel))
		if got != `[{"date":1769860800.1,"log":"one","context":"User.alice"} {"date":1769860800.2,"log":"two","context":"User.alice"}]` {
			t.Errorf("%s has %s", channel, got)
		}
	}
}
