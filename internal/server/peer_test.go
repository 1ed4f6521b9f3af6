package server_test

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// headerGateway believes the header Remote-User of 127.0.0.1, and what it forwards. Streams
// last for maxAge; 0 is the default.
func headerGateway(t *testing.T, maxAge time.Duration) *gateway {
	return newGateway(t, func(s *setup) {
		loopback := netip.MustParsePrefix("127.0.0.1/32")
		way, err := auth.NewHeader(auth.HeaderOptions{
			Name: "Remote-User", Groups: "Remote-Groups", Proxies: []netip.Prefix{loopback}, MaxAge: maxAge, Logger: s.Logger,
		})
		must(t, err)
		s.Ways, s.TrustedHeader, s.TrustedProxies = []auth.Authenticator{way}, "Remote-User", []netip.Prefix{loopback}
	})
}

// spoken sends bytes from an address and returns all that comes until the other side ends, or
// for a while.
func spoken(t *testing.T, g *gateway, from, text string) string {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.Dial("tcp", g.Listener.Addr().String())
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, text)
	must(t, err)
	answer, _ := io.ReadAll(conn) // what came before a reset counts
	return string(answer)
}

// wire is a request for /api/v1/me with these lines, the last on its connection.
func wire(lines ...string) string {
	return "GET /api/v1/me HTTP/1.1\r\nHost: gw\r\n" + strings.Join(append(lines, "Connection: close"), "\r\n") + "\r\n\r\n"
}

// Headers as they stand on the wire of a trusted proxy: each is alice's or nobody's.
func TestATrustedHeaderOnTheWire(t *testing.T) {
	t.Parallel()
	g := headerGateway(t, 0)
	for name, c := range map[string]struct {
		lines []string
		code  string
	}{
		"one":                   {[]string{"Remote-User: alice"}, "200"},
		"in small letters":      {[]string{"remote-user: alice"}, "200"},
		"with spaces around":    {[]string{"Remote-User:   alice  \t"}, "200"},
		"none":                  {nil, "401"},
		"twice":                 {[]string{"Remote-User: alice", "Remote-User: adam"}, "400"},
		"twice in two cases":    {[]string{"Remote-User: alice", "REMOTE-USER: adam"}, "400"},
		"an underscore after":   {[]string{"Remote-User: alice", "Remote_User: adam"}, "400"},
		"an underscore before":  {[]string{"Remote_User: adam", "Remote-User: alice"}, "400"},
		"an underscore alone":   {[]string{"Remote_User: adam"}, "400"},
		"a dot":                 {[]string{"Remote-User: alice", "Remote.User: adam"}, "400"},
		"a space in the name":   {[]string{"Remote-User: alice", "Remote User: adam"}, "400"},
		"a space before colon":  {[]string{"Remote-User: alice", "Remote-User : adam"}, "400"},
		"a tab before colon":    {[]string{"Remote-User: alice", "Remote-User\t: adam"}, "400"},
		"an empty one after":    {[]string{"Remote-User: alice", "Remote-User:"}, "400"},
		"an empty one":          {[]string{"Remote-User:"}, "400"},
		"a list":                {[]string{"Remote-User: alice, adam"}, "400"},
		"a return in the value": {[]string{"Remote-User: alice\rRemote-User: adam"}, "400"},
		"a NUL":                 {[]string{"Remote-User: adam\x00"}, "400"},
		"Latin-1":               {[]string{"Remote-User: ad\xe4m"}, "400"},
		"named in Connection":   {[]string{"Remote-User: alice", "Connection: Remote-User"}, "400"},
		"groups twice":          {[]string{"Remote-User: alice", "Remote-Groups: a", "Remote-Groups: admin"}, "400"},
		"in a trailer":          {[]string{"Trailer: Remote-User"}, "401"},
	} {
		answer := spoken(t, g, "127.0.0.1", wire(c.lines...))
		if !strings.HasPrefix(answer, "HTTP/1.1 "+c.code+" ") || (c.code == "200") != strings.Contains(answer, `"name":"alice"`) || strings.Contains(answer, `"adam"`) {
			t.Errorf("%s: %q, want %s", name, answer, c.code)
		}
	}
	// net/http joins folded lines: that is a third name, and neither of the two.
	if answer := spoken(t, g, "127.0.0.1", wire("Remote-User: alice", " adam")); !strings.Contains(answer, `"name":"alice adam"`) {
		t.Errorf("a folded line: %q", answer)
	}
}

