package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

func parseProxies(t testing.TB, text string) []netip.Prefix {
	t.Helper()
	proxies, err := server.ParseProxies(text)
	if err != nil {
		t.Fatal(err)
	}
	return proxies
}

// What a request looks like behind the middleware, seen from a handler.
func TestWhatProxiesForward(t *testing.T) {
	const proxies = "192.0.2.0/24, 2001:db8::1, 127.0.0.1"
	for _, c := range []struct {
		name    string
		peer    string
		headers []string
		want    string // address, host and whether it is secure
	}{
		{"no proxy", "198.51.100.7:1", nil, "198.51.100.7 gw false"},
		{"one proxy", "192.0.2.1:1", []string{"X-Forwarded-For", "198.51.100.7", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "logs.example.com:444"}, "198.51.100.7 logs.example.com:444 true"},
		{"proxy over IPv6", "[2001:db8::1]:1", []string{"X-Forwarded-For", "2001:db8::7"}, "2001:db8::7 gw false"},
		{"proxy over mapped IPv4", "[::ffff:192.0.2.1]:1", []string{"X-Forwarded-For", "::ffff:198.51.100.7"}, "198.51.100.7 gw false"},
		{"two proxies", "192.0.2.1:1", []string{"X-Forwarded-For", "198.51.100.7, 192.0.2.2"}, "198.51.100.7 gw false"},
		{"proxies in several lines", "192.0.2.1:1", []string{"X-Forwarded-For", "203.0.113.1", "X-Forwarded-For", "198.51.100.7", "X-Forwarded-For", "192.0.2.9,192.0.2.2"}, "198.51.100.7 gw false"},
		{"what the caller made up", "192.0.2.1:1", []string{"X-Forwarded-For", "203.0.113.1, 198.51.100.7"}, "198.51.100.7 gw false"},
		{"nonsense that the caller made up", "192.0.2.1:1", []string{"X-Forwarded-For", "' OR 1=1,,unknown, 198.51.100.7"}, "198.51.100.7 gw false"},
		{"with a port", "192.0.2.1:1", []string{"X-Forwarded-For", "198.51.100.7:5678"}, "198.51.100.7 gw false"},
		{"with brackets and a port", "192.0.2.1:1", []string{"X-Forwarded-For", "[2001:db8::7]:5678"}, "2001:db8::7 gw false"},
		{"all are proxies", "192.0.2.1:1", []string{"X-Forwarded-For", "192.0.2.3, 192.0.2.2"}, "192.0.2.3 gw false"},
		{"the proxy does not tell", "192.0.2.1:1", nil, " gw false"},
		{"the proxy tells nothing", "192.0.2.1:1", []string{"X-Forwarded-For", ""}, " gw false"},
		{"the proxy tells nonsense", "192.0.2.1:1", []string{"X-Forwarded-For", "198.51.100.7, unknown"}, " gw false"},
		{"another peer's headers", "198.51.100.9:1", []string{"X-Forwarded-For", "203.0.113.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil"}, "198.51.100.9 gw false"},
		{"a peer that is nearly a proxy", "192.0.3.1:1", []string{"X-Forwarded-For", "203.0.113.1"}, "192.0.3.1 gw false"},
		{"other headers", "192.0.2.1:1", []string{"X-Real-Ip", "203.0.113.1", "Forwarded", "for=203.0.113.1;proto=https", "X_Forwarded_For", "203.0.113.1"}, " gw false"},
		{"two schemes", "192.0.2.1:1", []string{"X-Forwarded-For", "198.51.100.7", "X-Forwarded-Proto", "https", "X-Forwarded-Proto", "http"}, "198.51.100.7 gw false"},
		{"two schemes in one", "192.0.2.1:1", []string{"X-Forwarded-For", "198.51.100.7", "X-Forwarded-Proto", "https,http"}, "198.51.100.7 gw false"},
		{"two hosts", "192.0.2.1:1", []string{"X-Forwarded-For", "198.51.100.7", "X-Forwarded-Host", "a", "X-Forwarded-Host", "b"}, "198.51.100.7 gw false"},
		{"no host", "192.0.2.1:1", []string{"X-Forwarded-For", "198.51.100.7", "X-Forwarded-Host", "a/b"}, "198.51.100.7 gw false"},
		{"a Unix socket", "@", []string{"X-Forwarded-For", "203.0.113.1"}, "@ gw false"},
	} {
		got := ""
		h := bare(t, func(o *server.Options) {
			o.TrustedProxies = parseProxies(t, proxies)
			o.Beside = []server.Route{{Pattern: "GET /beside", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = auth.RemoteAddress(r) + " " + r.Host + " " + map[bool]string{true: "true", false: "false"}[server.Secure(r)]
			})}}
		})
		r := httptest.NewRequest(http.MethodGet, "http://gw/beside", nil)
		r.RemoteAddr = c.peer
		for i := 0; i < len(c.headers); i += 2 {
			r.Header.Add(c.headers[i], c.headers[i+1])
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// behind returns the gateway's URL through a reverse proxy. As nginx does unless it is told
// otherwise, it sends the gateway's own host as Host; forward adds headers.
func (g *gateway) behind(forward func(in, out *http.Request)) string {
	g.t.Helper()
	target, err := url.Parse(g.URL)
	must(g.t, err)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Host = ""
		forward(p.In, p.Out)
	}})
	g.t.Cleanup(proxy.Close)
	return proxy.URL
}

