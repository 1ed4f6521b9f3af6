package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

const (
	nginxPage = "../../docs/nginx.md"

	// firstByte is the promise.
	firstByte = 200 * time.Millisecond
)

// nginxDefaults proxies with nothing set.
const nginxDefaults = `server {
    listen 80;
    location / {
        proxy_pass http://127.0.0.1:8080;
    }
}
`

// nginx starts an nginx with server blocks on a free port; further has lines of the http
// block. It returns where it answers.
func nginx(t *testing.T, server, gateway, further string) (addr string) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Fatal("nginx is missing: install it (Debian: apt-get install nginx), or run make test")
		}
	}
	dir, addr := t.TempDir(), porttest.Addr(t)
	server = strings.ReplaceAll(server, "listen 80;", "listen "+addr+";")
	server = strings.ReplaceAll(server, "127.0.0.1:8080", gateway)
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	config := user + `daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxied;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
` + further + "\n" + server + "}\n"
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir, nil, path, "-p", dir, "-c", "nginx.conf", "-e", "stderr")
	answers(t, "http://"+addr+"/")
	return addr
}

// addUsers makes a users file with alice and bob.
func addUsers(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "users")
	for _, name := range []string{"alice", "bob"} {
		run(t, ".", nil, "correct horse\n", program(t), "user", "add", name, "--auth-file", file)
	}
	return file
}

// enter signs in at the gateway as a browser does that sends Origin and no Sec-Fetch-Site.
func enter(t *testing.T, client *http.Client, base, name string) *http.Response {
	t.Helper()
	form := url.Values{"username": {name}, "password": {"correct horse"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"login", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", at.Scheme+"://"+at.Host)
	answer, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer
}

// A reading is an open stream, and how long its first line took.
type reading struct {
	answer *http.Response
	lines  *bufio.Reader
	first  time.Duration
}

// read opens a stream; its end comes with the test, or with close.
func read(t *testing.T, client *http.Client, url string) (r reading, closeIt func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	begin := time.Now()
	r.answer, err = client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	closeIt = func() { cancel(); r.answer.Body.Close() }
	t.Cleanup(closeIt)
	if r.answer.StatusCode != http.StatusOK {
		return r, closeIt
	}
	r.lines = bufio.NewReader(r.answer.Body)
	if line, err := r.lines.ReadString('\n'); err != nil || line != "retry: 3000\n" {
		t.Fatalf("the stream begins with %q, %v", line, err)
	}
	r.first = time.Since(begin)
	return r, closeIt
}

// awaitData reads until a data line has a text in it.
func (r reading) awaitData(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ends before %q: %v", text, err)
		}
		if strings.HasPrefix(line, "data:") && strings.Contains(line, text) {
			return
		}
	}
}

// publish sends a line as any program does.
func publish(redis *redistest.Server, context, message string) {
	record := fmt.Sprintf(`{"message":%q}`, message)
	redis.MustDo("XADD", "stream:logs:"+context, "*", "data", record)
	redis.MustDo("PUBLISH", "logs:"+context, record)
}

func TestNginx(t *testing.T) {
	recipe := blockWith(t, nginxPage, "nginx", "server_name logs.example.com;")
	for name, c := range map[string]struct {
		server, further string
		flags           []string
		base            string
	}{
		// By its defaults nginx does not tell for whom a request is meant.
		"its defaults": {server: nginxDefaults, base: "/", flags: []string{"--insecure-cookies"}},
		"the recipe":   {server: recipe, base: "/"},
		"the recipe, compressing": {
			server: recipe, base: "/", further: "gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;",
		},
		"below a path": {
			server: blockWith(t, nginxPage, "nginx", "location /logs/"), base: "/logs/", flags: []string{"--base-path", "/logs/"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis, gateway := redistest.Start(t), porttest.Addr(t)
			proxy := nginx(t, c.server, gateway, c.further)
			base := "http://" + proxy + c.base
			p := start(t, t.TempDir(), nil, program(t), append([]string{
				"serve", "--addr", gateway, "--auth-file", addUsers(t), "--redis-url", redis.URL(),
				"--public-url", base, "--trusted-proxies", "127.0.0.1",
			}, c.flags...)...)
			answers(t, "http://"+gateway+c.base+"healthz")
			client := newBrowser(t)
			if answer := enter(t, client, base, "alice"); answer.StatusCode != http.StatusSeeOther {
				t.Fatalf("signing in: %s", answer.Status)
			} else if to, err := answer.Location(); err != nil || to.Host != proxy {
				t.Fatalf("signing in leads to %v, %v", to, err)
			}
			publish(redis, "User.alice", "the history")
			best := time.Hour // of several, for the machine has more to do
			for range 5 {
				r, closeIt := read(t, client, base+"api/v1/stream")
				best = min(best, r.first)
				closeIt()
			}
			if best > firstByte {
				t.Errorf("the first byte comes after %v, at most %v is promised", best, firstByte)
			}
			r, _ := read(t, client, base+"api/v1/stream")
			r.awaitData(t, "the history")
			for n := range 5 { // each is read before the next is sent
				publish(redis, "User.alice", fmt.Sprintf("line %d", n))
				r.awaitData(t, fmt.Sprintf("line %d", n))
			}
			p.end()
		})
	}
}

