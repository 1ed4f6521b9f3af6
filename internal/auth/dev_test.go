package auth_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

func newDev(t *testing.T, opts auth.DevOptions) *auth.Dev {
	t.Helper()
	d, err := auth.NewDev(opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// local is a request of this machine.
func local(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:50000", "127.0.0.1:8080"
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	return r
}

func who(t *testing.T, d *auth.Dev, r *http.Request) *auth.Principal {
	t.Helper()
	p, err := d.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// redeem returns the session's cookie, or nil where the code is refused.
func redeem(d *auth.Dev, r *http.Request, code string) *http.Cookie {
	w := httptest.NewRecorder()
	if err := d.Redeem(w, r, code); err != nil {
		if len(w.Result().Cookies()) > 0 {
			panic("a refusal with a cookie")
		}
		return nil
	}
	return w.Result().Cookies()[0]
}

func TestTheCodeWorksOnce(t *testing.T) {
	d := newDev(t, auth.DevOptions{BasePath: "/logs/"})
	for _, code := range []string{"", "x", d.Code() + "x", d.Code()[1:], d.Token()} {
		if redeem(d, local(), code) != nil {
			t.Errorf("the code %q signs in", code)
		}
	}
	cookie := redeem(d, local(), d.Code())
	if cookie == nil {
		t.Fatal("the code is refused")
	}
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/logs" || len(cookie.Value) != 43 {
		t.Errorf("the cookie is %v", cookie)
	}
	if redeem(d, local(), d.Code()) != nil {
		t.Error("the code signs in twice")
	}
	p := who(t, d, local(cookie))
	if p == nil || p.Role != auth.Admin || p.Channel != "logs:User.dev" || p.Session == "" || strings.Contains(p.Session, cookie.Value) {
		t.Fatalf("%+v", p)
	}
	if p.Authorize("logs:User.alice", auth.Read) != nil || p.Authorize("logs:User.alice", auth.Write) == nil {
		t.Error("the session does not have an admin's rights and no others")
	}
	if err := p.Check(t.Context()); err != nil {
		t.Error(err)
	}
	cookie.Value = cookie.Value[1:] + "A"
	if who(t, d, local(cookie)) != nil {
		t.Error("another value of the cookie is somebody")
	}
	other := newDev(t, auth.DevOptions{})
	if again := redeem(other, local(), other.Code()); again.Name == cookie.Name {
		t.Error("two processes share a cookie")
	}
}

func TestTheCodeAndTheSessionEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDev(t, auth.DevOptions{})
		time.Sleep(auth.DevCodeLifetime)
		if redeem(d, local(), d.Code()) != nil {
			t.Error("the code signs in after its life")
		}
		d = newDev(t, auth.DevOptions{})
		time.Sleep(auth.DevCodeLifetime - time.Second)
		p := who(t, d, local(redeem(d, local(), d.Code())))
		time.Sleep(auth.DefaultLifetime)
		if err := p.Check(t.Context()); err == nil {
			t.Error("the session has no end")
		}
	})
}

func TestDevKnowsNobodyFromElsewhere(t *testing.T) {
	d := newDev(t, auth.DevOptions{})
	for _, c := range []struct {
		peer, host string
		known      bool
	}{
		{"127.0.0.1:50000", "localhost:8080", true},
		{"127.0.0.1:50000", "LOCALHOST", true},
		{"127.8.9.1:50000", "127.0.0.1", true},
		{"[::1]:50000", "[::1]:8080", true},
		{"[::ffff:127.0.0.1]:50000", "localhost", true},
		{"127.0.0.1:50000", "evil.example:8080", false},
		{"127.0.0.1:50000", "localhost.evil.example", false},
		{"127.0.0.1:50000", "127.0.0.1.evil.example:8080", false},
		{"127.0.0.1:50000", "evil.example@localhost", false},
		{"127.0.0.1:50000", "", false},
		{"127.0.0.1:50000", "0.0.0.0:8080", false},
		{"192.0.2.1:50000", "localhost:8080", false},
		{"[2001:db8::1]:50000", "[::1]:8080", false},
		{"@", "localhost", false},
	} {
		with := func(r *http.Request) *http.Request {
			r.RemoteAddr, r.Host = c.peer, c.host
			return r
		}
		t.Run(c.peer+" "+c.host, func(t *testing.T) {
			d := newDev(t, auth.DevOptions{})
			cookie := redeem(d, with(local()), d.Code())
			if (cookie != nil) != c.known {
				t.Errorf("the code's cookie is %v", cookie)
			}
			if cookie == nil {
				cookie = redeem(d, local(), d.Code()) // refused from elsewhere, it was not used up
			}
			if p := who(t, d, with(local(cookie))); (p != nil) != c.known {
				t.Errorf("the cookie is %+v", p)
			}
		})
		r := with(local())
		r.Header.Set("Authorization", "Bearer "+d.Token())
		if p := who(t, d, r); (p != nil) != c.known {
			t.Errorf("the token from %s as %s is %+v", c.peer, c.host, p)
		}
	}
}