// through is the browser at an address behind the proxy, as the proxy tells it.
func (b *browser) through(proxy, address string) *browser {
	return &browser{g: b.g, client: b.client, cookies: b.cookies, headers: http.Header{"Test-Address": {address}}, proxy: proxy}
}

func forwardedFor(in, out *http.Request) {
	out.Header.Set("X-Forwarded-For", in.Header.Get("Test-Address"))
}

func TestUsersBehindOneProxyShareNoLimit(t *testing.T) {
	for _, named := range []bool{false, true} {
		g := newGateway(t, func(s *setup) {
			s.Limits = server.Limits{PerAddress: 1}
			if named {
				s.TrustedProxies = parseProxies(t, "127.0.0.1, ::1")
				s.address = auth.RemoteAddress
			}
		})
		proxy := g.behind(forwardedFor)
		g.as("alice").through(proxy, "10.1.1.1").open("api/v1/stream").until("id: ")
		for address, want := range map[string]bool{"10.1.1.2": named, "10.1.1.1": false} {
			a := g.as("bob").through(proxy, address).get("api/v1/stream")
			if (a.code == http.StatusOK) != want {
				t.Errorf("named %v, from %s: %d %s", named, address, a.code, a.body)
			}
		}
	}
}

func TestTriesBehindAProxyCountByAddress(t *testing.T) {
	g := newGateway(t, func(s *setup) {
		s.TrustedProxies = parseProxies(t, "127.0.0.1, ::1")
		s.address = auth.RemoteAddress
	})
	proxy := g.behind(forwardedFor)
	signIn := func(address, password string) int {
		return g.as("").through(proxy, address).form("login", url.Values{"username": {"alice"}, "password": {password}}).code
	}
	for range 10 { // private addresses are those of callers, too
		if code := signIn("10.1.1.1", "wrong"); code != http.StatusUnauthorized {
			t.Fatalf("%d", code)
		}
	}
	if code := signIn("10.1.1.1", password); code != http.StatusTooManyRequests {
		t.Errorf("from the same address: %d", code)
	}
	if code := signIn("10.1.1.2", password); code != http.StatusSeeOther {
		t.Errorf("from another address: %d", code)
	}
}

func TestTheAuditNamesTheCaller(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.TrustedProxies = parseProxies(t, "127.0.0.1, ::1") })
	bob := g.as("bob").through(g.behind(forwardedFor), "203.0.113.9")
	bob.get("api/v1/stream?user=alice")
	bob.headers.Set("Test-Address", "unknown")
	bob.get("api/v1/stream?user=alice")
	if log := g.log.String(); !strings.Contains(log, "from=203.0.113.9") || !strings.Contains(log, "from=unknown") {
		t.Errorf("the log is %s", log)
	}
}

func TestCookiesAreSecureWhereAProxySpeaksTLS(t *testing.T) {
	for _, c := range []struct {
		proxies, proto string
		want           bool
	}{
		{"127.0.0.1, ::1", "https", true},
		{"127.0.0.1, ::1", "http", false},
		{"192.0.2.1", "https", false},
		{"", "https", false},
	} {
		g := newGateway(t, func(s *setup) { s.TrustedProxies = parseProxies(t, c.proxies) })
		proxy := g.behind(func(_, out *http.Request) { out.Header.Set("X-Forwarded-Proto", c.proto) })
		a := g.as("").through(proxy, "").form("login", url.Values{"username": {"alice"}, "password": {password}})
		if len(a.cookies) != 1 || a.cookies[0].Secure != c.want || strings.HasPrefix(a.cookies[0].Name, "__Host-") != c.want {
			t.Errorf("%+v: %v", c, a.cookies)
		}
	}
}

