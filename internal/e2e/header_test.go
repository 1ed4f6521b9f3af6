package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

const signInPage = "../../docs/sign-in.md"

// passwords are nginx's users, each with the password correct: alice, and admin.
func passwords(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte("alice:{PLAIN}correct\nadmin:{PLAIN}correct\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// headerRecipe is the page's server block.
func headerRecipe(t *testing.T) string {
	t.Helper()
	return strings.ReplaceAll(blockWith(t, signInPage, "nginx", "auth_basic_user_file"), "/etc/nginx/users", passwords(t))
}

// trusting are the settings of a gateway behind that nginx.
func trusting(base string) []string {
	return []string{
		"--public-url", base, "--trusted-proxies", "127.0.0.1", "--role-map", "ops=admin",
		"--trusted-header", "Remote-User", "--trusted-header-groups", "Remote-Groups", "--trusted-header-proxies", "127.0.0.1",
	}
}

// throughNginx sends a request as it is written, and returns what comes: status and body.
func throughNginx(t *testing.T, addr string, lines ...string) (code int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	request := "GET /api/v1/me HTTP/1.1\r\nHost: logs\r\n" + strings.Join(append(lines, "Connection: close"), "\r\n") + "\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", lines, err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(all)
}

// headerAliases are names that a server may take for Remote-User or Remote-Groups, with what
// a caller would like them to say.
var headerAliases = []string{
	"Remote-User: admin", "remote-user: admin", "REMOTE-USER: admin", "Remote_User: admin", "remote_user: admin", "REMOTE_USER: admin",
	"Remote.User: admin", "Remote--User: admin", "Remote~User: admin", "RemoteUser: admin", "HTTP_REMOTE_USER: admin", "Remote User: admin",
	"Remote-User : admin", "Remote-User\t: admin", "Remote-User:", "Remote-User: alice, admin", "Remote-User: ad%6din", "Remote-User: \xc3\xa4dmin",
	"Remote-Groups: ops", "Remote_Groups: ops", "remote.groups: ops", "RemoteGroups: ops", "Remote-Groups: ops\r\nRemote-Groups: ops",
	"Connection: Remote-User", "Connection: close, remote-user", "Connection: Remote-Groups", "Proxy-Connection: Remote-User", "Trailer: Remote-User",
	"Loglane-Proxy-Secret: x", "X-Forwarded-User: admin", "X-Remote-User: admin", "X-Original-User: admin", " Remote-User: admin",
}

// TestNginxTrustedHeader sends every alias in every position, once and twice, as alice and as
// nobody, through the page's nginx with every way of its to look at names: whoever comes in
// is alice, a viewer.
func TestNginxTrustedHeader(t *testing.T) {
	basic := "Authorization: Basic YWxpY2U6Y29ycmVjdA==" // alice:correct
	for name, further := range map[string]string{
		"its defaults":           "",
		"underscores":            "underscores_in_headers on;",
		"whatever comes":         "ignore_invalid_headers off;",
		"whatever comes, and _ ": "ignore_invalid_headers off; underscores_in_headers on;",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := porttest.Addr(t)
			proxy := nginx(t, headerRecipe(t), gateway, further)
			serveProgram(t, gateway, trusting("http://"+proxy+"/")...)
			if code, body := throughNginx(t, proxy, basic); code != http.StatusOK || !strings.Contains(body, `"name":"alice","roles":["viewer"]`) {
				t.Fatalf("alice: %d %s", code, body)
			}
			in, refused := 0, 0
			for _, alias := range headerAliases {
				for position, lines := range map[string][]string{
					"before": {alias, basic}, "after": {basic, alias}, "around": {alias, basic, alias}, "twice before": {alias, alias, basic},
					"twice after": {basic, alias, alias}, "beside her name": {"Remote-User: alice", alias, basic}, "alone": {alias}, "alone, twice": {alias, alias},
				} {
					if strings.HasPrefix(alias, " ") && strings.HasPrefix(lines[0], " ") {
						continue // a folded line needs one before
					}
					code, body := throughNginx(t, proxy, lines...)
					switch {
					case code == http.StatusOK && strings.HasPrefix(body, `{"name":"alice","roles":["viewer"],"channel":"User.alice","channels":[]`) && !strings.HasPrefix(position, "alone"):
						in++
					case code == http.StatusBadRequest, code == http.StatusUnauthorized:
						refused++
					default:
						t.Errorf("%q %s: %d %s", alias, position, code, body)
					}
				}
			}
			if in < 50 || refused < 50 {
				t.Errorf("%d came in as alice and %d were refused: the matrix shows nothing", in, refused)
			}
			t.Logf("%d came in as alice, %d were refused", in, refused)
		})
	}
}

// TestNginxTrustedHeaderStreams has a stream through nginx, over an address, over a Unix socket and
// with a secret.
func TestNginxTrustedHeaderStreams(t *testing.T) {
	secret := strings.Repeat("0123456789abcdef", 4)
	for name, c := range map[string]struct {
		addr   func(testing.TB) string
		change func(server string) string
		flags  func(t *testing.T) []string
	}{
		"by its address": {addr: porttest.Addr, flags: func(*testing.T) []string { return []string{"--trusted-header-proxies", "127.0.0.1"} }},
		"by a Unix socket": {
			addr:  func(t testing.TB) string { return "unix:" + filepath.Join(t.TempDir(), "gw.sock") },
			flags: func(*testing.T) []string { return nil },
		},
		"by a secret": {
			addr: porttest.Addr,
			change: func(server string) string {
				return strings.Replace(server, "proxy_read_timeout", `proxy_set_header Loglane-Proxy-Secret "`+secret+"\";\n        proxy_read_timeout", 1)
			},
			flags: func(t *testing.T) []string {
				file := filepath.Join(t.TempDir(), "secret")
				if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				return []string{"--trusted-header-secret-file", file}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis, addr, server := redistest.Start(t), c.addr(t), headerRecipe(t)
			if c.change != nil {
				server = c.change(server)
			}
			proxy := nginx(t, server, addr, "")
			base := "http://" + proxy + "/"
			p := start(t, t.TempDir(), nil, program(t), append([]string{
				"serve", "--addr", addr, "--redis-url", redis.URL(), "--public-url", base, "--trusted-header", "Remote-User",
			}, c.flags(t)...)...)
			healthy(t, addr)
			client := newBrowser(t)
			client.Transport = signedIn{client.Transport, "alice"}
			publish(redis, "User.alice", "the history")
			r, _ := read(t, client, base+"api/v1/stream")
			if r.answer.StatusCode != http.StatusOK {
				t.Fatal(r.answer.Status)
			}
			r.awaitData(t, "the history")
			publish(redis, "User.alice", "live")
			r.awaitData(t, "live")
			if strings.Contains(p.output.String(), secret) {
				t.Error("the log has the secret")
			}
			p.end()
		})
	}
}

// healthy waits until a gateway answers, as healthcheck asks it.
func healthy(t *testing.T, addr string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		p := start(t, t.TempDir(), nil, program(t), "healthcheck", "--addr", addr)
		if p.code(10*time.Second) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no gateway answers at %s: %s", addr, p.output)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// signedIn sends a user's name and password with each request.
type signedIn struct {
	http.RoundTripper
	name string
}

// RoundTrip implements [http.RoundTripper].
func (s signedIn) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(s.name, "correct")
	return s.RoundTripper.RoundTrip(r)
}
