package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
)

var built struct {
	once sync.Once
	dir  string
	err  error
}

// RemoveBuilt removes the program that tests have built.
func RemoveBuilt() {
	if built.dir != "" {
		_ = os.RemoveAll(built.dir) // it is in the folder for what may go
	}
}

// program builds loglane, once.
func program() (string, error) {
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "loglane-chaos-"); built.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", filepath.Join(built.dir, "loglane"), "github.com/loglane/loglane/cmd/loglane").CombinedOutput()
		if err != nil {
			built.err = errors.New(string(out))
		}
	})
	return filepath.Join(built.dir, "loglane"), built.err
}

// A Program is loglane serve as a process of its own.
type Program struct {
	Addr   string
	Base   string      // with a slash at the end
	Header http.Header // of a login as alice

	t     testing.TB
	args  []string
	cmd   *exec.Cmd
	wrote *written
}

type written struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Write(p)
}

const password = "correct horse"

// Serve starts the program on a free port, with an API token that reads as alice. It ends
// with the test.
func Serve(t testing.TB, redisURL string, args ...string) *Program {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "users")
	add := exec.Command(path, "user", "add", "alice", "--auth-file", file)
	add.Stdin = strings.NewReader(password + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("user add: %v\n%s", err, out)
	}
	token, err := exec.Command(path, "token", "create", "--scope", "read", "--user", "alice", "--auth-file", file).Output()
	if err != nil {
		t.Fatalf("token create: %v", err)
	}
	return serveWith(t, redisURL, file, strings.TrimSpace(string(token)), args...)
}

// Beside starts another gateway that takes the same tokens.
func (p *Program) Beside(redisURL string, args ...string) *Program {
	p.t.Helper()
	return serveWith(p.t, redisURL, p.args[len(p.args)-1], strings.TrimPrefix(p.Header.Get("Authorization"), "Bearer "), args...)
}

// withoutLimits lets one user, and one address, open as much as a row wants. They are no flags,
// so that a row can set its own.
var withoutLimits = []string{
	"LOGLANE_MAX_STREAMS_PER_USER=20000", "LOGLANE_MAX_STREAMS=20000", "LOGLANE_MAX_CHANNELS_PER_USER=0",
	"LOGLANE_MAX_OPENS_PER_SECOND_PER_USER=0", "LOGLANE_MAX_OPENS_PER_SECOND=0", "LOGLANE_MAX_WRONG_TOKENS_PER_MINUTE=0",
}

func serveWith(t testing.TB, redisURL, file, token string, args ...string) *Program {
	t.Helper()
	p := &Program{t: t, Addr: porttest.Addr(t), Header: http.Header{"Authorization": {"Bearer " + token}}, wrote: &written{}}
	p.Base = "http://" + p.Addr + "/"
	p.args = append([]string{"serve", "--addr", p.Addr, "--redis-url", redisURL}, args...)
	p.args = append(p.args, "--auth-file", file)
	t.Cleanup(func() {
		p.End()
		if t.Failed() {
			all := p.wrote.all.String()
			t.Logf("the gateway wrote:\n%s", all[max(len(all)-3000, 0):])
		}
	})
	p.Start()
	return p
}

// Start starts the program again after its end.
func (p *Program) Start() {
	p.t.Helper()
	path, err := program()
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(path, p.args...)
	p.cmd.Env = append(os.Environ(), withoutLimits...)
	p.cmd.Stdout, p.cmd.Stderr = p.wrote, p.wrote
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		if code, err := p.Get("healthz"); err == nil && code == http.StatusOK {
			return
		} else if time.Now().After(deadline) {
			p.t.Fatalf("the gateway does not answer: %d, %v", code, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// End asks the program to end, and waits until it has.
func (p *Program) End() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	timer := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // how it ended matters to nobody here
	p.cmd = nil
}

// Admin returns the header of an API token that reads every channel; it may take a moment
// until the program knows it.
func (p *Program) Admin() http.Header {
	p.t.Helper()
	path, err := program()
	if err != nil {
		p.t.Fatal(err)
	}
	token, err := exec.Command(path, "token", "create", "--scope", "read", "--user", "ops", "--role", "admin", "--auth-file", p.args[len(p.args)-1]).Output()
	if err != nil {
		p.t.Fatalf("token create: %v", err)
	}
	return http.Header{"Authorization": {"Bearer " + strings.TrimSpace(string(token))}}
}

// Token returns the text of an API token that reads as a user; it may take a moment until
// the program knows it.
func (p *Program) Token(user string) string { return p.token("--scope", "read", "--user", user) }

// Writer returns that of one that writes to some channels.
func (p *Program) Writer(channels string) string {
	return p.token("--scope", "write", "--channel", channels)
}

func (p *Program) token(args ...string) string {
	p.t.Helper()
	path, err := program()
	if err != nil {
		p.t.Fatal(err)
	}
	token, err := exec.Command(path, append([]string{"token", "create", "--auth-file", p.args[len(p.args)-1]}, args...)...).Output()
	if err != nil {
		p.t.Fatalf("token create: %v", err)
	}
	return strings.TrimSpace(string(token))
}

// Kill ends the program as kill -9 does.
func (p *Program) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	_ = p.cmd.Wait()         // killed is what it says
	p.cmd = nil
}

// Pid is the process's number while it runs.
func (p *Program) Pid() int { return p.cmd.Process.Pid }

// Stream is the URL of alice's stream.
func (p *Program) Stream() string { return p.Base + "api/v1/stream" }

// Get asks for a path and returns the status.
func (p *Program) Get(path string) (int, error) { return p.GetAs(nil, path) }

// GetAs is Get with a header.
func (p *Program) GetAs(header http.Header, path string) (int, error) {
	client := &http.Client{Timeout: 3 * time.Second}
	defer client.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, p.Base+path, nil)
	if err != nil {
		return 0, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Body.Close()
}

// AwaitReady waits until /readyz answers so, and returns how long that took.
func (p *Program) AwaitReady(status int, within time.Duration) (time.Duration, error) {
	began := time.Now()
	for {
		code, err := p.Get("readyz")
		if err == nil && code == status {
			return time.Since(began), nil
		}
		if time.Since(began) > within {
			return 0, fmt.Errorf("/readyz answers %d, %v after %v, want %d", code, err, within, status)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// SignIn is [Program.SignInAs] alice.
func (p *Program) SignIn() (http.Header, error) { return p.SignInAs("alice") }

// SignInAs signs a user in as the page does, and returns the header that a browser would send
// from then on.
func (p *Program) SignInAs(user string) (http.Header, error) {
	form := url.Values{"username": {user}, "password": {password}}
	req, err := http.NewRequest(http.MethodPost, p.Base+"login", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", strings.TrimSuffix(p.Base, "/"))
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	header := http.Header{}
	for _, cookie := range resp.Cookies() {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	if resp.StatusCode != http.StatusSeeOther || len(header) == 0 {
		return nil, fmt.Errorf("signing in: %s", resp.Status)
	}
	return header, nil
}
