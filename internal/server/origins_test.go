package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/server"
)

func TestParseOrigins(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        nil,
		" , ":                     nil,
		"https://app.example.com": {"https://app.example.com"},
		"https://a.example, https://b.example:8443,https://a.example": {"https://a.example", "https://b.example:8443"},
		"http://localhost:3000,http://127.0.0.1,http://[::1]:5173":    {"http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173"},
		"https://192.0.2.1,https://[2001:db8::1]":                     {"https://192.0.2.1", "https://[2001:db8::1]"},
		"https://xn--bcher-kva.example,https://a_b.example":           {"https://xn--bcher-kva.example", "https://a_b.example"},
	} {
		if got, err := server.ParseOrigins(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"*":                              "would be everybody",
		"null":                           "stands for nobody",
		"https://*.example.com":          "has a wildcard",
		"https://*":                      "has a wildcard",
		"https://app.example.com/":       "is no origin",
		"https://app.example.com/path":   "is no origin",
		"https://app.example.com?a":      "is no origin",
		"https://app.example.com#a":      "is no origin",
		"https://user@app.example.com":   "is no origin",
		"https://App.example.com":        "is no origin",
		"HTTPS://app.example.com":        "is no origin",
		"app.example.com":                "is no origin",
		"//app.example.com":              "is no origin",
		"https:app.example.com":          "is no origin",
		"https://":                       "is no origin",
		"https://app..example.com":       "is no origin",
		"https://app.example.com.":       "is no origin",
		"https://.example.com":           "is no origin",
		"https://bücher.example":         "is no origin",
		"https://app.example.com https:": "is no origin",
		"https://app.example.com\x00":    "is no origin",
		"https://app.example.com\n":      "is no origin",
		"https://a%2eexample":            "is no origin",
		"https://app.example.com:":       "is no origin",
		"https://app.example.com:443":    "browsers leave out",
		"http://localhost:80":            "browsers leave out",
		"https://app.example.com:0443":   "a port that is none",
		"https://app.example.com:0":      "a port that is none",
		"https://app.example.com:65536":  "a port that is none",
		"http://app.example.com":         "plain http",
		"http://192.168.1.5:3000":        "plain http",
		"ftp://app.example.com":          "is no origin",
		"file://":                        "is no origin",
		"data:text/html,x":               "is no origin",
		"chrome-extension://abcdef":      "is no origin",
		"https://192.0.2":                "no IPv4",
		"https://0300.0.2.1":             "no IPv4",
		"https://0x7f.1":                 "no IPv4",
		"https://3221225985":             "no IPv4",
		"https://1.2.3.4.5":              "no IPv4",
		"https://[::ffff:192.0.2.1]":     "no IPv6",
		"https://[2001:db8:0::1]":        "no IPv6",
		"https://[::1":                   "is no origin",
	} {
		if got, err := server.ParseOrigins("https://fine.example," + text); got != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzParseOrigins(f *testing.F) {
	for _, text := range []string{"https://a.example,http://localhost:1", "*", "null", "https://[::1]:5", "https://a.example:443/", "HTTPS://A", "https://1.2.3", " https://a,,b "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		origins, err := server.ParseOrigins(text)
		if err != nil {
			if origins != nil {
				t.Fatalf("%q: %q beside %v", text, origins, err)
			}
			return
		}
		again, err := server.ParseOrigins(strings.Join(origins, ","))
		if err != nil || !slices.Equal(again, origins) {
			t.Fatalf("%q gives %q, and that %q, %v", text, origins, again, err)
		}
		for _, origin := range origins {
			u, err := url.Parse(origin)
			if err != nil || u.Scheme+"://"+u.Host != origin || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.ToLower(origin) != origin ||
				strings.ContainsAny(origin, "*,\"'<>\\ \t\r\n%") || !strings.Contains(text, origin) {
				t.Fatalf("%q gives %q, %v, %v", text, origin, u, err)
			}
		}
	})
}

func TestServerRefusesOriginsThatAreNone(t *testing.T) {
	_, err := server.New(server.Options{Pages: pages, AllowedOrigins: []string{"*"}})
	if err == nil || !strings.Contains(err.Error(), "allowed origins: \"*\" would be everybody") {
		t.Errorf("New: %v", err)
	}
}

const friend = "https://app.example.com"

// crossing is a request of a page on another origin, as browsers send it.
func crossing(b *browser, method, path, origin string) *http.Request {
	r := b.request(method, path, nil)
	r.Header.Set("Sec-Fetch-Site", "same-site")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return r
}

func TestAllowedOriginsReadAndNothingElse(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.AllowedOrigins = []string{friend, "http://localhost:3000"} })
	alice, adam, nobody := g.as("alice"), g.as("adam"), g.as("")
	for _, c := range []struct {
		by           *browser
		method, path string
		origin       string
		code         int
		shared       bool
	}{
		{alice, "GET", "api/v1/stream", friend, 200, true},
		{alice, "GET", "api/v1/stream/", friend, 200, true},
		{alice, "HEAD", "api/v1/stream", friend, 200, true},
		{alice, "GET", "api/v1/logs", friend, 200, true},
		{alice, "GET", "api/v1/logs", "http://localhost:3000", 200, true},
		{alice, "GET", "api/v1/me", friend, 200, true},
		{alice, "GET", "api/v1/stream?user=bob", friend, 403, true},
		{nobody, "GET", "api/v1/stream", friend, 401, true},
		{alice, "GET", "api/v1/stream", "https://evil.example", 403, false},
		{alice, "GET", "api/v1/stream", "null", 403, false},
		{alice, "GET", "api/v1/stream", "", 403, false},
		{alice, "GET", "api/v1/stream", friend + ".evil.example", 403, false},
		{alice, "GET", "api/v1/stream", friend + ":8443", 403, false},
		{alice, "GET", "api/v1/stream", friend + "/", 403, false},
		{alice, "GET", "api/v1/stream", "http://app.example.com", 403, false},
		{alice, "GET", "api/v1/stream", "https://APP.example.com", 403, false},
		{alice, "GET", "api/v1/stream", friend + ", https://evil.example", 403, false},
		{alice, "GET", "api/v1/me", "https://evil.example", 200, false}, // the browser keeps it from the page
		{adam, "GET", "api/v1/channels", friend, 403, false},
		{adam, "DELETE", "api/v1/logs?user=alice", friend, 403, false},
		{alice, "POST", "api/v1/logs", friend, 403, false},
		{alice, "POST", "logout", friend, 403, false},
		{nobody, "POST", "login", friend, 403, false},
		{alice, "GET", "", friend, 200, false},
		{alice, "GET", "assets/app-abc123.js", friend, 200, false},
		{alice, "OPTIONS", "api/v1/logs", friend, 405, false}, // without a method it asks for nothing
	} {
		a := c.by.do(crossing(c.by, c.method, c.path, c.origin))
		want, credentials := "", ""
		if c.shared {
			want, credentials = c.origin, "true"
		}
		if a.code != c.code || a.header.Get("Access-Control-Allow-Origin") != want || a.header.Get("Access-Control-Allow-Credentials") != credentials {
			t.Errorf("%s %s from %q: %d %v", c.method, c.path, c.origin, a.code, a.header)
		}
		api := strings.HasPrefix(c.path, "api/v1/") && !strings.HasPrefix(c.path, "api/v1/channels")
		if got := strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Origin"); got != api && !(c.method == "POST" || c.method == "DELETE") {
			t.Errorf("%s %s: Vary is %q", c.method, c.path, a.header.Values("Vary"))
		}
	}
	// Two Origin headers are none.
	r := crossing(alice, "GET", "api/v1/stream", friend)
	r.Header.Add("Origin", friend)
	if a := alice.do(r); a.code != 403 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("two origins: %d %v", a.code, a.header)
	}
}

