package auth_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
