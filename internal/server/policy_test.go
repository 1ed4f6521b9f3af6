package server_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const (
	goldenPage = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'nonce-*'; img-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	goldenBare = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

var nonce = regexp.MustCompile(`'nonce-[0-9A-Z]{26}'`)

// Every kind of answer has its content policy, word for word, and is what it says it is.
func TestPolicyOfEveryAnswer(t *testing.T) {
	g := newGateway(t, nil)
	alice, nobody, leaving := g.as("alice"), g.as(""), g.as("bob")
	crossSite := alice.request(http.MethodGet, "api/v1/stream", nil)
	crossSite.Header.Set("Sec-Fetch-Site", "cross-site")
	wrong := func() answer { return nobody.form("login", url.Values{"username": {"alice"}, "password": {"x"}}) }
	outage := func() answer {
		g.store.setAway(true)
		defer g.store.setAway(false)
		return leaving.form("logout", nil)
	}
	for _, c := range []struct {
		name   string
		get    func() answer
		code   int
		policy string
		kind   string
	}{
		{"the page", func() answer { return alice.get("") }, 200, goldenPage, "text/html; charset=utf-8"},
		{"the login page", func() answer { return nobody.get("login") }, 200, goldenPage, "text/html; charset=utf-8"},
		{"a refused login", wrong, 401, goldenPage, "text/html; charset=utf-8"},
		{"a sign-out in an outage", outage, 503, goldenBare, "text/html; charset=utf-8"},
		{"a redirect", func() answer { return nobody.get("") }, 302, goldenBare, "text/html; charset=utf-8"},
		{"nothing", func() answer { return nobody.get("nowhere") }, 404, goldenBare, "text/plain; charset=utf-8"},
		{"a wrong method", func() answer { return nobody.get("logout") }, 405, goldenBare, "text/plain; charset=utf-8"},
		{"a stream", func() answer { return alice.get("api/v1/stream") }, 200, goldenBare, "text/event-stream"},
		{"no login", func() answer { return nobody.get("api/v1/stream") }, 401, goldenBare, "application/json"},
		{"another's channel", func() answer { return alice.get("api/v1/stream?user=bob") }, 403, goldenBare, "application/json"},
		{"another site", func() answer { return alice.do(crossSite) }, 403, goldenBare, "application/json"},
		{"history", func() answer { return alice.get("api/v1/logs") }, 200, goldenBare, "application/x-ndjson"},
		{"history as a table", func() answer { return alice.get("api/v1/logs?format=csv") }, 200, goldenBare, "text/csv; charset=utf-8; header=present"},
		{"a malformed query", func() answer { return alice.get("api/v1/logs?limit=x") }, 400, goldenBare, "application/json"},
		{"who it is", func() answer { return alice.get("api/v1/me") }, 200, goldenBare, "application/json"},
		{"health", func() answer { return nobody.get("healthz") }, 200, goldenBare, "application/json"},
		{"a script", func() answer { return nobody.get("assets/app-abc123.js") }, 200, goldenBare, "text/javascript; charset=utf-8"},
		{"no asset", func() answer { return nobody.get("assets/x") }, 404, goldenBare, "text/plain; charset=utf-8"},
	} {
		a := c.get()
		policy := nonce.ReplaceAllString(a.header.Get("Content-Security-Policy"), "'nonce-*'")
		if a.code != c.code || policy != c.policy || a.header.Get("Content-Type") != c.kind {
			t.Errorf("%s: %d, %s\n%s, want %d, %s\n%s", c.name, a.code, a.header.Get("Content-Type"), policy, c.code, c.kind, c.policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", c.name, name, got)
			}
		}
	}
}

func TestLoginPageOverPlainHTTPFromElsewhere(t *testing.T) {
	g := newGateway(t, func(s *setup) {
		s.strict = true
		s.TrustedProxies = parseProxies(t, "127.0.0.1, ::1")
	})
	for forwarded, want := range map[string]int{"203.0.113.5": 403, "127.0.0.1": 200} {
		nobody := g.as("")
		nobody.headers = http.Header{"X-Forwarded-For": {forwarded}}
		a := nobody.get("login")
		if named := strings.Contains(a.body, "--insecure-cookies"); a.code != want || named != (want == 403) {
			t.Errorf("login page for %s: %d %s", forwarded, a.code, a.body)
		}
		a = nobody.form("login", url.Values{"username": {"alice"}, "password": {password}})
		if signedIn := a.code == http.StatusSeeOther && len(a.cookies) == 1; signedIn != (want == 200) {
			t.Errorf("login from %s: %d %v", forwarded, a.code, a.header)
		}
		nobody.headers.Set("X-Forwarded-Proto", "https")
		a = nobody.form("login", url.Values{"username": {"alice"}, "password": {password}})
		if a.code != http.StatusSeeOther || len(a.cookies) != 1 || a.cookies[0].Name != "__Host-loglane" || !a.cookies[0].Secure {
			t.Errorf("login over TLS from %s: %d %v", forwarded, a.code, a.header)
		}
	}
}
