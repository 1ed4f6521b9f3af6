package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
)

// One user's cursor on another's channel is none there: the answer says so, and holds what
// the own channel has and nothing of the other's.
func TestAnothersCursorShowsNothingOfTheirs(t *testing.T) {
	for name, start := range map[string]func(*testing.T) (*gateway, loglane.Broker){
		"memory": func(t *testing.T) (*gateway, loglane.Broker) {
			g := newGateway(t, nil)
			return g, g.broker
		},
		"redis": func(t *testing.T) (*gateway, loglane.Broker) {
			g, broker := redisGateway(t, redistest.Start(t))
			eventually(t, func() bool { return broker.Ping(t.Context()) == nil })
			return g, broker
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, broker := start(t)
			store := func(channel, message string, ks ...uint64) {
				for _, k := range ks {
					_, err := broker.Append(t.Context(), channel, loglane.Batch{Producer: "AAAAAAAAAAAAAAA" + channel[len(channel)-1:], Lines: []loglane.Line{{K: k, Record: []byte(`{"message":"` + message + `"}`)}}})
					must(t, err)
				}
			}
			store("logs:User.alice", "alices secret", 1, 2, 3, 4, 5)
			store("logs:User.bob", "bobs own", 1, 2)
			store("logs:User.alice", "alices secret", 6)
			for n, id := range idsOf(t, g.as("alice")) {
				bob := g.as("bob")
				v := bob.open("api/v1/stream?last_event_id=" + id)
				seen := v.readAll(2, "bobs own")
				if strings.Contains(seen, "secret") || !strings.Contains(seen, "event: gap") || !strings.Contains(seen, `"epoch"`) && !strings.Contains(seen, `"rewritten"`) {
					t.Errorf("alice's cursor %d on bob's stream: %s", n, seen)
				}
				v.close()
				for _, param := range []string{"after", "before"} { // before asks for a time only
					a := bob.get("api/v1/logs?" + param + "=" + id)
					status := a.header.Get("Loglane-Status")
					if a.code != http.StatusOK || strings.Contains(a.body, "secret") || param == "after" && status != "epoch" && status != "rewritten" {
						t.Errorf("alice's cursor %d on bob's history, %s: %d %s %s", n, param, a.code, status, a.body)
					}
				}
			}
		})
	}
}

// idsOf are the ids of the lines that somebody's stream begins with.
func idsOf(t *testing.T, b *browser) (ids []string) {
	t.Helper()
	v := b.open("api/v1/stream")
	defer v.close()
	for line := range strings.Lines(v.readAll(6, "secret")) {
		if id, found := strings.CutPrefix(strings.TrimSpace(line), "id: "); found {
			ids = append(ids, id)
		}
	}
	if len(ids) < 6 {
		t.Fatalf("%d ids", len(ids))
	}
	return ids
}

// readAll returns what comes up to the n-th line that has the text.
func (v *viewer) readAll(n int, text string) string {
	v.t.Helper()
	var all strings.Builder
	deadline := time.After(5 * time.Second)
	for n > 0 {
		select {
		case line, open := <-v.lines:
			if !open {
				v.t.Fatalf("the stream ended (%v) after %s", v.end, &all)
			}
			all.WriteString(line + "\n")
			if strings.Contains(line, text) {
				n--
			}
		case <-deadline:
			v.t.Fatalf("no more %q after %s", text, &all)
		}
	}
	return all.String()
}
