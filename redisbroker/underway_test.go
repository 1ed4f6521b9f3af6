package redisbroker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// A move is a channel whose slot is on its way from one master to another.
type move struct {
	clustered
	channel  string
	slot     int
	from, to *redistest.Server
}

func (m move) begin() {
	m.t.Helper()
	if err := m.site.BeginMove(m.slot, m.from, m.to); err != nil {
		m.t.Fatal(err)
	}
}

func (m move) keys(keys ...string) {
	m.t.Helper()
	if err := m.site.MoveKeys(m.from, m.to, keys...); err != nil {
		m.t.Fatal(err)
	}
}

func (m move) end() {
	m.t.Helper()
	if err := m.site.EndMove(m.slot, m.from, m.to); err != nil {
		m.t.Fatal(err)
	}
}

func (m move) append(k uint64) error {
	ctx, cancel := context.WithTimeout(m.t.Context(), 5*time.Second)
	defer cancel()
	_, err := m.Append(ctx, m.channel, loglane.Batch{Producer: "p", Lines: lines(k, k)})
	return err
}

// messages reads the whole history, and holds it to be one chain.
func (m move) messages() string {
	m.t.Helper()
	page, err := m.Read(m.t.Context(), m.channel, loglane.Oldest(), 100)
	if err != nil {
		m.t.Fatalf("Read: %v", err)
	}
	var all []string
	for i, entry := range page.Entries {
		all = append(all, string(entry.Data))
		if i > 0 && !entry.Foreign() && entry.Prev != page.Entries[i-1].Cursor.ID {
			m.t.Errorf("%+v after %+v", entry, page.Entries[i-1])
		}
	}
	return strings.Join(all, " ")
}

func written(first, last uint64) string {
	var all []string
	for _, line := range lines(first, last) {
		all = append(all, string(line.Record))
	}
	return strings.Join(all, " ")
}

// While a slot moves for long, its channels are read, written and followed as ever, whatever
// has moved of them and whatever is missing.
func TestAChannelWhoseSlotIsOnItsWay(t *testing.T) {
	site := redistest.StartCluster(t)
	for _, node := range site.Nodes {
		node.MustDo(append([]string{"ACL", "SETUSER", "loglane", "reset", "on", ">pass"}, strings.Fields(redisbroker.ClusterACL())...)...)
	}
	b := openURL(t, site.UserURL("loglane", "pass"), redisbroker.Options{})
	for i, c := range []struct {
		name   string
		before func(move)
		moved  func(m move) []string // keys
		k      uint64                // lines before
		shown  string                // before them
	}{
		{name: "never written to", before: func(move) {}, moved: func(move) []string { return nil }},
		{
			name: "all of it where it was", before: func(m move) { m.write(2) },
			moved: func(move) []string { return nil }, k: 2,
		},
		{
			name: "all of it moved", before: func(m move) { m.write(2) },
			moved: func(m move) []string { return []string{m.stream(m.channel), m.meta(m.channel)} }, k: 2,
		},
		{
			name:   "only the numbering left, and moved",
			before: func(m move) { m.write(2); m.EvictStream(m.channel) },
			moved:  func(m move) []string { return []string{m.meta(m.channel)} }, k: 2,
		},
		{
			name:   "written to by others alone, and moved",
			before: func(m move) { m.Store(m.channel, []byte("theirs")) },
			moved:  func(m move) []string { return []string{m.stream(m.channel)} }, shown: "theirs",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := openMove(t, b, site, fmt.Sprintf("logs:User.moving%d", i))
			c.before(m)
			events := make(chan loglane.Event, 1000)
			defer b.Follow(m.channel, func(e loglane.Event) { events <- e })()
			awaitEvent(t, events, loglane.Confirmed, 5*time.Second)
			m.begin()
			if keys := c.moved(m); len(keys) > 0 {
				m.keys(keys...)
			}
			before := strings.TrimSpace(c.shown + " " + written(1, c.k))
			if c.k > 0 && !strings.Contains(c.name, "numbering") {
				if got := m.messages(); got != before {
					t.Errorf("reads %s, want %s", got, before)
				}
			}
			for k := c.k + 1; k <= c.k+2; k++ {
				began := time.Now()
				if err := m.append(k); err != nil {
					t.Fatalf("Append: %v", err)
				}
				event := awaitEvent(t, events, loglane.Lines, time.Second)
				if frame, ok := loglane.ParseFrame(event.Payloads[0]); !ok || string(frame.Data) != written(k, k) {
					t.Errorf("followers get %s", event.Payloads[0])
				}
				t.Logf("line %d stored and heard after %v", k, time.Since(began))
			}
			fresh := make(chan loglane.Event, 1000)
			defer b.Follow(m.channel, func(e loglane.Event) { fresh <- e })()
			awaitEvent(t, fresh, loglane.Confirmed, time.Second)
			during := m.messages()
			keys, err := site.KeysIn(m.slot, m.from)
			if err != nil {
				t.Fatal(err)
			}
			if len(keys) > 0 {
				m.keys(keys...)
			}
			m.end()
			if err := m.append(c.k + 3); err != nil {
				t.Fatalf("Append after the move: %v", err)
			}
			first := uint64(1)
			if strings.Contains(c.name, "numbering") {
				first = c.k + 1
			}
			if got, want := m.messages(), strings.TrimSpace(c.shown+" "+written(first, c.k+3)); got != want || during+" "+written(c.k+3, c.k+3) != want {
				t.Errorf("reads %s during the move and %s after it, want %s", during, got, want)
			}
		})
	}
}

