package main_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
)

// answers waits until the gateway does.
func answers(t *testing.T, url string) {
	t.Helper()
	answersTo(t, http.DefaultClient, url)
}

func answersTo(t *testing.T, client *http.Client, url string) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		if answer, err := client.Get(url); err == nil {
			answer.Body.Close()
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s does not answer", url)
		case <-tick.C:
		}
	}
}

// open signs in and opens the own stream.
func open(t *testing.T, base, name, password string) *bufio.Reader {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second} // a stream that stays silent fails the test
	answer, err := client.PostForm(base+"login", url.Values{"username": {name}, "password": {password}})
	must(t, err)
	answer.Body.Close()
	answer, err = client.Get(base + "api/v1/stream")
	must(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the stream: %s", answer.Status)
	}
	return bufio.NewReader(answer.Body)
}

func TestServeUntilSIGTERM(t *testing.T) {
	dir, addr := t.TempDir(), porttest.Addr(t)
	call{args: "user add alice --auth-file FILE", stdin: "correct horse\n", out: "added"}.check(t, dir)
	gateway := serve(t, dir, "serve", "--auth-file", "users", "--addr", addr, "--base-path", "/logs", "--log-format", "json")
	base := "http://" + addr + "/logs/"
	answers(t, base+"healthz")
	call{args: "healthcheck --base-path /logs/ --addr " + addr, out: "ok\n"}.check(t, dir)
	call{args: "healthcheck --addr " + addr, code: 1, err: "404"}.check(t, dir)
	stream := open(t, base, "alice", "correct horse")
	if line, err := stream.ReadString('\n'); err != nil || line != "retry: 3000\n" {
		t.Fatalf("%q %v", line, err)
	}
	gateway.end(syscall.SIGTERM)
	rest, err := io.ReadAll(stream)
	if err != nil || !strings.Contains(string(rest), "event: bye\n") {
		t.Errorf("the stream ends with %q, %v", rest, err)
	}
	if log := gateway.err.String(); !strings.Contains(log, `"msg":"stopped"`) {
		t.Errorf("the log is %s", log)
	}
}

var welcomed = regexp.MustCompile(`(\w+) +password (\w+) +\((\w+)\)`)

func TestDemoShowsEachUserTheirOwnLines(t *testing.T) {
	dir, addr := t.TempDir(), porttest.Addr(t)
	begin := time.Now()
	demo := serve(t, dir, "demo", "--addr", addr)
	passwords, roles := map[string]string{}, map[string]string{}
	for len(passwords) < 3 {
		line, err := demo.out.ReadString('\n')
		must(t, err)
		if m := welcomed.FindStringSubmatch(line); m != nil {
			passwords[m[1]], roles[m[1]] = m[2], m[3]
		}
	}
	if roles["alice"] != "viewer" || roles["bob"] != "viewer" || roles["admin"] != "admin" {
		t.Errorf("the roles are %v", roles)
	}
	base := "http://" + addr + "/"
	stream := open(t, base, "alice", passwords["alice"])
	for {
		line, err := stream.ReadString('\n')
		must(t, err)
		if !strings.HasPrefix(line, "data: ") {
			continue
		}
		if !strings.Contains(line, `"context":"User.alice"`) {
			t.Errorf("alice sees %s", line)
		}
		break
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the first line came after %v", took)
	}
	answer, err := http.Get(base + "shop/")
	must(t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the shop: %s", answer.Status)
	}
	demo.end(os.Interrupt)
	if left, _ := filepath.Glob(filepath.Join(dir, "loglane-demo-*")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}
