package auth_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

func TestCookies(t *testing.T) {
	tests := []struct {
		name   string
		change func(*auth.LoginOptions)
		tls    bool
		want   string
	}{
		{"plain", nil, false, "loglane=; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"},
		{"plain below a path", func(o *auth.LoginOptions) { o.BasePath = "/logs/" }, false, "loglane=; Path=/logs; Max-Age=43200; HttpOnly; SameSite=Lax"},
		{"TLS", nil, true, "__Host-loglane=; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax"},
		{"TLS below a path", func(o *auth.LoginOptions) { o.BasePath = "/logs" }, true, "__Host-loglane=; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax"},
		{"TLS before a proxy", func(o *auth.LoginOptions) { o.CookieSecure = true }, false, "__Host-loglane=; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t, test.change)
				r := request()
				if test.tls {
					r.TLS = &tls.ConnectionState{}
				}
				w := httptest.NewRecorder()
				_, err := g.SignIn(w, r, "alice", password)
				must(t, err)
				cookie := w.Result().Cookies()[0]
				if len(cookie.Value) != 43 {
					t.Errorf("the token has %d characters, want 43 for 256 bits", len(cookie.Value))
				}
				cookie.Value, cookie.Expires = "", time.Time{}
				if got := cookie.String(); got != test.want {
					t.Errorf("cookie\n%s, want\n%s", got, test.want)
				}
			})
		})
	}
}

func TestPlainCookiesStayWithinTheMachine(t *testing.T) {
	for _, c := range []struct {
		peer, host, forwarded string
		insecure              bool
		want                  bool
	}{
		{peer: "127.0.0.1:4000", host: "localhost:8080", want: true},
		{peer: "127.0.0.1:4000", host: "127.0.0.1", want: true},
		{peer: "[::1]:4000", host: "[::1]:8080", want: true},
		{peer: "127.0.0.1:4000", host: "logs.example.com"}, // a proxy that says nothing
		{peer: "127.0.0.1:4000", host: "localhost", forwarded: "203.0.113.5"},
		{peer: "203.0.113.5:4000", host: "localhost"},
		{peer: "192.168.1.5:4000", host: "192.168.1.1:8080"},
		{peer: "", host: "localhost"},
		{peer: "203.0.113.5:4000", host: "logs.example.com", insecure: true, want: true},
	} {
		g := newGateway(t, func(o *auth.LoginOptions) { o.InsecureCookies = c.insecure })
		_, cookie := g.peer(nil).signIn("alice")
		r := request(cookie)
		r.RemoteAddr, r.Host = c.peer, c.host
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		w := httptest.NewRecorder()
		_, err := g.SignIn(w, r, "alice", password)
		var status *loglane.StatusError
		if refused := errors.As(err, &status) && status.Code == http.StatusForbidden; refused == c.want || refused == (w.Header().Get("Set-Cookie") != "") {
			t.Errorf("%+v: %v, %v", c, err, w.Header())
		}
		for _, setting := range []string{"--tls-cert", "--public-url", "--trusted-proxies", "--insecure-cookies"} {
			if !c.want && !strings.Contains(err.Error(), setting) {
				t.Errorf("%+v: the refusal does not name %s: %v", c, setting, err)
			}
		}
		// A cookie from before, or from elsewhere, is worth nothing there either.
		if c.want {
			continue
		}
		if p, err := g.Authenticate(r); p != nil || err != nil {
			t.Errorf("%+v: the plain cookie stands for %v, %v", c, p, err)
		}
		r.TLS = &tls.ConnectionState{}
		if _, err := g.SignIn(httptest.NewRecorder(), r, "alice", password); err != nil {
			t.Errorf("%+v over TLS: %v", c, err)
		}
	}
}

func TestSecureLoginTakesNoPlainCookie(t *testing.T) {
	g := newGateway(t, nil)
	_, cookie := g.signIn("alice")
	secure := g.peer(func(o *auth.LoginOptions) { o.CookieSecure = true })
	if who := secure.who(cookie); who != "" {
		t.Errorf("the plain cookie stands for %q", who)
	}
}

func TestStrangeCookies(t *testing.T) {
	g := newGateway(t, nil)
	_, cookie := g.signIn("alice")
	if g.who(cookie) != "alice" {
		t.Fatal("the cookie does not stand")
	}
	for _, value := range []string{"", "x", strings.Repeat("A", 43), strings.ToUpper(cookie.Value), keyOf(cookie), cookie.Value + "x"} {
		if who := g.who(&http.Cookie{Name: cookie.Name, Value: value}); who != "" {
			t.Errorf("the cookie %q stands for %q", value, who)
		}
	}
}
