package server_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

const asPerson = "text/html,application/xhtml+xml,*/*;q=0.8"

// headerOnly is a gateway below /logs/ into which only a proxy's header leads.
func headerOnly(t *testing.T) http.Handler {
	t.Helper()
	way, err := auth.NewHeader(auth.HeaderOptions{Name: "Remote-User", Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}})
	must(t, err)
	return bare(t, func(o *server.Options) {
		o.Ways, o.TrustedHeader, o.BasePath = []auth.Authenticator{way}, "Remote-User", "/logs/"
	})
}

// Where nobody could sign in at a page, there is none to be led to: a person is told what
// the proxy has to do, and a program gets JSON.
func TestWithoutALoginPageSomebodyIsToldSo(t *testing.T) {
	h := headerOnly(t)
	for _, path := range []string{"/logs/", "/logs/login", "/logs/login?next=/logs/%3Fuser=bob"} {
		w := ask(h, "GET", "http://gw"+path, "Accept", asPerson)
		body := w.Body.String()
		if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		for _, want := range []string{"Not signed in", "did not say who you are", "Remote-User (--trusted-header)", "--trusted-header-proxies"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s has no %q:\n%s", path, want, body)
			}
		}
		w = ask(h, "GET", "http://gw"+path, "Accept", "application/json")
		if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Type") != "application/json" || !strings.Contains(w.Body.String(), `"error":"the proxy in front`) {
			t.Errorf("%s for a program: %d %s", path, w.Code, w.Body)
		}
	}
	if w := ask(h, "GET", "http://gw/logs/login?next=/logs/%3Fuser=bob%22%3E", "Accept", asPerson); !strings.Contains(w.Body.String(), `<a href="/logs/?user=bob%22%3E">`) && !strings.Contains(w.Body.String(), `<a href="/logs/?user=bob&#34;&gt;">`) {
		t.Errorf("the way back: %s", w.Body)
	}
	if w := ask(h, "GET", "http://gw/logs/login?next=//evil.example/", "Accept", asPerson); strings.Contains(w.Body.String(), "evil") {
		t.Errorf("the way back leads elsewhere: %s", w.Body)
	}
	if w := ask(h, "GET", "http://gw/logs/api/v1/me"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "not signed in") {
		t.Errorf("me: %d %s", w.Code, w.Body)
	}
	tokens := bare(t, nil) // another way in than a header
	if w := ask(tokens, "GET", "http://gw/", "Accept", asPerson); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "There is no login page here") || strings.Contains(w.Body.String(), "--trusted-header") {
		t.Errorf("without a header: %d %s", w.Code, w.Body)
	}
}

// The proxy may sign somebody in on the way to the login page: they go on to where they
// wanted to, but not round and round where their name does not come with all requests.
func TestWhoComesInAtTheLoginPageGoesOn(t *testing.T) {
	h := headerOnly(t)
	trips := ""
	for trip := 1; trip <= 4; trip++ {
		w := ask(h, "GET", "http://gw/logs/login?next=/logs/%3Flevel=error", "Accept", asPerson, "Remote-User", "alice", "Cookie", trips)
		if trip < 4 {
			if w.Code != http.StatusFound || w.Header().Get("Location") != "/logs/?level=error" {
				t.Fatalf("trip %d: %d to %s", trip, w.Code, w.Header().Get("Location"))
			}
			trips, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
			continue
		}
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "to all paths below /logs/") {
			t.Errorf("the last trip: %d %s", w.Code, w.Body)
		}
	}
	if w := ask(h, "GET", "http://gw/logs/", "Accept", asPerson, "Remote-User", "alice"); w.Code != http.StatusOK {
		t.Errorf("alice: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "http://gw/logs/login", "Accept", asPerson, "Remote-User", "alice", "Remote_User", "bob"); w.Code != http.StatusBadRequest {
		t.Errorf("who is in doubt: %d %s", w.Code, w.Body)
	}
}
