package e2e

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPurgeOverTheProgram empties alice's history on one of two gateways, by the login of an
// admin: viewers on both go on, and who comes later sees nothing from before.
func TestPurgeOverTheProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	writes, reads := s.writes("User.alice"), s.reads("alice")
	watch := func(i int) *viewer {
		v := newViewer(s.url(i) + "api/v1/stream")
		v.header.Set("Authorization", "Bearer "+reads)
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { v.watch(ctx) })
		t.Cleanup(func() { cancel(); watching.Wait() })
		return v
	}
	write := func(from, to int) {
		t.Helper()
		body := strings.Join(numberedLines(to)[from-1:], "\n")
		if a := s.call(0, writes, "POST", "api/v1/logs?user=alice", []byte(body)); a.code != http.StatusOK {
			t.Fatalf("%d %s", a.code, a.body)
		}
	}
	viewers := []*viewer{watch(0), watch(1)}
	write(1, 10)
	for _, v := range viewers {
		v.awaitLine(t, 10, 10*time.Second)
	}
	s.purge("alice")
	// The other gateway hears of it by a notice, which may be under way still: who comes
	// sees nothing all the same.
	if got := s.call(1, reads, "GET", "api/v1/stream?follow=0", nil, "Accept", "text/plain").body; got != "" {
		t.Fatalf("the other gateway has %q still", got)
	}
	late := []*viewer{watch(0), watch(1)} // before a line comes that would tell
	for i := range s.addrs {
		if got := s.messages(s.call(i, reads, "GET", "api/v1/logs", nil).body); len(got) != 0 {
			t.Errorf("gateway %d has %q in the history still", i, got)
		}
	}
	for _, v := range late { // an id comes once it has what there is
		v.await(t, "a cursor", 10*time.Second, func([]shown) bool {
			v.mu.Lock()
			defer v.mu.Unlock()
			return v.cursor != ""
		})
		if got := v.numbers(); len(got) != 0 {
			t.Errorf("who comes at once gets %v", got)
		}
	}
	write(11, 12)
	late = append(late, watch(0), watch(1))
	for i, v := range append(viewers, late...) {
		v.awaitLine(t, 12, 10*time.Second)
		first := 1
		if i >= len(viewers) {
			first = 11
		}
		if got := v.numbers(); got[0] != first || unbroken(got) != "" || len(gaps(v.all())) > 0 {
			t.Errorf("viewer %d gets %v, gaps %v", i, got, gaps(v.all()))
		}
	}
	if log := s.gateways[0].output.String(); !strings.Contains(log, "audit") || !strings.Contains(log, "root") {
		t.Error("the gateway's log has no audit of it")
	}
	if global := s.kept("global"); global != 12 {
		t.Errorf("the global channel has %d lines, not 12", global)
	}
}

// purge empties a user's history on the first gateway, by the login of an admin.
func (s *site) purge(user string) {
	s.t.Helper()
	browser := newBrowser(s.t)
	if answer := enter(s.t, browser, s.url(0), "root"); answer.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("signing in: %s", answer.Status)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodDelete, s.url(0)+"api/v1/logs?"+url.Values{"channel": {"User." + user}}.Encode(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := browser.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		s.t.Fatalf("DELETE: %s", answer.Status)
	}
}
