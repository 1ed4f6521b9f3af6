package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/logship"
)

// A gate is before a gateway, and notes who comes sooner than told.
type gate struct {
	*httptest.Server
	mu      sync.Mutex
	refused int
	early   []string
	next    time.Time // when Retry-After lets the sender come again
}

func newGate(t *testing.T, gateway string) *gate {
	t.Helper()
	to, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: g.answered,
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		if left := time.Until(g.next); left > 0 {
			g.early = append(g.early, left.String())
		}
		g.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

// answered notes a refusal; the time counts from before the sender has it.
func (g *gate) answered(r *http.Response) error {
	if r.StatusCode != http.StatusTooManyRequests {
		return nil
	}
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		return fmt.Errorf("Retry-After: %q", r.Header.Get("Retry-After"))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused++
	g.next = time.Now().Add(time.Duration(seconds) * time.Second)
	return nil
}

// shipNumbered logs lines with logship through a gate.
func shipNumbered(t *testing.T, url, token, user string, lines []string) {
	sink, err := logship.NewGateway(url, &logship.GatewayOptions{Token: token})
	if err != nil {
		t.Error(err)
		return
	}
	defer sink.Close()
	handler := logship.NewHandler(sink, nil)
	log, ctx := slog.New(handler), logship.WithUser(t.Context(), user)
	for _, line := range lines {
		log.InfoContext(ctx, line)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if err := handler.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// TestSendingFasterThanTheRate lets each program send more than its token may: it waits as it
// is told, and each line arrives once and in order.
func TestSendingFasterThanTheRate(t *testing.T) {
	for setting, flags := range map[string][]string{
		"max-ingest-lines-per-second": {"--max-ingest-lines-per-second", "100"},
		"max-ingest-bytes-per-second": {"--max-ingest-bytes-per-second", "8192"},
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, slices.Concat(muchKeptFlags, flags)...)
			admin := s.reads("root", "--role", "admin")
			var senders sync.WaitGroup
			for _, name := range []string{"logship", "send", "django", "python", "node"} {
				token := s.writes("User." + name)
				g := newGate(t, s.url(0))
				v := newViewer(s.url(0) + "api/v1/stream?user=" + name)
				v.header.Set("Authorization", "Bearer "+admin)
				ctx, cancel := context.WithCancel(t.Context())
				var watching sync.WaitGroup
				watching.Go(func() { v.watch(ctx) })
				t.Cleanup(func() { cancel(); watching.Wait() })
				send := s.sendNumbered(name, g.URL, token, 1000)
				senders.Go(func() {
					send()
					v.awaitLines(t, name, 1000)
					g.judge(t, name)
				})
			}
			senders.Wait()
		})
	}
}

// judge fails a sender that was never refused, or came again too early.
func (g *gate) judge(t *testing.T, name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused == 0 || len(g.early) > 0 {
		t.Errorf("%s was told to wait %d times, and comes early by %q", name, g.refused, g.early)
	}
	t.Logf("%s was told to wait %d times", name, g.refused)
}

// awaitLines wants exactly n numbered lines.
func (v *viewer) awaitLines(t *testing.T, name string, n int) {
	deadline := time.After(20 * time.Second)
	for len(v.numbers()) < n {
		select {
		case <-time.After(20 * time.Millisecond):
			continue
		case <-deadline:
		}
		break
	}
	if numbers := v.numbers(); len(numbers) != n || numbers[0] != 1 || unbroken(numbers) != "" {
		t.Errorf("of %s come %d lines: %s", name, len(numbers), unbroken(numbers))
	}
}

// sendNumbered starts what sends numbered lines to the user of its name; the result waits for it.
func (s *site) sendNumbered(name, url, token string, n int) (wait func()) {
	lines := numberedLines(n)
	stdin := strings.Join(lines, "\n") + "\n"
	args := map[string][]string{
		"send":   {program(s.t), "send", "--user", name},
		"django": {pythonPath(s.t), "testdata/python/lines.py", "--url", url, "--token", token, "--users", name, "--count", strconv.Itoa(n), "--flush-seconds", "90"},
		"python": {pythonPath(s.t), "testdata/python/patient.py", name},
		"node":   {nodePath(s.t), "testdata/node/patient.mjs"},
	}[name]
	switch name {
	case "logship":
		return func() { shipNumbered(s.t, url, token, name, lines) }
	case "node":
		stdin = strings.ReplaceAll(strings.ReplaceAll(stdin, "line ", `{"level":30,"owner":"node","message":"line `), "\n", "\"}\n")
	}
	env := append(sendingEnv(url), "LOGLANE_TOKEN="+token, "PYTHONPATH=../../examples/python:../../examples/django")
	sender := startWith(s.t, ".", env, strings.NewReader(stdin), args[0], args[1:]...)
	return func() {
		if code := sender.code(120 * time.Second); code != 0 {
			s.t.Errorf("%s ends with %d", name, code)
		}
	}
}