// openMove is a channel of its own, with the way that its slot will go.
func openMove(t *testing.T, b *redisbroker.Broker, site *redistest.Cluster, channel string) move {
	t.Helper()
	m := move{clustered: clustered{Broker: b, t: t, site: site}, channel: channel, slot: site.Slot(channel), from: site.Owner(channel)}
	for _, master := range site.Masters() {
		if master != m.from {
			m.to = master
		}
	}
	return m
}

func (m move) write(n uint64) {
	m.t.Helper()
	for k := uint64(1); k <= n; k++ {
		if err := m.append(k); err != nil {
			m.t.Fatal(err)
		}
	}
}

// Of a channel that is neither here nor there nothing is written until it has moved, and
// what is written then waits for that: it fails for nobody whose patience is longer.
func TestAnAppendWaitsForAHalfMovedChannel(t *testing.T) {
	site := redistest.StartCluster(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	for i, c := range []struct {
		name string
		part func(move) (before string) // begins, and returns what the channel then has
	}{
		{"meta moved", func(m move) string {
			m.begin()
			m.keys(m.meta(m.channel))
			return written(1, 2)
		}},
		{"stream moved", func(m move) string {
			m.begin()
			m.keys(m.stream(m.channel))
			return written(1, 2)
		}},
		{"stream gone, meta not moved", func(m move) string {
			m.EvictStream(m.channel)
			m.begin()
			return ""
		}},
	} {
		m := openMove(t, b, site, fmt.Sprintf("logs:User.half%d", i))
		m.write(2)
		before := c.part(m)
		if got := m.messages(); got != before {
			t.Errorf("%s: it reads %s", c.name, got)
		}
		stored := make(chan error, 1)
		go func() { stored <- m.append(3) }()
		select {
		case err := <-stored:
			t.Errorf("%s: it was stored meanwhile: %v", c.name, err)
		case <-time.After(3 * time.Second): // longer than a slot without a master is waited for
		}
		keys, err := site.KeysIn(m.slot, m.from)
		if err != nil || len(keys) != 1 {
			t.Fatalf("%v is left, %v", keys, err)
		}
		m.keys(keys...)
		began := time.Now()
		if err := <-stored; err != nil {
			t.Errorf("%s: Append: %v", c.name, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: it was stored %v after the rest had moved", c.name, took)
		}
		after := strings.TrimSpace(before + " " + written(3, 3))
		if got := m.messages(); got != after {
			t.Errorf("%s: while the move is open it reads %s", c.name, got)
		}
		m.end()
		if got := m.messages(); got != after {
			t.Errorf("%s: moved it reads %s", c.name, got)
		}
	}
}