// A proxy or a tunnel on this machine makes everybody's requests look like its own.
func TestDevKnowsNobodyThroughAProxy(t *testing.T) {
	for _, c := range []struct {
		headers []string // name, value, name, value
		known   bool
	}{
		{[]string{"X-Forwarded-For", "127.0.0.1"}, true},
		{[]string{"X-Forwarded-For", "::1, ::ffff:127.0.0.1", "X-Forwarded-Host", "localhost:5173", "X-Forwarded-Proto", "http"}, true},
		{[]string{"X-Forwarded-For", "203.0.113.7"}, false},
		{[]string{"X-Forwarded-For", "127.0.0.1, 203.0.113.7"}, false},
		{[]string{"X-Forwarded-For", "127.0.0.1", "X-Forwarded-For", "203.0.113.7"}, false},
		{[]string{"X-Forwarded-For", "unknown"}, false},
		{[]string{"X-Forwarded-For", ""}, false},
		{[]string{"X-Real-IP", "203.0.113.7"}, false},
		{[]string{"X-Forwarded-Host", "logs.example.com"}, false},
		{[]string{"X-Forwarded-Host", "localhost, logs.example.com"}, false},
		{[]string{"Forwarded", "for=127.0.0.1"}, false},
	} {
		d := newDev(t, auth.DevOptions{})
		through := func(r *http.Request) *http.Request {
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Add(c.headers[i], c.headers[i+1])
			}
			return r
		}
		cookie := redeem(d, through(local()), d.Code())
		if (cookie != nil) != c.known {
			t.Errorf("%q: the code's cookie is %v", c.headers, cookie)
		}
		if cookie == nil {
			cookie = redeem(d, local(), d.Code())
		}
		if p := who(t, d, through(local(cookie))); (p != nil) != c.known {
			t.Errorf("%q: the cookie is %+v", c.headers, p)
		}
		r := through(local())
		r.Header.Set("Authorization", "Bearer "+d.Token())
		if p := who(t, d, r); (p != nil) != c.known {
			t.Errorf("%q: the token is %+v", c.headers, p)
		}
	}
}

func TestTheTokenWritesEverywhere(t *testing.T) {
	d := newDev(t, auth.DevOptions{})
	r := local()
	r.Header.Set("Authorization", "Bearer "+d.Token())
	p := who(t, d, r)
	if p == nil || p.Authorize("logs:User.alice", auth.Write) != nil || p.Authorize(loglane.GlobalChannel, auth.Write) != nil || p.Session != "" {
		t.Errorf("%+v", p)
	}
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer x", "Basic " + d.Token(), d.Token(), "Bearer " + d.Token() + "x"} {
		r.Header.Set("Authorization", header)
		if p := who(t, d, r); p != nil {
			t.Errorf("%q is %+v", header, p)
		}
	}
}

func TestDevSignsOut(t *testing.T) {
	var open, ended []string
	d := newDev(t, auth.DevOptions{OnEnd: func(match func(session, user string) bool, reason string) {
		for _, session := range open {
			if match(session, "dev") {
				ended = append(ended, session+" "+reason)
			}
		}
	}})
	if _, err := d.SignIn(httptest.NewRecorder(), local(), "dev", d.Code()); err == nil || d.Hint() == "" {
		t.Error("there is a password")
	}
	cookie := redeem(d, local(), d.Code())
	p := who(t, d, local(cookie))
	open = []string{"", "another", p.Session}
	w := httptest.NewRecorder()
	if err := d.SignOut(w, local()); err != nil || who(t, d, local(cookie)) == nil {
		t.Error("nobody can sign out somebody")
	}
	if err := d.SignOut(w, local(cookie)); err != nil {
		t.Error(err)
	}
	if who(t, d, local(cookie)) != nil || p.Check(t.Context()) == nil {
		t.Error("the session stands")
	}
	if cookies := w.Result().Cookies(); len(cookies) != 1 || cookies[0].MaxAge >= 0 || cookies[0].Name != cookie.Name {
		t.Errorf("%v", cookies)
	}
	if len(ended) != 1 || ended[0] != p.Session+" signed out" {
		t.Errorf("%v ended", ended)
	}
}

// What counts as this machine is nothing that a browser would look for elsewhere.
func FuzzLoopbackHost(f *testing.F) {
	for _, host := range []string{"localhost", "localhost:8080", "127.0.0.1", "[::1]:80", "::1", "[::ffff:127.0.0.1]", "[localhost]", "127.0.0.1@evil.example", "[::1%25lo]", "127.1", ""} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if !auth.LoopbackHost(host) {
			return
		}
		name := host
		if before, _, err := net.SplitHostPort(host); err == nil {
			name = before
		}
		name = strings.Trim(name, "[]")
		if ip, err := netip.ParseAddr(name); !strings.EqualFold(name, "localhost") && (err != nil || !ip.Unmap().IsLoopback()) {
			t.Errorf("%q is %s", host, name)
		}
		if strings.ContainsAny(host, "/@?#\\ ") {
			t.Errorf("%q is more than a host", host)
		}
	})
}
