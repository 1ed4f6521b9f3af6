package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// sendingEnv is what the recipes read.
func sendingEnv(url string) []string {
	return append([]string{"LOGLANE_URL=" + url, "LOGLANE_TOKEN=llt_test", "no_proxy=127.0.0.1"}, withDjangoFile...)
}

// numbered returns "line 1" to "line n".
func numberedLines(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("line %d", i+1))
	}
	return lines
}

func nodePath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node is missing: these recipes are tested where it is")
	}
	return path
}

// TestSending lets each program send 500 lines to a gateway that loses answers and refuses
// requests: all arrive, once, in order.
func TestSending(t *testing.T) {
	stdin := strings.Join(numberedLines(500), "\n") + "\n"
	for name, c := range map[string]struct {
		stdin string
		args  func(t *testing.T, url string) []string
		query string
	}{
		"Django's handler": {args: func(t *testing.T, url string) []string {
			return []string{pythonPath(t), "testdata/python/lines.py", "--url", url, "--token", "llt_test", "--count", "500", "--rate", "500"}
		}, query: "channel=User.alice"},
		"Python's logging": {stdin: stdin, args: func(t *testing.T, _ string) []string {
			return []string{pythonPath(t), "../../examples/python/logging_http.py", "alice"}
		}, query: "user=alice"},
		"Node": {stdin: strings.ReplaceAll(stdin, "line ", `{"level":30,"owner":"alice","msg":"line `), args: func(t *testing.T, _ string) []string {
			return []string{nodePath(t), "testdata/node/pipe.mjs"}
		}, query: "user=alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := newStandIn(t)
			gateway.faulting(func(n int) bool { return n == 2 || n == 5 }, func(n int) int {
				if n == 1 || n == 4 {
					return http.StatusServiceUnavailable
				}
				return 0
			})
			if name == "Node" {
				c.stdin = strings.ReplaceAll(c.stdin, "\n", "\"}\n")
			}
			args := c.args(t, gateway.URL)
			run(t, ".", sendingEnv(gateway.URL), c.stdin, args[0], args[1:]...)
			if got := gateway.of(c.query); !slices.Equal(got, numberedLines(500)) {
				t.Errorf("%d lines are taken; the last %q", len(got), got[max(len(got)-3, 0):])
			}
		})
	}
}

// TestDjangoHandlerResends lets a gateway lose what it has acknowledged.
func TestDjangoHandlerResends(t *testing.T) {
	t.Parallel()
	gateway := newStandIn(t)
	writer := start(t, ".", sendingEnv(gateway.URL), pythonPath(t), "testdata/python/lines.py", "--url", gateway.URL,
		"--token", "llt_test", "--count", "300", "--rate", "150", "--users", "alice,bob")
	deadline := time.Now().Add(20 * time.Second)
	for len(gateway.of("channel=User.alice")) < 50 {
		if time.Now().After(deadline) {
			t.Fatal("no lines come")
		}
		<-time.After(10 * time.Millisecond)
	}
	gateway.lose()
	writer.wait()
	for i, name := range []string{"alice", "bob"} {
		var want []string
		for n := i + 1; n <= 300; n += 2 {
			want = append(want, fmt.Sprintf("line %d", n))
		}
		if got := gateway.of("channel=User." + name); !slices.Equal(got, want) {
			t.Errorf("of %s's lines %d are there: %q…", name, len(got), got[:min(len(got), 5)])
		}
	}
}

// TestDjangoHandlerSettles waits until acknowledged lines are let go: a request without lines
// asks whether the gateway still has them.
func TestDjangoHandlerSettles(t *testing.T) {
	t.Parallel()
	gateway := newStandIn(t)
	lines(t, "--url", gateway.URL, "--token", "llt_test", "--count", "3", "--kept-seconds", "1", "--patience", "2").wait()
	gateway.mu.Lock()
	defer gateway.mu.Unlock()
	c := gateway.channels["channel=User.alice"]
	if n := len(c.claims); n < 3 || c.claims[n-2] != "3,0" || c.claims[n-1] != "0,0" || len(c.numbers) != 2 || len(c.lines) != 4 {
		t.Errorf("claims %q of %d producers for the lines %q", c.claims, len(c.numbers), c.lines)
	}
}

func TestNodeRequests(t *testing.T) {
	t.Parallel()
	gateway := newStandIn(t)
	run(t, ".", sendingEnv(gateway.URL), "", nodePath(t), "testdata/node/app.mjs")
	for i, name := range []string{"alice", "bob"} {
		got := gateway.of("user=" + name)
		if len(got) != 10+1-i {
			t.Errorf("%s has the lines %q", name, got)
		}
		for _, line := range got {
			var n int
			if _, err := fmt.Sscanf(line, "after /%d", &n); line != "alice did it" && (err != nil || n%2 != i) {
				t.Errorf("%s has the line %q", name, line)
			}
		}
	}
	gateway.mu.Lock()
	defer gateway.mu.Unlock()
	for query, c := range gateway.channels {
		if strings.HasPrefix(query, "channel=job_") && len(c.lines) == 20 {
			return
		}
	}
	t.Errorf("nobody's lines are in none of %d channels", len(gateway.channels))
}

