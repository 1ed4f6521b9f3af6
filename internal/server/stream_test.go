package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

func TestOnlyTheOwnLinesReachAViewer(t *testing.T) {
	g := newGateway(t, nil)
	alice, bob := g.as("alice").open("api/v1/stream"), g.as("bob").open("api/v1/stream")
	alice.until("id: ")
	bob.until("id: ")
	publish(t, g, "logs:User.alice", "for alice")
	publish(t, g, "logs:User.bob", "for bob")
	if line := alice.until("for "); !strings.Contains(line, "for alice") {
		t.Errorf("alice got %s", line)
	}
	if line := bob.until("for "); !strings.Contains(line, "for bob") {
		t.Errorf("bob got %s", line)
	}
}

func publish(t *testing.T, g *gateway, channel, message string) {
	t.Helper()
	record := []byte(`{"message":"` + message + `"}`)
	_, err := g.broker.Append(t.Context(), channel, loglane.Batch{
		Producer: loglane.NewProducer(), Lines: []loglane.Line{{K: 1, Record: record}},
	})
	must(t, err)
}

func TestSignOutEndsTheStreamsOfTheSession(t *testing.T) {
	g := newGateway(t, nil)
	here, elsewhere := g.as("alice"), g.as("alice")
	ending, staying := here.open("api/v1/stream"), elsewhere.open("api/v1/stream")
	ending.until("id: ")
	staying.until("id: ")
	begin := time.Now()
	if a := here.form("logout", nil); a.code != http.StatusSeeOther || a.header.Get("Location") != "/login" {
		t.Errorf("logout: %d to %q", a.code, a.header.Get("Location"))
	}
	ending.until("event: auth")
	ending.ended()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the stream ended after %v", took)
	}
	publish(t, g, "logs:User.alice", "for the other session")
	staying.until("for the other session")
}

func TestSignOutWhileTheStoreIsAway(t *testing.T) {
	g := newGateway(t, nil)
	alice := g.as("alice")
	v := alice.open("api/v1/stream")
	v.until("id: ")
	g.store.setAway(true)
	a := alice.form("logout", nil)
	if a.code != http.StatusServiceUnavailable || !strings.Contains(a.body, "session store") || a.header.Get("Retry-After") == "" {
		t.Errorf("logout: %d %s", a.code, a.body)
	}
	if len(a.cookies) != 1 || a.cookies[0].MaxAge >= 0 {
		t.Errorf("the cookie stays: %v", a.cookies)
	}
	v.until("event: auth")
	v.ended()
	g.store.setAway(false)
	if a := alice.get("api/v1/me"); a.code != http.StatusUnauthorized {
		t.Errorf("the session lives on: %d %s", a.code, a.body)
	}
}

func TestReadingAnothersChannelIsNoted(t *testing.T) {
	for _, c := range []struct{ who, path, want string }{
		{"adam", "api/v1/stream?user=alice", "outcome=allowed who=adam role=admin channel=logs:User.alice"},
		{"olga", "api/v1/stream?channel=global", "outcome=allowed who=olga role=operator channel=logs:global"},
		{"bob", "api/v1/stream?user=alice", "outcome=refused who=bob role=viewer channel=logs:User.alice"},
		{"alice", "api/v1/stream?user=alice", ""},
		{"alice", "api/v1/stream", ""},
	} {
		g := newGateway(t, nil)
		g.as(c.who).get(c.path)
		var noted string
		for line := range strings.Lines(g.log.String()) {
			if strings.Contains(line, "msg=audit") && !strings.Contains(line, "action=sign-in") {
				noted += line
			}
		}
		if c.want == "" && noted != "" || !strings.Contains(noted, c.want) || c.want != "" && !strings.Contains(noted, "from=127.0.0.1") {
			t.Errorf("%s, %s: noted %q, want %q", c.who, c.path, noted, c.want)
		}
	}
}

