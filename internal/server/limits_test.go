package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/server"
)

func TestLimitsNameThemselves(t *testing.T) {
	for _, c := range []struct {
		limits server.Limits
		open   []string // signed-in names of the open streams
		next   string
		want   string // part of the message; "" is a stream
	}{
		{server.Limits{Streams: 2}, []string{"alice", "bob"}, "adam", "this gateway: at most 2 are allowed (max-streams)"},
		{server.Limits{Streams: 3}, []string{"alice", "bob"}, "adam", ""},
		{server.Limits{PerUser: 1}, []string{"alice"}, "alice", "this user: at most 1 are allowed (max-streams-per-user)"},
		{server.Limits{PerUser: 1}, []string{"alice"}, "bob", ""},
		{server.Limits{PerAddress: 1}, []string{"alice"}, "bob", "this address: at most 1 are allowed (max-streams-per-address)"},
		{server.Limits{}, []string{"alice", "alice"}, "alice", ""},
	} {
		g := newGateway(t, func(s *setup) { s.Limits = c.limits })
		for _, name := range c.open {
			g.as(name).open("api/v1/stream").until("id: ")
		}
		a := g.as(c.next).get("api/v1/stream")
		if c.want == "" {
			if a.code != http.StatusOK {
				t.Errorf("%+v: %d %s", c.limits, a.code, a.body)
			}
			continue
		}
		if a.code != http.StatusTooManyRequests || !strings.Contains(a.body, c.want) || a.header.Get("Retry-After") != "10" {
			t.Errorf("%+v: %d %s, want %q", c.limits, a.code, a.body, c.want)
		}
	}
}

func TestAnEndedStreamMakesRoom(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.Limits = server.Limits{Streams: 1, PerUser: 1, PerAddress: 1} })
	alice := g.as("alice")
	for range 3 {
		v := alice.open("api/v1/stream")
		v.until("id: ")
		v.close()
		eventually(t, func() bool { return g.hub.Stats().Streams == 0 })
	}
}

// One IPv6 subscriber has a whole /64; one IPv4 address may speak as IPv6 too.
func TestAddressesCountByNetwork(t *testing.T) {
	for _, c := range []struct {
		first, second string
		same          bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:2", true},
		{"[2001:db8::1]:1", "[2001:db8::2]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::2%eth1]:1", true},
		{"@", "@", false}, // a Unix socket
	} {
		g := newGateway(t, func(s *setup) { s.Limits = server.Limits{PerAddress: 1} })
		handler := g.server.Handler()
		request := func(name, address string) *http.Request {
			r := g.as(name).request(http.MethodGet, "api/v1/stream", nil)
			r.RemoteAddr, r.RequestURI = address, "/api/v1/stream"
			return r
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			handler.ServeHTTP(httptest.NewRecorder(), request("alice", c.first).WithContext(ctx))
			close(ended)
		}()
		eventually(t, func() bool { return g.hub.Stats().Streams == 1 })
		r := request("bob", c.second)
		r.Method = http.MethodHead
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := w.Code == http.StatusTooManyRequests; got != c.same {
			t.Errorf("%s after %s: %d", c.second, c.first, w.Code)
		}
		cancel()
		<-ended
	}
}

func eventually(t *testing.T, true func() bool) {
	t.Helper()
	deadline, tick := time.After(5*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-deadline:
			t.Fatal("it does not come true")
		case <-tick.C:
		}
	}
}
