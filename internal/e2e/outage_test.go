package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
)

// insist appends line n until Redis has acknowledged it.
func insist(ctx context.Context, broker loglane.Broker, channel, producer string, n uint64) error {
	batch := loglane.Batch{Producer: producer, After: n - 1, Lines: []loglane.Line{{K: n, Record: fmt.Appendf(nil, `{"message":"line %d"}`, n)}}}
	return deliver(ctx, broker, channel, batch)
}

// deliver appends a batch as publishers do: again, until Redis has acknowledged it.
func deliver(ctx context.Context, broker loglane.Broker, channel string, batch loglane.Batch) error {
	for {
		_, err := broker.Append(ctx, channel, batch)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// TestRedisKilled kills a Redis that writes every line down, while a program publishes and
// viewers watch, and holds viewers to every line once.
func TestRedisKilled(t *testing.T) {
	s := newScene(t, loglane.Retention{}, "--appendonly", "yes", "--appendfsync", "always")
	viewers := make([]*viewer, 10)
	for i := range viewers {
		viewers[i] = s.watch("")
	}
	var sent sync.WaitGroup
	const last = 600
	sent.Go(func() {
		for n := uint64(1); n <= last; n++ {
			if err := insist(t.Context(), s.broker, "logs:User.alice", "p", n); err != nil {
				t.Errorf("line %d: %v", n, err)
				return
			}
			<-time.After(5 * time.Millisecond)
		}
	})
	for range 3 {
		<-time.After(700 * time.Millisecond)
		s.server.Kill()
		<-time.After(300 * time.Millisecond)
		s.server.Restart()
	}
	sent.Wait()
	for i, v := range viewers {
		v.awaitLine(t, last, 20*time.Second)
		events := v.all()
		if fault := unbroken(v.numbers()); fault != "" || len(gaps(events)) > 0 || v.dropped > 0 {
			t.Errorf("viewer %d: %s, gaps %v, %d twice", i, fault, gaps(events), v.dropped)
		}
		if !told(events, `{"upstream":"down"}`) || !told(events, `{"upstream":"up"}`) {
			t.Errorf("viewer %d was not told that the broker went away and came back", i)
		}
	}
	t.Logf("%+v", s.hub.Stats())
}

func told(events []shown, data string) bool {
	for _, s := range events {
		if s.event == "status" && s.data == data {
			return true
		}
	}
	return false
}

// TestRedisForgets restarts a Redis that keeps nothing: the loss is told once.
func TestRedisForgets(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	v := s.watch("")
	s.append(1, 0)
	v.awaitLine(t, 1, 10*time.Second)
	s.server.Kill()
	s.server.Restart()
	v.await(t, "the gap", 20*time.Second, func(events []shown) bool { return len(gaps(events)) > 0 })
	s.append(3, 0)
	v.awaitLine(t, 4, 10*time.Second)
	if g := gaps(v.all()); len(g) != 1 || g[0] != `{"reason":"epoch","missed":null}` {
		t.Errorf("gaps %v", g)
	}
	if fault := unbroken(v.numbers()); fault != "" {
		t.Error(fault)
	}
}

// TestRedisAway opens a stream while Redis is away.
func TestRedisAway(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	s.server.Kill()
	resp, err := http.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusServiceUnavailable || string(body) != "Log stream is temporarily unavailable." ||
		!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %q", resp.StatusCode, resp.Header, body)
	}
	s.server.Restart()
	v := s.watch("")
	if err := insist(t.Context(), s.broker, "logs:User.alice", "p", 1); err != nil {
		t.Fatal(err)
	}
	v.awaitLine(t, 1, 20*time.Second)
}

// TestIdleViewers holds 100 idle viewers beside 5 active ones to one connection, and to
// leaving nothing behind.
func TestIdleViewers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	broker := openRedis(t, server, loglane.Retention{})
	url, _, _ := serveHub(t, broker, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	for i := range 100 {
		v := newViewer(fmt.Sprintf("%s?channel=User.idle%d", url, i))
		watching.Go(func() { v.watch(ctx) })
	}
	active := make([]*viewer, 5)
	for i := range active {
		active[i] = newViewer(fmt.Sprintf("%s?channel=User.active%d", url, i))
		watching.Go(func() { active[i].watch(ctx) })
	}
	for i := range active {
		for n := uint64(1); n <= 200; n++ {
			if err := insist(ctx, broker, fmt.Sprintf("logs:User.active%d", i), "p", n); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, v := range active {
		v.awaitLine(t, 200, 10*time.Second)
		if fault := unbroken(v.numbers()); fault != "" || len(v.numbers()) != 200 {
			t.Errorf("viewer %d: %d lines, %s", i, len(v.numbers()), fault)
		}
	}
	if subscribers := strings.Count(server.MustDo("CLIENT", "LIST", "TYPE", "PUBSUB"), "id="); subscribers != 1 {
		t.Errorf("%d Pub/Sub connections", subscribers)
	}
	if n := numsub(t, server); n != 1 {
		t.Errorf("%d subscribers of an active channel", n)
	}
	cancel()
	watching.Wait()
	deadline := time.Now().Add(35 * time.Second)
	for numsub(t, server) != 0 || channels(t, server) > 1 { // the broker's own probe stays
		if time.Now().After(deadline) {
			t.Fatalf("35 s after the last viewer %d channels are followed", channels(t, server))
		}
		<-time.After(200 * time.Millisecond)
	}
}

// numsub returns the number of subscribers of an active channel.
func numsub(t *testing.T, server *redistest.Server) int {
	t.Helper()
	if strings.Contains(server.MustDo("EVAL", "return table.concat(redis.call('PUBSUB','CHANNELS'), ' ')", "0"), "logs:User.active0") {
		return 1
	}
	return 0
}

// channels returns how many channels have a subscriber.
func channels(t *testing.T, server *redistest.Server) int {
	t.Helper()
	return len(strings.Fields(server.MustDo("EVAL", "return table.concat(redis.call('PUBSUB','CHANNELS'), ' ')", "0")))
}
