package picker_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/picker"
)

// A listing is a broker that has some channels, or fails.
type listing struct {
	loglane.Broker
	channels []loglane.ChannelInfo
	more     bool
	err      error
}

func (l *listing) List(context.Context, string, int) ([]loglane.ChannelInfo, bool, error) {
	return l.channels, l.more, l.err
}

type visit struct {
	t       *testing.T
	handler http.Handler
	cookies []*http.Cookie
}

func open(t *testing.T, broker loglane.Broker) (*visit, *picker.Page, *auth.Dev) {
	t.Helper()
	dev, err := auth.NewDev(auth.DevOptions{BasePath: "/logs/", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	page, err := picker.New(picker.Options{Dev: dev, Broker: broker, Base: "/logs/", Found: "Redis 7.0, database 1", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return &visit{t: t, handler: page.Handler()}, page, dev
}

func (v *visit) do(method, path string) (*http.Response, string) {
	v.t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:50000", "localhost:8080"
	for _, cookie := range v.cookies {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	v.cookies = append(v.cookies, w.Result().Cookies()...)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestTheLinkLeadsToThePage(t *testing.T) {
	v, page, _ := open(t, &listing{})
	if answer, body := v.do(http.MethodGet, "/logs/dev/"); answer.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "sign-in link") {
		t.Errorf("before: %s %s", answer.Status, body)
	}
	if answer, _ := v.do(http.MethodHead, page.SignInPath()); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %s", answer.Status)
	}
	if answer, body := v.do(http.MethodGet, "/logs/dev/sign-in?code=<b>"); answer.StatusCode != http.StatusForbidden || strings.Contains(body, "<b>") {
		t.Errorf("a wrong code: %s %s", answer.Status, body)
	}
	for range 2 { // who is signed in already needs no code
		if answer, body := v.do(http.MethodGet, page.SignInPath()); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/logs/dev/" {
			t.Errorf("%s %v %s", answer.Status, answer.Header, body)
		}
	}
	if len(v.cookies) != 1 {
		t.Errorf("%v", v.cookies)
	}
	answer, body := v.do(http.MethodGet, "/logs/dev/")
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "Redis 7.0, database 1") || !strings.Contains(body, "No channel has lines yet") {
		t.Errorf("%s %s", answer.Status, body)
	}
	if policy := answer.Header.Get("Content-Security-Policy"); policy != "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" || strings.Contains(body, "<script") || strings.Contains(body, "style=") {
		t.Errorf("%s\n%s", policy, body)
	}
	if answer, _ := v.do(http.MethodGet, "/logs/dev/style.css"); answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/css") {
		t.Errorf("the style: %s %v", answer.Status, answer.Header)
	}
	if answer, _ := v.do(http.MethodGet, "/logs/dev/other"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("another path: %s", answer.Status)
	}
}

func TestTheNewestChannelStandsFirst(t *testing.T) {
	now := time.Now()
	broker := &listing{more: true, channels: []loglane.ChannelInfo{
		{Channel: "logs:User.old", Lines: 7, Last: now.Add(-3 * time.Hour)},
		{Channel: "logs:User.unknown", Lines: 1},
		{Channel: "logs:User.Zoë%20<i>", Lines: 1000, Last: now.Add(-5 * time.Minute)},
	}}
	v, page, _ := open(t, broker)
	v.do(http.MethodGet, page.SignInPath())
	_, body := v.do(http.MethodGet, "/logs/dev/")
	places := make([]int, 0, 3)
	for _, want := range []string{`href="/logs/?channel=User.Zo%C3%AB%2520%3Ci%3E"`, `href="/logs/?channel=User.old"`, `href="/logs/?channel=User.unknown"`} {
		places = append(places, strings.Index(body, want))
	}
	if places[0] < 0 || places[1] < places[0] || places[2] < places[1] {
		t.Errorf("%v in %s", places, body)
	}
	for _, want := range []string{"5 min ago", "3 h ago", ">1000<", "There are more", `href="/logs/?channel=global"`, `<form action="/logs/" method="get">`, "User.Zoë%20&lt;i&gt;"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

func TestChannelsThatCannotBeListed(t *testing.T) {
	for name, c := range map[string]struct {
		broker loglane.Broker
		want   string
	}{
		"a failure":   {&listing{err: errors.New("away s3cret")}, "could not be listed"},
		"no listing":  {struct{ loglane.Broker }{}, "No channel has lines yet"},
		"no channels": {&listing{}, "No channel has lines yet"},
	} {
		t.Run(name, func(t *testing.T) {
			v, page, _ := open(t, c.broker)
			v.do(http.MethodGet, page.SignInPath())
			answer, body := v.do(http.MethodGet, "/logs/dev/")
			if answer.StatusCode != http.StatusOK || !strings.Contains(body, c.want) || strings.Contains(body, "s3cret") {
				t.Errorf("%s %s", answer.Status, body)
			}
		})
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := picker.New(picker.Options{}); err == nil {
		t.Error("a page of nothing")
	}
}
