package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/app"
)

// proxied is a proxy before a gateway with a base path, whose change sees a request first
// and answers it, or not.
func proxied(t *testing.T, gateway *app.App, answers func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	target, err := url.Parse(gateway.URL())
	must(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answers(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + target.Path
}

func answersNothing(http.ResponseWriter, *http.Request) bool { return false }

// onPath answers requests whose path ends in suffix.
func onPath(suffix string, code int, kind, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
		return true
	}
}

func TestExaminePublicURL(t *testing.T) {
	s := settings(t)
	s.BasePath = "/logs/"
	gateway := start(t, s)
	for _, c := range []struct {
		name    string
		answers func(http.ResponseWriter, *http.Request) bool
		path    string // instead of the base path
		level   app.Level
		want    string
	}{
		{"all passes", answersNothing, "", app.Fine, "a gateway answers at http://127.0.0.1:"},
		{"without the last slash", answersNothing, "logs", app.Fine, "/logs/"},
		{"another path", answersNothing, "log/", app.Failing, "healthz is answered by something else than a gateway: 404 Not Found, text/plain"},
		{"bad gateway", onPath("", 502, "text/html", "<h1>Bad Gateway</h1>"), "", app.Failing, "does not reach the gateway: 502 Bad Gateway, text/html"},
		{"a page for everything", onPath("", 200, "text/html", "<!doctype html>"), "", app.Failing, "200 OK, text/html"},
		{"another program's health", onPath("healthz", 200, "application/json", `{"status":"UP"}`), "", app.Failing, "by something else than a gateway: 200 OK, application/json"},
		{"a login in front", onPath("", 302, "text/html", ""), "", app.Failing, "leads on to https://elsewhere.example/"},
		{"the stream is swallowed", onPath("/stream", 404, "text/html", ""), "", app.Failing, "the gateway is there, but"},
		{"the stream is somebody else's", onPath("/stream", 200, "text/event-stream", "data: x\n\n"), "", app.Failing, "api/v1/stream is answered by something else: 200 OK, text/event-stream"},
		{"another 401", onPath("/stream", 401, "text/html", "<h1>Unauthorized</h1>"), "", app.Failing, "401 Unauthorized, text/html"},
	} {
		t.Run(c.name, func(t *testing.T) {
			public := proxied(t, gateway, c.answers)
			if c.path != "" {
				public = strings.TrimSuffix(public, "logs/") + c.path
			}
			got := app.ExaminePublicURL(t.Context(), public)
			if len(got) != 1 || got[0].Level != c.level || !strings.Contains(got[0].Text, c.want) || got[0].Check != "public-url" {
				t.Errorf("%+v", got)
			}
			if bad := c.level != app.Fine; bad != (got[0].Mend != "") {
				t.Errorf("the mend is %q", got[0].Mend)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		if got := app.ExaminePublicURL(t.Context(), server.URL); got[0].Level != app.Failing || !strings.Contains(got[0].Text, "cannot be reached from here") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a certificate of nobody", func(t *testing.T) {
		server := httptest.NewTLSServer(http.NotFoundHandler())
		defer server.Close()
		if got := app.ExaminePublicURL(t.Context(), server.URL); got[0].Level != app.Failing || !strings.Contains(got[0].Text, "certificate") {
			t.Errorf("%+v", got)
		}
	})
	for _, wrong := range []string{"", "logs.example.com", "ftp://logs.example.com/", "http://", "http://[::1/"} {
		if got := app.ExaminePublicURL(t.Context(), wrong); got[0].Level != app.Failing || !strings.Contains(got[0].Text, "http://") {
			t.Errorf("%q: %+v", wrong, got)
		}
	}
}

// A proxy that holds the answer back must not hold the check back.
func TestExaminePublicURLEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := app.ExaminePublicURL(ctx, server.URL); got[0].Level != app.Failing {
		t.Errorf("%+v", got)
	}
}

func TestPlainHTTPIsForThisMachine(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel() // nobody is asked
	for public, warned := range map[string]bool{
		"http://logs.example.com/":  true,
		"http://192.0.2.1:8080/":    true,
		"https://logs.example.com/": false,
		"http://localhost:8080/":    false,
		"http://[::1]/logs/":        false,
	} {
		got := app.ExaminePublicURL(ended, public)
		if has := len(got) == 2 && got[1].Level == app.Warning && strings.Contains(got[1].Text, "not Secure"); has != warned {
			t.Errorf("%s: %+v", public, got)
		}
	}
}

func TestExamineAuthURL(t *testing.T) {
	for code, c := range map[int]struct {
		level app.Level
		want  string
	}{
		401: {app.Fine, "lets nobody in without a login"},
		403: {app.Fine, "lets nobody in without a login"},
		200: {app.Failing, "lets everybody in"},
		302: {app.Failing, "302 Found"},
		404: {app.Failing, "has nothing there: 404 Not Found"},
		500: {app.Failing, "500 Internal Server Error"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie")+r.Header.Get("Authorization") != "" {
				t.Error("it is asked with a login")
			}
			w.Header().Set("Location", "/login")
			w.WriteHeader(code)
		}))
		if got := app.ExamineAuthURL(t.Context(), server.URL+"/whoami"); len(got) != 1 || got[0].Level != c.level || !strings.Contains(got[0].Text, c.want) {
			t.Errorf("%d: %+v", code, got)
		}
		server.Close()
		if got := app.ExamineAuthURL(t.Context(), server.URL); got[0].Level != app.Failing || !strings.Contains(got[0].Text, "cannot be asked") {
			t.Errorf("away: %+v", got)
		}
	}
}
