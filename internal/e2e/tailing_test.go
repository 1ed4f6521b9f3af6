package e2e

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/logship"
)

// A flow is a program that logs alice's lines through logship at an even pace.
type flow struct {
	end     chan struct{}
	running sync.WaitGroup
	handler *logship.Handler
	count   int // once it has stopped
}

// startFlow logs "line 1", "line 2" and so on, at a rate of lines a second.
func startFlow(s *site, rate int) *flow {
	f := &flow{end: make(chan struct{}), handler: logship.NewHandler(openRedis(s.t, s.redis, muchKept), nil)}
	ctx, log := logship.WithUser(s.t.Context(), "alice"), slog.New(f.handler)
	f.running.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for begin := time.Now(); ; {
			for due := int(time.Since(begin).Seconds() * float64(rate)); f.count < due; {
				f.count++
				log.InfoContext(ctx, fmt.Sprint("line ", f.count))
			}
			select {
			case <-tick.C:
			case <-f.end:
				return
			}
		}
	})
	return f
}

// stop ends it, once all is in Redis.
func (f *flow) stop(t *testing.T) {
	t.Helper()
	close(f.end)
	f.running.Wait()
	if err := f.handler.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// await waits until an output is as wanted.
func (o *output) await(t *testing.T, within time.Duration, done func(string) bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !done(o.String()) {
		if time.Now().After(deadline) {
			text := o.String()
			t.Fatalf("it does not come within %v; the end of what did: %q", within, text[max(len(text)-300, 0):])
		}
		<-time.After(20 * time.Millisecond)
	}
}

// TestTailWhileGatewaysRestart ends the gateways of a tail that is piped into jq three
// times, under a load of lines.
func TestTailWhileGatewaysRestart(t *testing.T) {
	for name, gateways := range map[string]int{"one": 1, "two behind one port": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, gateways, muchKeptFlags...)
			url := s.url(0)
			if gateways > 1 {
				url = "http://" + newTurns(t, s.addrs) + "/"
			}
			tail, jq := s.command(url, s.reads("alice"), "tail", "-n", "all", "-o", "json"), exec.Command("jq", "--unbuffered", "-c", ".")
			notices, tailing, reading := pipe(t, tail, jq)
			lines := startFlow(s, scaled(1000))
			begin := time.Now()
			more := func() {
				seen := strings.Count(reading.output.String(), "\n")
				reading.output.await(t, 20*time.Second, func(text string) bool { return strings.Count(text, "\n") > seen+scaled(500) })
			}
			more()
			for i := range 3 { // each time it is the gateway that the tail reads from
				if gateway := s.gateways[i%gateways]; i < 2 {
					gateway.end()
				} else {
					gateway.kill()
				}
				s.serve(i % gateways)
				notices.await(t, 20*time.Second, func(text string) bool { return strings.Count(text, ", nothing lost\n") == i+1 })
				more()
			}
			lines.stop(t)
			last := fmt.Sprintf(`"line %d"`, lines.count)
			reading.output.await(t, 20*time.Second, func(text string) bool { return strings.Contains(text, last) })
			t.Logf("%d lines in %v; it tells\n%s", lines.count, time.Since(begin).Round(time.Millisecond), notices)
			if err := tail.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
			if code := tailing.code(5 * time.Second); code != 130 {
				t.Errorf("Ctrl-C ends it with %d", code)
			}
			if code := reading.code(5 * time.Second); code != 0 {
				t.Errorf("jq: %d", code)
			}
			wantNumbered(t, s.messages(reading.output.String()), lines.count)
		})
	}
}

// wantNumbered wants "line 1" to "line n", each once and in order.
func wantNumbered(t *testing.T, got []string, n int) {
	t.Helper()
	want := numberedLines(n)
	for i := range max(len(got), n) {
		if i >= len(got) || i >= n || got[i] != want[i] {
			t.Errorf("of %d lines %d are there; from %d on: %q", n, len(got), i+1, got[i:min(len(got), i+5)])
			return
		}
	}
}

// pipe starts a command and one that reads its output.
func pipe(t *testing.T, from, to *exec.Cmd) (notices *output, writer, reader *process) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	notices = &output{}
	from.Stdout, from.Stderr, to.Stdin = w, notices, r
	return notices, startCommand(t, from), startCommand(t, to)
}