// TestNginxIdle leaves a stream idle for longer than nginx waits for a byte. In CI it is the
// short form; LOGLANE_E2E_IDLE=30m takes nginx's and the gateway's defaults.
func TestNginxIdle(t *testing.T) {
	t.Parallel()
	idle, further, flags := 7*time.Second, "proxy_read_timeout 3s;", []string{"--keepalive", "1s"}
	if long := os.Getenv("LOGLANE_E2E_IDLE"); long != "" {
		var err error
		if idle, err = time.ParseDuration(long); err != nil {
			t.Fatal(err)
		}
		further, flags = "", nil
	}
	redis, gateway := redistest.Start(t), porttest.Addr(t)
	proxy := nginx(t, nginxDefaults, gateway, further)
	base := "http://" + proxy + "/"
	serveProgram(t, gateway, append([]string{
		"--auth-file", addUsers(t), "--redis-url", redis.URL(), "--public-url", base,
	}, flags...)...)
	client := newBrowser(t)
	enter(t, client, base, "alice")
	r, _ := read(t, client, base+"api/v1/stream")
	<-time.After(idle)
	publish(redis, "User.alice", "still there")
	r.awaitData(t, "still there")
}

// TestNginxAddresses lets users behind one nginx open streams with a limit per address.
func TestNginxAddresses(t *testing.T) {
	t.Parallel()
	from := func(t *testing.T, ip string) *http.Client {
		client := newBrowser(t)
		client.Transport.(*http.Transport).DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}).DialContext
		return client
	}
	for name, c := range map[string]struct {
		trusted []string
		want    []int // of alice's second stream and bob's first
	}{
		"named":     {[]string{"--trusted-proxies", "127.0.0.1"}, []int{http.StatusTooManyRequests, http.StatusOK}},
		"not named": {nil, []int{http.StatusTooManyRequests, http.StatusTooManyRequests}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := porttest.Addr(t)
			proxy := nginx(t, blockWith(t, nginxPage, "nginx", "server_name logs.example.com;"), gateway, "")
			base := "http://" + proxy + "/"
			serveProgram(t, gateway, append([]string{
				"--auth-file", addUsers(t), "--public-url", base, "--max-streams-per-address", "1",
			}, c.trusted...)...)
			alice, bob := from(t, "127.0.0.2"), from(t, "127.0.0.3")
			enter(t, alice, base, "alice")
			enter(t, bob, base, "bob")
			if r, _ := read(t, alice, base+"api/v1/stream"); r.answer.StatusCode != http.StatusOK {
				t.Fatalf("alice's first stream: %s", r.answer.Status)
			}
			for i, client := range []*http.Client{alice, bob} {
				if r, _ := read(t, client, base+"api/v1/stream"); r.answer.StatusCode != c.want[i] {
					t.Errorf("stream %d: %s, want %d", i, r.answer.Status, c.want[i])
				}
			}
		})
	}
}

// TestNginxBesideAnApp has a Django app and below a path of it the gateway, which asks the app.
func TestNginxBesideAnApp(t *testing.T) {
	t.Parallel()
	redis, gateway := redistest.Start(t), porttest.Addr(t)
	d := newDjango(t, "nobody", []string{"REDIS_URL=" + redis.URL()}, "")
	server := strings.ReplaceAll(blockWith(t, nginxPage, "nginx", "location /logs/"), "http://127.0.0.1:8000", d.url)
	outside := "http://" + nginx(t, server, gateway, "")
	base := outside + "/logs/"
	start(t, t.TempDir(), nil, program(t), "serve", "--addr", gateway, "--redis-url", redis.URL(),
		"--base-path", "/logs/", "--public-url", base, "--trusted-proxies", "127.0.0.1",
		"--auth-url", d.url+"/whoami/", "--login-url", outside+"/accounts/login/")
	answers(t, "http://"+gateway+"/logs/healthz")

	alice := newBrowser(t)
	answer, _ := get(t, alice, base+"login")
	if back := d.signIn(alice, "alice", answer.Header.Get("Location")); back != base {
		t.Errorf("signing in leads to %q and not back to %s", back, base)
	}
	r, _ := read(t, alice, base+"api/v1/stream")
	d.url = outside
	d.order(alice, 17)
	r.awaitData(t, "line 17")
}
