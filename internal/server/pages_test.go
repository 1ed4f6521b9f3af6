package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/loglane/loglane/internal/server"
	"github.com/loglane/loglane/web"
)

func TestPagesCarryTheirBaseAndNonce(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.BasePath = "/logs/" })
	alice := g.as("alice")
	first, second := alice.get(""), alice.get("")
	nonce := regexp.MustCompile(`loglane-nonce" content="([A-Z2-7]{26})"`).FindStringSubmatch(first.body)
	if nonce == nil || !strings.Contains(first.body, `loglane-base" content="/logs/"`) {
		t.Fatalf("the page is %s", first.body)
	}
	want := "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'nonce-" + nonce[1] +
		"'; img-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	if got := first.header.Get("Content-Security-Policy"); got != want {
		t.Errorf("the policy is\n%s, want\n%s", got, want)
	}
	if strings.Contains(second.body, nonce[1]) {
		t.Error("the nonce comes again")
	}
	if got := first.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
}

func TestTheBuiltPagesCanBeServed(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.Pages = web.Files() })
	alice := g.as("alice")
	for _, page := range []string{"", "login"} {
		body := alice.get(page).body
		links := regexp.MustCompile(`(?:src|href)="/(assets/[^"]+)"`).FindAllStringSubmatch(body, -1)
		if len(links) == 0 {
			t.Errorf("the page %q has no assets", page)
		}
		for _, link := range links {
			a := alice.get(link[1])
			if a.code != http.StatusOK || a.header.Get("Content-Type") == "application/octet-stream" {
				t.Errorf("%s: %d %s", link[1], a.code, a.header.Get("Content-Type"))
			}
		}
		if strings.Contains(body, "<style") || regexp.MustCompile(`<script(?:[^>]*)>[^<]`).MatchString(body) {
			t.Errorf("the page %q has what its policy forbids", page)
		}
	}
	if a := alice.get(""); !regexp.MustCompile(`loglane-nonce" content="[A-Z2-7]{26}"`).MatchString(a.body) {
		t.Error("the page has no nonce")
	}
}

func TestAssetsAreKeptForGood(t *testing.T) {
	g := newGateway(t, nil)
	nobody := g.as("")
	a := nobody.get("assets/app-abc123.js")
	if a.body != "let a = 1" || a.header.Get("Content-Type") != "text/javascript; charset=utf-8" ||
		a.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("%v %s", a.header, a.body)
	}
	r := nobody.request(http.MethodGet, "assets/app-abc123.js", nil)
	r.Header.Set("If-None-Match", a.header.Get("ETag"))
	if again := nobody.do(r); again.code != http.StatusNotModified {
		t.Errorf("asked again: %d", again.code)
	}
}

func TestLoginPage(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.BasePath = "/logs/" })
	nobody := g.as("")
	sent := func(name, password, next string) url.Values {
		return url.Values{"username": {name}, "password": {password}, "next": {next}}
	}
	for _, next := range []struct{ next, want string }{
		{"", "/logs/"},
		{"/logs/?user=bob", "/logs/?user=bob"},
		{"https://evil.example/", "/logs/"},
		{"//evil.example/logs/", "/logs/"},
		{"/elsewhere", "/logs/"},
	} {
		a := nobody.form("login", sent("alice", password, next.next))
		if got := a.header.Get("Location"); a.code != http.StatusSeeOther || got != next.want {
			t.Errorf("next %q: %d to %q, want %q", next.next, a.code, got, next.want)
		}
	}
	a := nobody.form("login", sent("alice", "wrong", ""))
	if a.code != http.StatusUnauthorized || !strings.Contains(a.body, `loglane-login" content="The name or the password is wrong."`) {
		t.Errorf("a wrong password: %d %s", a.code, a.body)
	}
	a = nobody.form("login", sent(`<b>"&{`+"\x01", "x", ""))
	if a.code != http.StatusUnauthorized || strings.Contains(a.body, "<b>") {
		t.Errorf("a name with markup: %d %s", a.code, a.body)
	}
	a = nobody.form("login", sent(strings.Repeat("x", 20<<10), "x", ""))
	if a.code != http.StatusBadRequest {
		t.Errorf("a form that is too long: %d", a.code)
	}
}

func TestLoginPageWhenTooManyTry(t *testing.T) {
	g := newGateway(t, nil)
	nobody := g.as("")
	for range 200 { // from a loopback address only the name is counted
		a := nobody.form("login", url.Values{"username": {"alice"}, "password": {"wrong"}})
		if a.code == http.StatusUnauthorized {
			continue
		}
		if a.code != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "loglane-login") {
			t.Errorf("%d %v %s", a.code, a.header, a.body)
		}
		return
	}
	t.Error("nobody stops who guesses passwords")
}

// The page itself holds no secret; it says what is wrong and tries again.
func TestWhileTheSessionStoreIsAway(t *testing.T) {
	g := newGateway(t, nil)
	alice := g.as("alice")
	g.store.setAway(true)
	for path, want := range map[string]int{"": 200, "api/v1/me": 503, "login": 200} {
		if a := alice.get(path); a.code != want {
			t.Errorf("%q: %d, want %d", path, a.code, want)
		}
	}
}

func TestPagesThatWereNotBuilt(t *testing.T) {
	_, err := server.New(server.Options{Pages: fstest.MapFS{
		"index.html": {Data: []byte("<html>")},
	}})
	for _, want := range []string{"index.html", "login.html", "assets"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestMe(t *testing.T) {
	g := newGateway(t, nil)
	for name, want := range map[string]string{
		"alice": `{"name":"alice","roles":["viewer"],"channel":"User.alice","channels":[],"signOut":true}`,
		"adam":  `{"name":"adam","roles":["admin"],"channel":"User.adam","channels":[],"signOut":true}`,
		"":      `{"error":"not signed in"}`,
	} {
		a := g.as(name).get("api/v1/me")
		if strings.TrimSpace(a.body) != want || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %v %s", name, a.header, a.body)
		}
	}
}
