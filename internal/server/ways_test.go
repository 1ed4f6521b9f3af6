package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// A guest comes in by a header of its own.
type guest struct{ err error }

func (g guest) Authenticate(r *http.Request) (*auth.Principal, error) {
	if name := r.Header.Get("Guest"); name != "" || g.err != nil {
		return &auth.Principal{Name: name, Channel: "logs:User." + name}, g.err
	}
	return nil, nil
}

// The first way in that knows the request, or refuses it, ends the search.
func TestWaysAreTriedInTheirOrder(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.Ways = []auth.Authenticator{guest{}} })
	alice, nobody := g.as("alice"), g.as("")
	for _, c := range []struct {
		name    string
		browser *browser
		headers map[string]string
		want    string // part of the answer of me
	}{
		{"session", alice, nil, `"name":"alice"`},
		{"guest", nobody, map[string]string{"Guest": "gina"}, `"name":"gina"`},
		{"session before guest", alice, map[string]string{"Guest": "gina"}, `"name":"alice"`},
		{"token before session", g.as("bob"), map[string]string{"Authorization": "Bearer " + g.tokens["read"]}, `"name":"alice"`},
		{"write token before session", alice, map[string]string{"Authorization": "Bearer " + g.tokens["write"]}, `"roles":[],"channel":"","channels":[],"writes":["User.alice"],"signOut":false`},
		{"wrong token before session", alice, map[string]string{"Authorization": "Bearer " + g.tokens["read"] + "x"}, `{"error":"The API token is not valid`},
		{"wrong token before guest", nobody, map[string]string{"Authorization": "Bearer llt_x", "Guest": "gina"}, `{"error":"The API token is not valid`},
		{"another's bearer token", alice, map[string]string{"Authorization": "Bearer eyJ"}, `"name":"alice"`},
		{"nobody", nobody, nil, `{"error":"not signed in"}`},
	} {
		r := c.browser.request(http.MethodGet, "api/v1/me", nil)
		for name, value := range c.headers {
			r.Header.Set(name, value)
		}
		if a := c.browser.do(r); !strings.Contains(a.body, c.want) || (a.code == http.StatusUnauthorized) != strings.Contains(c.want, "error") {
			t.Errorf("%s: %d %s, want %s", c.name, a.code, a.body, c.want)
		}
	}
}

func TestOnlyASessionIsSignedOutOf(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.Ways = []auth.Authenticator{guest{}} })
	visitor := g.as("")
	visitor.headers = http.Header{"Guest": {"gina"}}
	for name, c := range map[string]struct {
		browser *browser
		want    string
	}{"session": {g.as("alice"), `"signOut":true`}, "token": {g.with("read"), `"signOut":false`}, "guest": {visitor, `"signOut":false`}} {
		if a := c.browser.get("api/v1/me"); !strings.Contains(a.body, c.want) {
			t.Errorf("%s: %s, want %s", name, a.body, c.want)
		}
	}
}

func TestTheAuditNamesTheToken(t *testing.T) {
	g := newGateway(t, nil)
	g.with("read").get("api/v1/stream?user=bob")
	tokens, err := g.file.Tokens()
	must(t, err)
	for _, token := range tokens {
		noted := strings.Contains(g.log.String(), "outcome=refused who=alice role=viewer channel=logs:User.bob asked=bob from=127.0.0.1 way=token token="+token.ID)
		if noted != (token.Scope == auth.ReadScope) {
			t.Errorf("the log is %s", g.log)
		}
	}
}

// A wrong token is no reason for a login page, which would not mend it.
func TestAWrongTokenIsRefusedEverywhere(t *testing.T) {
	g := newGateway(t, nil)
	b := g.as("alice")
	b.headers = http.Header{"Authorization": {"Bearer " + g.tokens["write"][:59]}, "Accept": {"text/html"}}
	for _, path := range []string{"", "api/v1/stream", "api/v1/stream?channel=global", "api/v1/me"} {
		if a := b.get(path); a.code != http.StatusUnauthorized || !strings.Contains(a.body, "API token") {
			t.Errorf("%q: %d %s", path, a.code, a.body)
		}
	}
	if log := g.log.String(); strings.Contains(log, g.tokens["write"][20:59]) {
		t.Errorf("the log has the token: %s", log)
	}
}

func TestARevokedTokenEndsItsStreams(t *testing.T) {
	g := newGateway(t, nil)
	v, kept := g.with("read").open("api/v1/stream"), g.as("alice").open("api/v1/stream")
	v.until("id: ")
	kept.until("id: ")
	tokens, err := g.file.Tokens()
	must(t, err)
	begin := time.Now()
	for _, token := range tokens {
		must(t, g.file.RevokeToken(token.ID))
	}
	v.until(`"reason":"revoked"`)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the stream ended after %v", took)
	}
	v.ended()
	if a := g.with("read").get("api/v1/stream"); a.code != http.StatusUnauthorized {
		t.Errorf("a revoked token: %d %s", a.code, a.body)
	}
	publish(t, g, "logs:User.alice", "still there")
	kept.until("still there")
}