// A browser tells where a form comes from; nginx, unless told otherwise, not to whom it
// was sent.
func TestFormsBehindAProxyThatChangesTheHost(t *testing.T) {
	for _, c := range []struct {
		name              string
		public, forwarded bool // whether --public-url is set, and X-Forwarded-Host believed
		origin, site      string
		want              int
	}{
		{"nothing is set", false, false, "https://logs.example.com", "", 403},
		{"public URL", true, false, "https://logs.example.com", "", 303},
		{"public URL in a new browser", true, false, "https://logs.example.com", "same-origin", 303},
		{"believed host", false, true, "https://logs.example.com", "", 303},
		{"another site", true, true, "https://evil.example.com", "", 403},
		{"another site in a new browser", true, true, "https://evil.example.com", "cross-site", 403},
		{"a neighbour", true, true, "https://app.example.com", "same-site", 403},
		{"another scheme", true, false, "http://logs.example.com", "", 403},
		{"no origin", true, true, "null", "", 403},
	} {
		g := newGateway(t, func(s *setup) {
			if c.public {
				public, err := server.ParsePublicURL("https://logs.example.com/")
				must(t, err)
				s.PublicURL = public
			}
			if c.forwarded {
				s.TrustedProxies = parseProxies(t, "127.0.0.1, ::1")
			}
		})
		proxy := g.behind(func(_, out *http.Request) { out.Header.Set("X-Forwarded-Host", "logs.example.com") })
		b := g.as("").through(proxy, "")
		r := b.request(http.MethodPost, "login", strings.NewReader(url.Values{"username": {"alice"}, "password": {password}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", c.origin)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if a := b.do(r); a.code != c.want {
			t.Errorf("%s: %d, want %d", c.name, a.code, c.want)
		}
	}
}

func TestParseProxies(t *testing.T) {
	if got := parseProxies(t, " 10.1.2.3/8,::1 , ,192.0.2.7,fe80::1%eth0,::ffff:1.2.3.4"); len(got) != 5 ||
		got[0].String() != "10.0.0.0/8" || got[2].String() != "192.0.2.7/32" || got[3].String() != "fe80::1/128" || got[4].String() != "1.2.3.4/32" {
		t.Errorf("%v", got)
	}
	for text, want := range map[string]string{
		"localhost": `"localhost" is neither`, "10.0.0.0/33": "is neither", "0.0.0.0/0": "everybody", "::/0": "everybody", "::ffff:10.0.0.0/104": "write the IPv4 network",
	} {
		if _, err := server.ParseProxies(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestParsePublicURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://logs.example.com":         "https://logs.example.com/",
		"https://Logs.Example.com:443/a":   "https://logs.example.com/a/",
		"http://[::1]:80/":                 "http://[::1]/",
		"http://logs.example.com:443/a/b/": "http://logs.example.com:443/a/b/",
		"logs.example.com":                 "",
		"https://":                         "",
		"https:///logs/":                   "",
		"ftp://logs.example.com/":          "",
		"https://a:b@logs.example.com/":    "",
		"https://logs.example.com/?a=b":    "",
		"https://logs.example.com/?":       "",
		"https://logs.example.com/#a":      "",
		"https://logs.exämple.com/":        "",
	} {
		u, err := server.ParsePublicURL(text)
		if (err != nil) != (want == "") || err == nil && u.String() != want {
			t.Errorf("%s: %v, %v", text, u, err)
		}
	}
}

// FuzzForwardedFor: what a caller writes before the hop that the proxy adds changes nothing,
// and an address is never made up.
func FuzzForwardedFor(f *testing.F) {
	f.Add("203.0.113.1, 192.0.2.2", true)
	f.Add("unknown,,[::1]:80", false)
	f.Add("::ffff:192.0.2.1, fe80::1%eth0", true)
	f.Fuzz(func(t *testing.T, written string, lines bool) {
		header := http.Header{"X-Forwarded-For": {written + ", 198.51.100.7"}}
		if lines {
			header["X-Forwarded-For"] = []string{written, "198.51.100.7"}
		}
		if got := server.ClientOf(parseProxies(t, "192.0.2.0/24"), header); got.String() != "198.51.100.7" {
			t.Fatalf("%q: %v", header, got)
		}
		got := server.ClientOf(parseProxies(t, "192.0.2.0/24"), http.Header{"X-Forwarded-For": {written}})
		if got.IsValid() && !strings.Contains(strings.ToLower(written), got.String()) && !got.Is6() && !strings.Contains(strings.ToLower(written), "ffff") {
			t.Fatalf("%q: %v", written, got)
		}
	})
}