// TestSendingToAGateway lets each program send through a restart of the built gateway.
func TestSendingToAGateway(t *testing.T) {
	t.Parallel()
	redis, addr := redistest.Start(t), porttest.Addr(t)
	base, file := "http://"+addr+"/", filepath.Join(t.TempDir(), "tokens.txt")
	token := func(args ...string) string {
		return strings.TrimSpace(run(t, ".", nil, "", program(t), append([]string{"token", "create", "--auth-file", file}, args...)...))
	}
	users := map[string][]string{
		"django": {pythonPath(t), "testdata/python/lines.py", "--url", base, "--token", "TOKEN", "--users", "django", "--count", "300", "--rate", "200"},
		"python": {pythonPath(t), "../../examples/python/logging_http.py", "python"},
		"node":   {nodePath(t), "testdata/node/pipe.mjs"},
	}
	write := token("--scope", "write", "--channel", "User.*", "--channel", "job_*")
	admin := token("--scope", "read", "--user", "root", "--role", "admin")
	gateway := serveProgram(t, addr, "--auth-file", file, "--redis-url", redis.URL())

	watchers := make(map[string]*viewer)
	var senders []*process
	for name, args := range users {
		v := newViewer(base + "api/v1/stream?user=" + name)
		v.header.Set("Authorization", "Bearer "+admin)
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { v.watch(ctx) })
		t.Cleanup(func() { cancel(); watching.Wait() })
		watchers[name] = v
		args = slices.Clone(args)
		if i := slices.Index(args, "TOKEN"); i >= 0 {
			args[i] = write
		}
		stdin := strings.Join(numberedLines(300), "\n") + "\n"
		if name == "node" {
			stdin = strings.ReplaceAll(strings.ReplaceAll(stdin, "line ", `{"level":30,"owner":"node","message":"line `), "\n", "\"}\n")
		}
		env := append(sendingEnv(base), "LOGLANE_TOKEN="+write)
		senders = append(senders, startWith(t, ".", env, strings.NewReader(stdin), args[0], args[1:]...))
	}
	watchers["django"].awaitLine(t, 100, 20*time.Second)
	gateway.end()
	serveProgram(t, addr, "--auth-file", file, "--redis-url", redis.URL())
	for _, sender := range senders {
		sender.wait()
	}
	for name, v := range watchers {
		v.awaitLine(t, 300, 20*time.Second)
		if numbers := v.numbers(); len(numbers) != 300 || unbroken(numbers) != "" {
			t.Errorf("of %s come %d lines: %s", name, len(numbers), unbroken(numbers))
		}
	}
	if n := redis.MustDo("XLEN", "stream:logs:global"); n != "900" {
		t.Errorf("the global channel has %s lines", n)
	}
}

// TestSendingDrops fills the small queues of the recipes: what is dropped is counted, and told
// where it is missing.
func TestSendingDrops(t *testing.T) {
	told := regexp.MustCompile(`^(\d+) lines dropped: the queue was full$`)
	for name, args := range map[string]func(t *testing.T) []string{
		"Python": func(t *testing.T) []string { return []string{pythonPath(t), "testdata/python/drops.py"} },
		"Node":   func(t *testing.T) []string { return []string{nodePath(t), "testdata/node/drops.mjs"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := newStandIn(t)
			away := func(status int) {
				gateway.faulting(func(int) bool { return false }, func(int) int { return status })
			}
			away(http.StatusServiceUnavailable)
			read, write := io.Pipe()
			defer write.Close()
			env := append(sendingEnv(gateway.URL), "PYTHONPATH=../../examples/python")
			call := args(t)
			writer := startWith(t, ".", env, read, call[0], call[1:]...)
			deadline := time.Now().Add(20 * time.Second)
			soon := func(what string, done func() bool) {
				for !done() {
					if time.Now().After(deadline) {
						t.Fatal(what)
					}
					<-time.After(10 * time.Millisecond)
				}
			}
			soon("the lines are not written", func() bool { return strings.Contains(writer.output.String(), "written") })
			away(0)
			soon("the lines are not sent", func() bool { return len(gateway.of("user=alice")) > 0 })
			write.Close()
			writer.wait()
			got := gateway.of("user=alice")
			last := len(got) - 1
			if last < 2 || got[last] != "the last line" {
				t.Fatalf("it has sent %q", got)
			}
			dropped := told.FindStringSubmatch(got[last-1])
			if dropped == nil || dropped[1] != strconv.Itoa(100-(last-1)) || !slices.Equal(got[:last-1], numberedLines(last-1)) {
				t.Errorf("it has sent %q", got)
			}
		})
	}
}