func TestAnExpiredTokenEndsItsStreams(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.tokenLife = 3 * time.Second })
	v := g.with("read").open("api/v1/stream")
	v.until("id: ")
	v.until("event: auth")
	v.until(`"reason":"expired"`)
	v.ended()
	if a := g.with("read").get("api/v1/stream"); a.code != http.StatusUnauthorized {
		t.Errorf("an expired token: %d %s", a.code, a.body)
	}
}

func TestAnotherLoginThatIsAway(t *testing.T) {
	away := &loglane.StatusError{Code: http.StatusServiceUnavailable, Message: "away", RetryAfter: time.Second}
	g := newGateway(t, func(s *setup) { s.Ways = []auth.Authenticator{guest{err: away}} })
	nobody := g.as("")
	for path, want := range map[string]int{"api/v1/me": 503, "api/v1/stream": 503, "": 200} {
		if a := nobody.get(path); a.code != want {
			t.Errorf("%q: %d %s, want %d", path, a.code, a.body, want)
		}
	}
	if a := g.as("alice").get("api/v1/me"); a.code != http.StatusOK {
		t.Errorf("a session: %d %s", a.code, a.body)
	}
}

// bare returns a gateway without a login by password.
func bare(t *testing.T, change func(*server.Options)) http.Handler {
	t.Helper()
	g := newGateway(t, nil)
	options := server.Options{Hub: g.hub, Pages: pages, Ways: []auth.Authenticator{guest{}}}
	if change != nil {
		change(&options)
	}
	s, err := server.New(options)
	must(t, err)
	return s.Handler()
}

func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTheLoginPageLeadsToTheOtherApplication(t *testing.T) {
	public, err := server.ParsePublicURL("https://Logs.example.com:443/logs/")
	must(t, err)
	for _, c := range []struct {
		name, login, target string
		public              bool
		want                string
	}{
		{"absolute", "https://app.example.com/login?x=1", "http://gw:81/logs/login?next=/logs/?user=bob", false, "https://app.example.com/login?next=http%3A%2F%2Fgw%3A81%2Flogs%2F%3Fuser%3Dbob&x=1"},
		{"path", "/accounts/login/", "http://gw/logs/login", false, "/accounts/login/?next=http%3A%2F%2Fgw%2Flogs%2F"},
		{"public", "/accounts/login/", "http://10.0.0.1:8080/logs/login?next=/logs/", true, "/accounts/login/?next=https%3A%2F%2Flogs.example.com%2Flogs%2F"},
		{"elsewhere", "/in", "http://gw/logs/login?next=//evil.example/logs/", true, "/in?next=https%3A%2F%2Flogs.example.com%2Flogs%2F"},
		{"next of its own", "/in?next=/a", "http://gw/logs/login?next=https://evil.example/", true, "/in?next=https%3A%2F%2Flogs.example.com%2Flogs%2F"},
	} {
		h := bare(t, func(o *server.Options) {
			o.BasePath, o.LoginURL = "/logs/", c.login
			if c.public {
				o.PublicURL = public
			}
		})
		w := ask(h, "GET", c.target)
		if got := w.Header().Get("Location"); w.Code != http.StatusFound || got != c.want {
			t.Errorf("%s: %d to %s, want %s", c.name, w.Code, got, c.want)
		}
	}
}

func TestWithoutALoginByPassword(t *testing.T) {
	h := bare(t, nil)
	for request, want := range map[string]int{
		"GET /login": 401, "POST /login": 404, "POST /logout": 303, "GET /": 401, "GET /api/v1/me": 401, "GET /api/v1/stream": 401,
	} {
		method, path, _ := strings.Cut(request, " ")
		if w := ask(h, method, "http://gw"+path); w.Code != want {
			t.Errorf("%s: %d %s, want %d", request, w.Code, w.Body, want)
		}
	}
	if w := ask(h, "GET", "http://gw/api/v1/me", "Guest", "gina"); w.Code != http.StatusOK {
		t.Errorf("a guest: %d %s", w.Code, w.Body)
	}
}

func TestNewRefusesWaysThatCannotWork(t *testing.T) {
	public, err := server.ParsePublicURL("https://gw/logs/")
	must(t, err)
	_, err = server.New(server.Options{Pages: pages, LoginURL: "login", PublicURL: public})
	for _, want := range []string{"nobody could come in", "login URL: it is neither", "public URL https://gw/logs/: its path is not the base path /"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not have %q", err, want)
		}
	}
}