func TestPreflights(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.BasePath, s.AllowedOrigins = "/logs/", []string{friend} })
	nobody := g.as("")
	for _, c := range []struct {
		path, origin, method string
		code                 int
	}{
		{"api/v1/stream", friend, "GET", 204},
		{"api/v1/logs", friend, "GET", 204},
		{"api/v1/logs", friend, "HEAD", 204},
		{"api/v1/logs", friend, "DELETE", 403},
		{"api/v1/logs", friend, "POST", 403},
		{"api/v1/stream", "https://evil.example", "GET", 403},
		{"api/v1/stream", "null", "GET", 403},
		{"api/v1/stream", "", "GET", 403},
		{"api/v1/channels", friend, "GET", 405},
		{"login", friend, "POST", 405},
		{"logout", friend, "POST", 405},
	} {
		r := crossing(nobody, "OPTIONS", c.path, c.origin)
		r.Header.Set("Access-Control-Request-Method", c.method)
		r.Header.Set("Access-Control-Request-Headers", "last-event-id,x-anything")
		a := nobody.do(r)
		var got []string
		for _, name := range []string{"Origin", "Credentials", "Methods", "Headers"} {
			got = append(got, a.header.Get("Access-Control-Allow-"+name))
		}
		want := make([]string, 4)
		if c.code == 204 {
			want = []string{friend, "true", "GET, HEAD", "Authorization, Cache-Control, Last-Event-ID"}
		}
		if a.code != c.code || !slices.Equal(got, want) || a.body != "" && c.code == 204 {
			t.Errorf("%+v: %d %q %v", c, a.code, got, a.header)
		}
	}
}

// Without the setting nothing of CORS is ever said.
func TestNoOriginIsAllowedByDefault(t *testing.T) {
	g := newGateway(t, nil)
	alice := g.as("alice")
	for _, method := range []string{"GET", "OPTIONS"} {
		for _, origin := range []string{friend, g.URL, "null"} {
			r := crossing(alice, method, "api/v1/stream", origin)
			r.Header.Set("Access-Control-Request-Method", "GET")
			a := alice.do(r)
			for name := range a.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s from %s: %d %s", method, origin, a.code, name)
				}
			}
			if a.code < 400 {
				t.Errorf("%s from %s: %d", method, origin, a.code)
			}
		}
	}
}