// Another peer is nobody, whatever it says of where it comes from.
func TestATrustedHeaderFromElsewhere(t *testing.T) {
	t.Parallel()
	g := headerGateway(t, 0)
	for _, lines := range [][]string{
		{"Remote-User: adam"},
		{"Remote-User: adam", "X-Forwarded-For: 127.0.0.1"},
		{"Remote-User: adam", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"},
		{"Remote_User: adam", "Remote-User: adam", "Remote-User: adam"},
	} {
		if answer := spoken(t, g, "127.0.0.2", wire(lines...)); !strings.HasPrefix(answer, "HTTP/1.1 401 ") {
			t.Errorf("%q: %q", lines, answer)
		}
	}
	// A proxy is one also where it says that it forwards somebody else's.
	if answer := spoken(t, g, "127.0.0.1", wire("Remote-User: alice", "X-Forwarded-For: 203.0.113.7")); !strings.Contains(answer, `"name":"alice"`) {
		t.Errorf("behind the proxy: %q", answer)
	}
}

// A caller whose body a proxy sees end elsewhere than the gateway could hide a request, with
// a header of their own, in what the proxy sends on: it is never answered.
func TestNoSecondRequestHidesInABody(t *testing.T) {
	t.Parallel()
	g := headerGateway(t, 0)
	hidden := wire("Remote-User: adam")
	for name, text := range map[string]string{
		"Content-Length and chunks": "POST /login HTTP/1.1\r\nHost: gw\r\nRemote-User: alice\r\nContent-Length: 200\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks and Content-Length": "GET /api/v1/me HTTP/1.1\r\nHost: gw\r\nRemote-User: alice\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
		"chunks alone":              "GET /healthz HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":               "GET /healthz HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\nContent-Length: 200\r\n\r\n" + hidden,
		"chunks, spelled strangely": "GET /healthz HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: xchunked\r\nContent-Length: 200\r\n\r\n" + hidden,
		"chunks twice":              "GET /healthz HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"a space before the colon":  "GET /healthz HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding : chunked\r\nContent-Length: 200\r\n\r\n0\r\n\r\n" + hidden,
		"HTTP/1.0 and chunks":       "GET /healthz HTTP/1.0\r\nHost: gw\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
	} {
		answer := spoken(t, g, "127.0.0.1", text)
		if strings.Count(answer, "HTTP/1.") != 1 || strings.Contains(answer, `"adam"`) || strings.Contains(answer, `"alice"`) {
			t.Errorf("%s: %q", name, answer)
		}
	}
	// Two requests in turn are two.
	plain := "GET /api/v1/me HTTP/1.1\r\nHost: gw\r\nRemote-User: alice\r\nContent-Length: 0\r\n\r\n"
	if answer := spoken(t, g, "127.0.0.1", plain+wire("Remote-User: bob")); strings.Count(answer, "HTTP/1.1 200") != 2 {
		t.Errorf("two requests: %q", answer)
	}
}

// A stream lasts for so long; whoever comes again with its cursor has missed nothing.
func TestAHeadersStreamIsOpenedAnew(t *testing.T) {
	t.Parallel()
	g := headerGateway(t, 2*time.Second)
	b := g.as("")
	b.headers = http.Header{"Remote-User": {"hal"}}
	publish(t, g, "logs:User.hal", "line 1")
	begin := time.Now()
	cursor, first, expired := "", false, false
	for line := range b.open("api/v1/stream").lines {
		if id, found := strings.CutPrefix(line, "id: "); found {
			cursor = id
		}
		first = first || strings.Contains(line, "line 1")
		expired = strings.Contains(line, `"reason":"expired"`) || expired
	}
	if took := time.Since(begin); took < time.Second || took > 4*time.Second || !first || !expired || cursor == "" {
		t.Errorf("it ended after %v; line 1: %v, expired: %v, cursor %q", took, first, expired, cursor)
	}
	publish(t, g, "logs:User.hal", "line 2")
	b.headers.Set("Last-Event-ID", cursor)
	for line := range b.open("api/v1/stream").lines {
		if strings.Contains(line, "line 1") || strings.Contains(line, "event: gap") {
			t.Errorf("the second stream has %q", line)
		}
		if strings.Contains(line, "line 2") {
			return
		}
	}
	t.Error("the second stream has no line 2")
}
