package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/redistest"
)

// greeting reads what serve --dev says once it serves.
func (s *served) greeting() string {
	s.t.Helper()
	var b strings.Builder
	for !strings.Contains(b.String(), "Ctrl-C") {
		line, err := s.out.ReadString('\n')
		if err != nil {
			_ = s.cmd.Wait() // it failed, as its words say
			s.t.Fatalf("%s%s", &b, s.err)
		}
		b.WriteString(line)
	}
	return b.String()
}

var (
	link   = regexp.MustCompile(`http://\S+/dev/sign-in\?code=\S{43}`)
	bearer = regexp.MustCompile(`Bearer (lld_\S{43})'`)
)

// visitor is a browser without any cookies yet.
func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: 30 * time.Second}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func fetch(t *testing.T, client *http.Client, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	must(t, err)
	if change != nil {
		change(r)
	}
	answer, err := client.Do(r)
	must(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(body)
}

func TestServeDevOverRedis(t *testing.T) {
	redis := redistest.Start(t)
	url := fmt.Sprintf("redis://127.0.0.1:%d/1", redis.Port)
	out, err := exec.Command("redis-cli", "-u", url, "XADD", "stream:logs:User.alice", "*", "data", "a line").CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	gateway := serve(t, t.TempDir(), "serve", "--dev", "--addr", "127.0.0.1:0", "--base-path", "/logs/", "--redis-url", url)
	greeting := gateway.greeting()
	if want := regexp.MustCompile(`(?m)^  Redis \d+\.\d+, database 1; 1 channel with history, last line \d+ s ago in User\.alice$`); !want.MatchString(greeting) {
		t.Errorf("%s", greeting)
	}
	signIn := link.FindString(greeting)
	base, _, _ := strings.Cut(signIn, "dev/")

	forged := func(r *http.Request) { r.Host = "rebound.example" }
	if code, body := fetch(t, visitor(t), signIn, forged); code != http.StatusForbidden {
		t.Errorf("a forged host: %d %s", code, body)
	}
	admin := visitor(t)
	if code, body := fetch(t, admin, signIn, nil); code != http.StatusOK || !strings.Contains(body, `href="/logs/?channel=User.alice"`) {
		t.Errorf("the link: %d %s", code, body)
	}
	if code, body := fetch(t, visitor(t), signIn, nil); code != http.StatusForbidden || !strings.Contains(body, "it prints another") {
		t.Errorf("the link again: %d %s", code, body)
	}
	if code, body := fetch(t, admin, base+"api/v1/me", nil); code != http.StatusOK || !strings.Contains(body, `"roles":["admin"]`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := fetch(t, admin, base+"api/v1/me", forged); code != http.StatusUnauthorized {
		t.Errorf("the session with a forged host: %d %s", code, body)
	}
	token := bearer.FindStringSubmatch(greeting)
	if token == nil || !strings.Contains(greeting, "'"+base+"api/v1/logs?user=alice'") {
		t.Fatal(greeting)
	}
	withToken := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token[1]) }
	if code, body := fetch(t, visitor(t), base+"api/v1/me", withToken); code != http.StatusOK {
		t.Errorf("the token: %d %s", code, body)
	}
	if code, body := fetch(t, visitor(t), base+"login", nil); code != http.StatusOK || !strings.Contains(body, "Open the sign-in link") {
		t.Errorf("the login page: %d %s", code, body)
	}
	aliceReceives(t, admin, base, greeting)
	gateway.end(os.Interrupt)
}

// aliceReceives calls the two printed redis-cli lines in a shell, and wants their line on
// her stream.
func aliceReceives(t *testing.T, admin *http.Client, base, greeting string) {
	t.Helper()
	answer, err := admin.Get(base + "api/v1/stream?user=alice")
	must(t, err)
	defer answer.Body.Close()
	commands := regexp.MustCompile(`(?m)^    redis-cli .*$`).FindAllString(greeting, -1)
	if len(commands) != 2 {
		t.Fatalf("%d commands in %s", len(commands), greeting)
	}
	if out, err := exec.Command("sh", "-ec", strings.Join(commands, "\n")).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var got []byte
	for !strings.Contains(string(got), `data: {"message":"hello, alice"}`) {
		part := make([]byte, 4096)
		n, err := answer.Body.Read(part)
		if got = append(got, part[:n]...); err != nil {
			t.Fatalf("%v after %s", err, got)
		}
	}
}

func TestServeDevWithTheEmbeddedBroker(t *testing.T) {
	gateway := serve(t, t.TempDir(), "serve", "--dev", "--addr", "localhost:0")
	greeting := gateway.greeting()
	if !strings.Contains(greeting, "  embedded broker: lines are forgotten when it ends\n") || strings.Contains(greeting, "redis-cli") {
		t.Errorf("%s", greeting)
	}
	if code, body := fetch(t, visitor(t), link.FindString(greeting), nil); code != http.StatusOK || !strings.Contains(body, "No channel has lines yet") {
		t.Errorf("%d %s", code, body)
	}
	gateway.end(os.Interrupt)
}

func TestServeDevTellsWhatIsWrongWithRedis(t *testing.T) {
	redis := redistest.Start(t)
	redis.MustDo("XADD", "stream:logs:User.alice", "*", "data", "a line")
	for url, want := range map[string]string{
		fmt.Sprintf("redis://127.0.0.1:%d/1", redis.Port): "FAIL  database    database 1 has no channel, database 0 has 1 channel",
		"redis://127.0.0.1:1":                             "start Redis there",
	} {
		gateway := serve(t, t.TempDir(), "serve", "--dev", "--addr", "127.0.0.1:0", "--redis-url", url)
		if greeting := gateway.greeting(); !strings.Contains(greeting, want) {
			t.Errorf("%s\nwant %s", greeting, want)
		}
		gateway.end(os.Interrupt)
	}
}

func TestServeDevRefusesOtherMachines(t *testing.T) {
	dir := t.TempDir()
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0"} {
		call{args: "serve --dev --addr " + addr, code: 2, err: "--addr=" + addr + ": with --dev it must be a loopback address"}.check(t, dir)
	}
	call{args: "serve --dev --auth-file FILE", code: 2, err: "--auth-file: --dev has its own way in"}.check(t, dir)
	call{args: "serve --dev", env: []string{"LOGLANE_ADDR=:8080", "LOGLANE_AUTH_FILE=x"}, code: 2, err: "2 things are wrong"}.check(t, dir)
}
