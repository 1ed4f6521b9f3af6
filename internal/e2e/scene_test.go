package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// A scene is a Redis, a gateway and the viewers of one channel.
type scene struct {
	*testing.T
	server *redistest.Server
	broker *redisbroker.Broker
	url    string
	hub    *loglane.Hub
	k      uint64
}

// newScene starts a Redis with further settings, and a gateway on it.
func newScene(t *testing.T, keep loglane.Retention, settings ...string) *scene {
	t.Parallel()
	s := &scene{T: t, server: redistest.Start(t, settings...)}
	s.broker = openRedis(t, s.server, keep)
	url, hub, _ := serveHub(t, s.broker, nil)
	s.url, s.hub = url+"?channel=User.alice", hub
	return s
}

// watch lets a viewer watch until the test ends.
func (s *scene) watch(query string) *viewer {
	v := newViewer(s.url + query)
	ctx, cancel := context.WithCancel(s.Context())
	var watching sync.WaitGroup
	watching.Go(func() { v.watch(ctx) })
	s.Cleanup(func() { cancel(); watching.Wait() })
	return v
}

// append appends "line N" for the next n numbers, each with some weight. The connection that
// publishes may learn only by its next line that Redis was away.
func (s *scene) append(n, weight int) {
	s.Helper()
	for n > 0 {
		batch := loglane.Batch{Producer: "p"}
		for ; n > 0 && len(batch.Lines) < 100; n-- {
			s.k++
			record := fmt.Appendf(nil, `{"message":"line %d","pad":"%s"}`, s.k, strings.Repeat("x", weight))
			batch.Lines = append(batch.Lines, loglane.Line{K: s.k, Record: record})
		}
		ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
		err := deliver(ctx, s.broker, "logs:User.alice", batch)
		cancel()
		if err != nil {
			s.Fatal(err)
		}
	}
}
