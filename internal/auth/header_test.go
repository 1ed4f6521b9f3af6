package auth_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

const proxySecret = "0123456789abcdef0123456789abcdef"

// newHeader is a way in through the headers Remote-User and Remote-Groups of 10.0.0.0/8;
// change may replace any of its options.
func newHeader(t testing.TB, change func(*auth.HeaderOptions)) *auth.Header {
	t.Helper()
	o := auth.HeaderOptions{
		Name: "remote-user", Groups: "Remote-Groups", Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	h, err := auth.NewHeader(o)
	must(t, err)
	return h
}

// from is a request of a peer, with headers as name, value, name, value; they are added with
// the spelling that they have.
func from(peer string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/me", nil)
	r.RemoteAddr = peer
	for i := 0; i < len(headers); i += 2 {
		r.Header[headers[i]] = append(r.Header[headers[i]], headers[i+1])
	}
	return auth.WithPeer(r)
}

func TestAHeaderOfAProxy(t *testing.T) {
	roles, err := auth.ParseRoleMap("sre=operator")
	must(t, err)
	h := newHeader(t, func(o *auth.HeaderOptions) {
		o.Mint = auth.Mint{Names: auth.Names{Prefix: "sso:"}, Roles: roles}
		o.MaxAge = 5 * time.Minute
	})
	p, err := h.Authenticate(from("10.1.2.3:4000", "Remote-User", "alice b", "Remote-Groups", " staff,, sre "))
	must(t, err)
	if p.Name != "sso:alice b" || !strings.HasPrefix(p.Channel, "logs:User.sso:alice") || p.Role != auth.Operator {
		t.Errorf("%+v", p)
	}
	if left := time.Until(p.Expires); left < 4*time.Minute || left > 5*time.Minute {
		t.Errorf("it ends in %v", left)
	}
	for name, groups := range map[string][]string{
		"no header": nil, "an empty one": {"Remote-Groups", ""}, "groups that give nothing": {"Remote-Groups", "admin,operator"},
	} {
		p, err := h.Authenticate(from("10.1.2.3:4000", append([]string{"Remote-User", "alice"}, groups...)...))
		if err != nil || p.Role != auth.Viewer || len(p.Channels) != 0 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if p, err := h.Authenticate(from("10.1.2.3:4000", "Remote-Groups", "sre")); p != nil || err != nil {
		t.Errorf("groups of nobody: %+v, %v", p, err)
	}
}

// The address is the connection's; what it forwards counts for nothing.
func TestWhoseHeaderCounts(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	unix := func(r *http.Request) *http.Request {
		r.RemoteAddr = "@"
		ctx := context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/run/loglane.sock", Net: "unix"})
		return auth.WithPeer(r.WithContext(ctx))
	}
	alice := []string{"Remote-User", "alice"}
	knowing := append([]string{auth.SecretHeader, proxySecret}, alice...)
	for name, c := range map[string]struct {
		proxies []netip.Prefix
		unix    bool
		secret  string
		r       *http.Request
		in      bool
	}{
		"a proxy":                      {proxies: proxies, r: from("10.0.0.1:1", alice...), in: true},
		"a proxy by IPv6":              {proxies: proxies, r: from("[fd00::1]:1", alice...), in: true},
		"a proxy by mapped IPv4":       {proxies: proxies, r: from("[::ffff:10.0.0.1]:1", alice...), in: true},
		"another address":              {proxies: proxies, r: from("11.0.0.1:1", alice...)},
		"a forwarded address":          {proxies: proxies, r: from("11.0.0.1:1", append(alice, "X-Forwarded-For", "10.0.0.1", "X-Real-Ip", "10.0.0.1")...)},
		"an address that is none":      {proxies: proxies, r: from("", alice...)},
		"no noted peer":                {proxies: proxies, r: unnoted(from("10.0.0.1:1", alice...))},
		"a socket where none is meant": {proxies: proxies, r: unix(from("", alice...))},
		"a socket":                     {unix: true, r: unix(from("", alice...)), in: true},
		"TCP where a socket is meant":  {unix: true, r: from("10.0.0.1:1", alice...)},
		"the secret":                   {secret: proxySecret, r: from("11.0.0.1:1", knowing...), in: true},
		"no secret":                    {secret: proxySecret, r: from("11.0.0.1:1", alice...)},
		"a part of the secret":         {secret: proxySecret, r: from("11.0.0.1:1", append(alice, auth.SecretHeader, proxySecret[1:])...)},
		"an empty secret":              {secret: proxySecret, r: from("11.0.0.1:1", append(alice, auth.SecretHeader, "")...)},
		"the secret twice":             {secret: proxySecret, r: from("11.0.0.1:1", append(knowing, auth.SecretHeader, proxySecret)...)},
		"the secret, spelled alike":    {secret: proxySecret, r: from("11.0.0.1:1", append(alice, "Loglane_proxy_secret", proxySecret)...)},
		"a secret to be taken out":     {secret: proxySecret, r: from("11.0.0.1:1", append(knowing, "Connection", "close, loglane-proxy-secret")...)},
		"a proxy without the secret":   {proxies: proxies, secret: proxySecret, r: from("10.0.0.1:1", alice...)},
		"the secret from elsewhere":    {proxies: proxies, secret: proxySecret, r: from("11.0.0.1:1", knowing...)},
		"a proxy with the secret":      {proxies: proxies, secret: proxySecret, r: from("10.0.0.1:1", knowing...), in: true},
		"a socket without the secret":  {unix: true, secret: proxySecret, r: unix(from("", alice...))},
		"a socket with the secret":     {unix: true, secret: proxySecret, r: unix(from("", knowing...)), in: true},
	} {
		h := newHeader(t, func(o *auth.HeaderOptions) { o.Proxies, o.UnixSocket, o.Secret = c.proxies, c.unix, []byte(c.secret) })
		p, err := h.Authenticate(c.r)
		if (p != nil) != c.in || err != nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// unnoted is a request whose peer nobody has noted.
func unnoted(r *http.Request) *http.Request { return r.WithContext(context.Background()) }

// aliases are names that some server takes for Remote-User.
var aliases = []string{
	"Remote_user", "Remote.user", "REMOTE_USER", "remote_user", "Remote--User", "RemoteUser", "Remote~user", "Remote|user", "Remote+user", "-Remote-User", "Remote-User-", "Remote!User", "remote-user", "REMOTE-USER",
}

func TestHeadersThatAreUnclear(t *testing.T) {
	h := newHeader(t, nil)
	rows := map[string][]string{
		"twice":                     {"Remote-User", "alice", "Remote-User", "admin"},
		"twice the same":            {"Remote-User", "alice", "Remote-User", "alice"},
		"empty":                     {"Remote-User", ""},
		"empty and another":         {"Remote-User", "", "Remote-User", "alice"},
		"with a comma":              {"Remote-User", "alice,admin"},
		"with a comma and a space":  {"Remote-User", "alice, admin"},
		"a space at the end":        {"Remote-User", "alice "},
		"a space first":             {"Remote-User", " alice"},
		"a tab within":              {"Remote-User", "al\tice"},
		"UTF-8":                     {"Remote-User", "zoë"},
		"Latin-1":                   {"Remote-User", "zo\xeb"},
		"percent":                   {"Remote-User", "zo%C3%AB"},
		"a no-break space":          {"Remote-User", "alice\u00a0"},
		"a zero-width space":        {"Remote-User", "alice\u200b"},
		"DEL":                       {"Remote-User", "alice\x7f"},
		"a NUL":                     {"Remote-User", "alice\x00"},
		"257 bytes":                 {"Remote-User", strings.Repeat("x", 257)},
		"named in Connection":       {"Remote-User", "alice", "Connection", "close, remote-user"},
		"an alias in Connection":    {"Remote-User", "alice", "Connection", "Remote_User"},
		"groups in Connection":      {"Remote-User", "alice", "Connection", "Remote-Groups"},
		"Connection twice":          {"Remote-User", "alice", "Connection", "close", "Connection", " REMOTE-USER "},
		"groups twice":              {"Remote-User", "alice", "Remote-Groups", "staff", "Remote-Groups", "admin"},
		"an alias of the groups":    {"Remote-User", "alice", "Remote_groups", "admin"},
		"an alias of the secret":    {"Remote-User", "alice", "Loglane_proxy_secret", "x"},
		"groups that are not ASCII": {"Remote-User", "alice", "Remote-Groups", "ädmin"},
		"a group of 513 bytes":      {"Remote-User", "alice", "Remote-Groups", strings.Repeat("x", 513)},
		"1,001 groups":              {"Remote-User", "alice", "Remote-Groups", strings.Repeat("x,", 1001)},
	}
	for _, alias := range aliases {
		rows[alias+" before"] = []string{alias, "admin", "Remote-User", "alice"}
		rows[alias+" alone"] = []string{alias, "admin"}
		rows[alias+", empty"] = []string{alias, "", "Remote-User", "alice"}
	}
	for name, headers := range rows {
		if p, err := h.Authenticate(from("10.0.0.1:1", headers...)); p != nil || status(err) != http.StatusBadRequest {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if p, err := h.Authenticate(from("11.0.0.1:1", headers...)); p != nil || err != nil {
			t.Errorf("%s, from elsewhere: %+v, %v", name, p, err)
		}
	}
	chunked := from("10.0.0.1:1", "Remote-User", "alice")
	chunked.TransferEncoding = []string{"chunked"}
	if p, err := h.Authenticate(chunked); p != nil || status(err) != http.StatusBadRequest {
		t.Errorf("a body in chunks: %+v, %v", p, err)
	}
}

func TestNamesOfHeaders(t *testing.T) {
	for name, ok := range map[string]bool{
		"Remote-User": true, "X-Forwarded-User": true, "x-webauth-user": true, "Cf-Access-Authenticated-User-Email": true,
		"": false, "Remote_User": false, "Remote User": false, "Remote-": false, "-User": false, "Remote--User": false, "Ремоте": false, "Remote.User": false,
		"cookie": false, "Authorization": false, "Host": false, "X-Forwarded-For": false, "Sec-Fetch-Site": false, "connection": false, "Loglane-Proxy-Secret": false,
		strings.Repeat("x", 65): false,
	} {
		if err := auth.CheckHeaderName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, o := range map[string]auth.HeaderOptions{
		"nobody is trusted":        {Name: "Remote-User"},
		"a short secret":           {Name: "Remote-User", Secret: []byte("secret")},
		"no name":                  {UnixSocket: true},
		"one header for both":      {Name: "Remote-User", Groups: "remote-user", UnixSocket: true},
		"two that are too alike":   {Name: "Remote-User", Groups: "RemoteUser", UnixSocket: true},
		"one like the secret's":    {Name: "LoglaneProxySecret", UnixSocket: true},
		"a header of the browsers": {Name: "Cookie", UnixSocket: true},
	} {
		if _, err := auth.NewHeader(o); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// What is passed over is told once, without what it says.
func TestAHeaderFromElsewhereIsTold(t *testing.T) {
	log := &logBuffer{}
	h := newHeader(t, func(o *auth.HeaderOptions) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	for range 3 {
		if p, err := h.Authenticate(from("11.0.0.1:1", "Remote-User", "canary")); p != nil || err != nil {
			t.Errorf("%+v, %v", p, err)
		}
	}
	if log.count("does not come from a trusted proxy") != 1 || log.count("11.0.0.1") != 1 || log.count("canary") != 0 {
		t.Errorf("the log: %s", log)
	}
}

// FuzzHeader has a proxy send what callers made up: who comes in has the name that stands in
// the one header, and no other header is like it.
func FuzzHeader(f *testing.F) {
	h := newHeader(f, nil)
	for _, alias := range aliases {
		f.Add("alice", alias, "admin", "close")
	}
	f.Add("alice", "Accept", "*/*", "Remote-User")
	f.Add("al\u0130ce,", "Remote-Groups", "a,b", "")
	f.Fuzz(func(t *testing.T, name, other, value, connection string) {
		r := from("10.0.0.1:1", "Remote-User", name, "Connection", connection)
		r.Header[other] = append(r.Header[other], value)
		p, err := h.Authenticate(r)
		if p == nil {
			if code := status(err); code != http.StatusBadRequest && code != http.StatusForbidden {
				t.Errorf("%q: %v", r.Header, err)
			}
			return
		}
		letters := strings.Map(func(r rune) rune {
			if r < 0x80 && (r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9') {
				return r
			}
			return -1
		}, strings.ToLower(other))
		if letters == "remoteuser" || slices.Contains(r.Header["Remote-User"], value) && other == "Remote-User" || p.Name != name {
			t.Errorf("%q comes in as %q", r.Header, p.Name)
		}
	})
}