// A query may name thousands of channels, each as long as a header.
func TestTheAuditIsNotFlooded(t *testing.T) {
	g := newGateway(t, nil)
	bob := g.as("bob")
	long := strings.Repeat("é", 2000)
	query := "?user=" + long + strings.Repeat("&channel=User.alice", 500) + strings.Repeat("&user=x", 500)
	if a := bob.get("api/v1/stream" + query); a.code != http.StatusForbidden {
		t.Errorf("many channels: %d %s", a.code, a.body)
	}
	if a := bob.get("api/v1/stream?channel=User.bob&channel=User.bob&channel=User.alice"); a.code != http.StatusBadRequest {
		t.Errorf("three channels: %d %s", a.code, a.body)
	}
	if a := g.as("adam").get("api/v1/stream?channel=User.alice&user=" + long); a.code != http.StatusBadRequest {
		t.Errorf("two channels: %d %s", a.code, a.body)
	}
	bob.get("api/v1/stream?user=" + long)
	lines := 0
	for line := range strings.Lines(g.log.String()) {
		if !strings.Contains(line, "msg=audit") || strings.Contains(line, "action=sign-in") {
			continue
		}
		lines++
		_, asked, _ := strings.Cut(line, " asked=")
		asked, _, _ = strings.Cut(asked, " from=")
		if len(asked) > 200 || strings.ContainsRune(asked, '\uFFFD') || strings.Contains(asked, `\x`) {
			t.Errorf("%d bytes are noted: %s", len(asked), line)
		}
		if strings.Contains(asked, "é") && !strings.HasSuffix(asked, "é…") {
			t.Errorf("it is not told that the name was cut: %s", line)
		}
	}
	if lines != 4 { // bob's first channel, adam's two, bob's last
		t.Errorf("%d lines are noted:\n%s", lines, g.log)
	}
}

func TestAnotherSitesRequestsAreRefused(t *testing.T) {
	g := newGateway(t, nil)
	alice := g.as("alice")
	for _, c := range []struct {
		method, path, header, value string
		want                        int
	}{
		{"GET", "api/v1/stream", "Sec-Fetch-Site", "cross-site", 403},
		{"GET", "api/v1/stream", "Sec-Fetch-Site", "same-origin", 200},
		{"GET", "api/v1/stream", "Sec-Fetch-Site", "none", 200},
		{"GET", "api/v1/stream", "Sec-Fetch-Site", "Same-Origin", 200},
		{"GET", "api/v1/stream", "Sec-Fetch-Site", "same-site", 403},
		{"GET", "api/v1/stream", "Sec-Fetch-Site", "Cross-Site", 403},
		{"GET", "api/v1/stream", "Sec-Fetch-Site", "what comes next", 403},
		{"GET", "api/v1/logs", "Sec-Fetch-Site", "cross-site", 403},
		{"GET", "api/v1/logs", "Sec-Fetch-Site", "same-origin", 200},
		{"GET", "api/v1/channels", "Sec-Fetch-Site", "same-site", 403},
		{"DELETE", "api/v1/logs?user=alice", "Sec-Fetch-Site", "cross-site", 403},
		{"DELETE", "api/v1/logs?user=alice", "Origin", "https://evil.example", 403},
		{"POST", "login", "Sec-Fetch-Site", "cross-site", 403},
		{"POST", "login", "Sec-Fetch-Site", "same-site", 403},
		{"POST", "logout", "Sec-Fetch-Site", "cross-site", 403},
		{"POST", "logout", "Origin", "https://evil.example", 403},
		{"GET", "login", "Sec-Fetch-Site", "cross-site", 200},
		{"POST", "logout", "Sec-Fetch-Site", "same-origin", 303},
	} {
		r := alice.request(c.method, c.path, nil)
		r.Header.Set(c.header, c.value)
		if a := alice.do(r); a.code != c.want {
			t.Errorf("%s %s with %s: %s: %d, want %d", c.method, c.path, c.header, c.value, a.code, c.want)
		}
	}
}

func TestWhoWantsAPageIsLedToTheLogin(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.BasePath = "/logs/" })
	nobody := g.as("")
	for _, c := range []struct{ accept, path, want string }{
		{"text/html", "api/v1/stream?level=info", "/logs/login?next=%2Flogs%2Fapi%2Fv1%2Fstream%3Flevel%3Dinfo"},
		{"application/xml;q=0.9, Text/HTML;q=0.8", "api/v1/stream", "/logs/login?next=%2Flogs%2Fapi%2Fv1%2Fstream"},
		{"text/event-stream", "api/v1/stream", ""},
		{"*/*", "api/v1/stream", ""},
		{"", "?user=bob", "/logs/login?next=%2Flogs%2F%3Fuser%3Dbob"},
	} {
		r := nobody.request(http.MethodGet, c.path, nil)
		r.Header.Set("Accept", c.accept)
		a := nobody.do(r)
		if got := a.header.Get("Location"); got != c.want || (got == "") != (a.code == 401) {
			t.Errorf("%s with Accept: %s: %d to %q, want %q", c.path, c.accept, a.code, got, c.want)
		}
	}
}
