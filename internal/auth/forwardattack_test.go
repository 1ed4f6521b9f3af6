package auth_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// A liar is a server that sends what it likes, on the bare connection, to every question.
type liar struct {
	*auth.Forward
	asked       atomic.Int32
	connections atomic.Int32
}

func newLiar(t *testing.T, answer func(n int, conn net.Conn)) *liar {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &liar{}
	var answering sync.WaitGroup
	answering.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.connections.Add(1)
			answering.Go(func() {
				defer conn.Close()
				for requests := bufio.NewReader(conn); ; {
					r, err := http.ReadRequest(requests)
					if err != nil {
						return
					}
					_ = r.Body.Close()
					answer(int(l.asked.Add(1)), conn)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		listener.Close()
		answering.Wait()
	})
	l.Forward, err = auth.NewForward(auth.ForwardOptions{URL: "http://" + listener.Addr().String() + "/whoami", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	return l
}

// raw answers with bytes, and closes the connection where they end in a full stop.
func raw(text string) func(int, net.Conn) {
	return func(_ int, conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		if strings.HasSuffix(text, ".") {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}
}

// trickle sends a byte every so often until the other side has enough.
func trickle(head, tail string) func(int, net.Conn) {
	return func(_ int, conn net.Conn) {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		_, err := io.WriteString(conn, head)
		for err == nil {
			<-tick.C
			_, err = io.WriteString(conn, tail)
		}
	}
}

// withLength is a JSON answer in one piece.
func withLength(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func bomb(t *testing.T) string {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := io.WriteString(w, `{"name":"alice"`+strings.Repeat(" ", 50<<20)+`}`)
	must(t, err)
	must(t, w.Close())
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", packed.Len(), packed.Bytes())
}

// Whatever a server sends, it is a login, none or an error with code 503, within the time of
// a question.
func TestForwardAtLyingServers(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	const alice = `{"name":"alice"}`
	for _, c := range []struct {
		name   string
		answer func(int, net.Conn)
		want   string // a channel, digits of a code, or "" for nobody
	}{
		{"the truth", raw(withLength(alice)), "logs:User.alice"},
		{"headers that trickle", trickle("HTTP/1.1 200 OK\r\nX: ", "x"), "503"},
		{"a body that trickles", trickle(head+"Content-Length: 9999\r\n\r\n{", " "), "503"},
		{"a hang after the headers", raw(head + "Content-Length: 16\r\n\r\n"), "503"},
		{"a hang after half the body", raw(head + "Content-Length: 16\r\n\r\n" + alice[:8]), "503"},
		{"nothing", raw("."), "503"},
		{"HTTP/0.9", raw(alice + "."), "503"},
		{"a version that there is not", raw(strings.Replace(withLength(alice), "1.1", "1.9", 1)), "logs:User.alice"},
		{"another protocol", raw("SSH-2.0-OpenSSH_9.6\r\n."), "503"},
		{"a flood of 1xx", trickle(strings.Repeat("HTTP/1.1 103 Early Hints\r\nRemote-User: admin\r\n\r\n", 1000), "HTTP/1.1 100 Continue\r\n\r\n"), "503"},
		{"a name in a 1xx only", raw("HTTP/1.1 103 Early Hints\r\nRemote-User: admin\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "503"},
		{"a switch of protocols", raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\nRemote-User: admin\r\n\r\n"), "503"},
		{"two lengths", raw(head + "Content-Length: 16\r\nContent-Length: 17\r\n\r\n" + alice + "."), "503"},
		{"a length that is none", raw(head + "Content-Length: +16\r\n\r\n" + alice + "."), "503"},
		{"a length and chunks", raw(head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + alice + "\r\n0\r\n\r\n"), "logs:User.alice"},
		{"chunks that break off", raw(head + "Transfer-Encoding: chunked\r\n\r\n10\r\n" + alice + "\r\n."), "503"},
		{"an unknown coding", raw(head + "Transfer-Encoding: gzip\r\n\r\n" + alice + "."), "503"},
		{"a trailer with a name", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Remote-User\r\n\r\n0\r\nRemote-User: admin\r\n\r\n"), "503"},
		{"a bomb of gzip", raw(bomb(t)), "503"},
		{"a header that never ends", trickle("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<10)), "503"},
		{"an endless body", trickle(head+"\r\n{", strings.Repeat(" ", 64<<10)), "503"},
		{"a header of control characters", raw("HTTP/1.1 200 OK\r\nRemote-User: al\x00ice\r\nContent-Length: 0\r\n\r\n"), "503"},
		{"a name of control characters", raw(withLength(`{"name":"al\u0000\u001bice"}`)), "logs:User.al%00%1Bice"},
		{"global for a viewer", raw(withLength(`{"name":"alice","channels":["global"]}`)), "logs:User.alice"},
		{"a name that is global", raw(withLength(`{"name":"global"}`)), "logs:User.global"},
		{"a name with a line break", raw(withLength(`{"name":"alice\r\nRemote-Groups: admin"}`)), "logs:User.alice%0D%0ARemote-Groups:%20admin"},
		{"a header's alias", raw("HTTP/1.1 200 OK\r\nRemote_User: admin\r\nX-Remote-User: admin\r\nRemote-User : admin\r\nContent-Length: 0\r\n\r\n"), "503"},
		{"an empty header beside a name", raw("HTTP/1.1 200 OK\r\nRemote-User: \r\nRemote-User: admin\r\nContent-Length: 0\r\n\r\n"), "503"},
		{"a name beside 401", raw("HTTP/1.1 401 Unauthorized\r\nRemote-User: admin\r\nContent-Length: 0\r\n\r\n"), ""},
		{"a name beside 500", raw("HTTP/1.1 500 Oops\r\nRemote-User: admin\r\nContent-Length: 0\r\n\r\n"), "503"},
		{"a name beside 206", raw("HTTP/1.1 206 Partial Content\r\nRemote-User: admin\r\nContent-Length: 0\r\n\r\n"), "503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t, c.answer)
			begin := time.Now()
			p, err := l.Authenticate(withCookie("session=1"))
			got := ""
			switch {
			case err != nil:
				got = fmt.Sprint(status(err))
			case p != nil:
				got = p.Channel
				if err := p.Authorize(loglane.GlobalChannel, auth.Read); err == nil {
					t.Error("a viewer may read the global channel")
				}
				if p.Role != auth.Viewer {
					t.Errorf("%s is the role of a liar's guest", p.Role)
				}
			}
			if got != c.want {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
			if took := time.Since(begin); took > 6*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A second answer to one question is not the answer to the next, which is about somebody
// else: it comes over a connection of its own.
func TestForwardTakesNoStrayAnswer(t *testing.T) {
	l := newLiar(t, func(n int, conn net.Conn) {
		text := withLength(fmt.Sprintf(`{"name":"user-%d"}`, n))
		if n%2 == 0 { // else nothing would keep the connection from being used again
			text += withLength(`{"name":"stray","roles":["admin"]}`)
		}
		_, _ = io.WriteString(conn, text)
	})
	for n := 1; n <= 50; n++ {
		p, err := l.Authenticate(withCookie(fmt.Sprint("session=", n)))
		if err != nil || p == nil || p.Name != fmt.Sprint("user-", n) {
			t.Fatalf("question %d: %+v, %v", n, p, err)
		}
	}
	if n := l.connections.Load(); n != 50 {
		t.Errorf("50 questions were asked over %d connections", n)
	}
}

// A redirect is answered, not followed: it would take the caller's credentials elsewhere.
func TestForwardFollowsNoRedirect(t *testing.T) {
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		followed.Add(1)
		says(`{"name":"admin","roles":["admin"]}`)(w, r)
	}))
	defer elsewhere.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{elsewhere.URL, strings.Replace(elsewhere.URL, "http:", "", 1), "/whoami", "//[::1", "file:///etc/passwd"} {
			a := newApp(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.Header().Set("Remote-User", "admin")
				w.WriteHeader(code)
			})
			p, err := a.Authenticate(withCookie("session=1"))
			if p != nil || status(err) != 503 || a.asked.Load() != 1 {
				t.Errorf("%d to %s: %+v, %v after %d questions", code, to, p, err, a.asked.Load())
			}
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// spoofed are headers that proxies and applications are known to believe.
var spoofed = []string{
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Uri",
	"X-Forwarded-Method", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Server", "X-Forwarded-Ssl",
	"X_Forwarded_For", "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Original-Url",
	"X-Original-Uri", "X-Original-Method", "X-Rewrite-Url", "X-Http-Method-Override", "X-Auth-Request-User", "X-Remote-User", "Remote-User",
	"Remote_User", "Remote-Groups", "Remote-Email", "Front-End-Https", "Connection", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Upgrade", "Expect", "Origin", "Referer", "Accept", "Accept-Encoding", "Content-Type", "Range", "User-Agent", "X-Anything",
}

func TestForwardPassesNoSpoofedHeaderOn(t *testing.T) {
	for _, told := range []bool{false, true} {
		var mu sync.Mutex
		var got http.Header
		var host string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			got, host = r.Header.Clone(), r.Host
			mu.Unlock()
			says(`{"name":"alice"}`)(w, r)
		}))
		options := auth.ForwardOptions{URL: server.URL, Logger: slog.New(slog.DiscardHandler)}
		want := http.Header{"Accept": {"application/json"}, "User-Agent": {"loglane"}, "Connection": {"close"}, "Authorization": {"Basic abc"}}
		if told {
			options.Origin = func(*http.Request) auth.Origin {
				return auth.Origin{Address: "192.0.2.1", Scheme: "https", Host: "logs.example"}
			}
			want["X-Forwarded-For"], want["X-Forwarded-Proto"], want["X-Forwarded-Host"] = []string{"192.0.2.1"}, []string{"https"}, []string{"logs.example"}
		}
		f, err := auth.NewForward(options)
		must(t, err)
		for i, name := range spoofed {
			for _, value := range []string{"evil", "Cookie, Authorization", "evil, 127.0.0.1"} {
				r := httptest.NewRequest(http.MethodPost, "http://evil.example/api/v1/stream", nil)
				cookie := fmt.Sprint("session=", i, len(value))
				r.Header.Set("Cookie", cookie)
				r.Header.Set("Authorization", "Basic abc")
				r.Header[name] = []string{value, value}
				want["Cookie"] = []string{cookie}
				_, err := f.Authenticate(r)
				must(t, err)
				mu.Lock()
				if fmt.Sprint(got) != fmt.Sprint(want) || strings.Contains(host, "evil") {
					t.Errorf("with %s: %s of the caller, the application got %v of %s", name, value, got, host)
				}
				mu.Unlock()
			}
		}
		f.Close()
		server.Close()
	}
}

// Where the application is told where a request comes from, an answer holds for that only.
func TestForwardKeepsOriginsApart(t *testing.T) {
	a := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-For") != "192.0.2.1" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		says(`{"name":"alice"}`)(w, r)
	}))
	defer a.Close()
	f, err := auth.NewForward(auth.ForwardOptions{URL: a.URL, Origin: func(r *http.Request) auth.Origin { return auth.Origin{Address: auth.RemoteAddress(r)} }})
	must(t, err)
	defer f.Close()
	for address, want := range map[string]bool{"192.0.2.1:80": true, "192.0.2.2:80": false} {
		r := withCookie("session=1")
		r.RemoteAddr = address
		p, err := f.Authenticate(r)
		if err != nil || (p != nil) != want {
			t.Errorf("%s: %+v, %v", address, p, err)
		}
	}
}
