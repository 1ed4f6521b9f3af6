package main_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/porttest"
)

func TestCheckFollowsTheWayOfClients(t *testing.T) {
	dir, addr := withUsers(t), porttest.Addr(t)
	gateway := serve(t, dir, "serve", "--auth-file", "users", "--addr", addr)
	answers(t, "http://"+addr+"/healthz")
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", addr }}
	passing := httptest.NewServer(proxy)
	defer passing.Close()
	swallowing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer swallowing.Close()
	trusting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	defer trusting.Close()
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--public-url " + passing.URL + "/", 0, "ok    public-url  a gateway answers at " + passing.URL},
		{"--public-url " + swallowing.URL + "/", 1, "FAIL  public-url  the gateway is there, but " + swallowing.URL + "/api/v1/stream is answered by something else"},
		{"--public-url http://127.0.0.1:1/", 1, "FAIL  public-url  http://127.0.0.1:1/ cannot be reached from here"},
		{"--shared-names --auth-url " + trusting.URL, 1, "FAIL  auth-url    the application lets everybody in"},
	} {
		if code, out, stderr := checked(t, dir, append(strings.Fields(c.args), "--addr", addr)...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d, want %d and %s in\n%s%s", c.args, code, c.code, c.want, out, stderr)
		}
	}
	gateway.end(os.Interrupt)
}

func TestServeDevRefusesOtherWaysIn(t *testing.T) {
	dir := t.TempDir()
	for setting, value := range map[string]string{
		"auth-url": "http://127.0.0.1:1/", "public-url": "https://logs.example.com/", "trusted-proxies": "127.0.0.1", "tls-cert": "cert.pem",
	} {
		call{args: "serve --dev --" + setting + " " + value, code: 2, err: "--" + setting + ": --dev has its own way in"}.check(t, dir)
	}
}

func TestServeDevPrintsACommandThatSends(t *testing.T) {
	gateway := serve(t, t.TempDir(), "serve", "--dev", "--addr", "127.0.0.1:0")
	greeting := gateway.greeting()
	out, err := exec.Command("sh", "-ec", regexp.MustCompile(`curl .*`).FindString(greeting)).Output()
	if err != nil || string(out) != `{"accepted":1,"rejected":[]}`+"\n" {
		t.Errorf("%v %s", err, out)
	}
	admin := visitor(t)
	if code, body := fetch(t, admin, link.FindString(greeting), nil); code != http.StatusOK || !strings.Contains(body, "?channel=User.alice") {
		t.Errorf("%d %s", code, body)
	}
	base, _, _ := strings.Cut(link.FindString(greeting), "dev/")
	if code, body := fetch(t, admin, base+"api/v1/logs?user=alice", nil); code != http.StatusOK || !strings.Contains(body, `{"message":"hello, alice","context":"User.alice"}`) {
		t.Errorf("%d %s", code, body)
	}
	gateway.end(os.Interrupt)
}
