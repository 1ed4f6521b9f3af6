package e2e

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	// endsWithin is the promise for a stream whose token is revoked or has expired; the
	// best of two gateways counts, for the machine has more to do.
	endsWithin = time.Second
	// endsSurely is for each of them.
	endsSurely = 5 * time.Second
)

// A held is a stream that is held open with a token.
type held struct {
	ended chan struct{}
	at    time.Time // of its end
	body  bytes.Buffer
}

// hold opens a stream on gateway i, and returns once it has begun.
func (s *site) hold(i int, token string) *held {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url(i)+"api/v1/stream", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("the stream: %s", resp.Status)
	}
	h := &held{ended: make(chan struct{})}
	go func() {
		defer close(h.ended)
		defer resp.Body.Close()
		_, err := h.body.ReadFrom(resp.Body)
		h.at = time.Now()
		if err != nil {
			h.body.WriteString(err.Error())
		}
	}()
	return h
}

// wantEnds wants streams to end in time, cleanly and with the reason.
func wantEnds(t *testing.T, streams []*held, after time.Time, reason string) {
	t.Helper()
	best := time.Hour
	for _, h := range streams {
		select {
		case <-h.ended:
		case <-time.After(time.Until(after.Add(endsSurely))):
			t.Fatalf("%v after its token is %s the stream is open", endsSurely, reason)
		}
		took := h.at.Sub(after)
		t.Logf("%s: it ends after %v", reason, took.Round(time.Millisecond))
		best = min(best, took)
		if want := "event: auth\ndata: {\"reason\":\"" + reason + "\"}\n\n"; !strings.HasSuffix(h.body.String(), want) {
			t.Errorf("it ends with %q and not %q", h.body.String(), want)
		}
	}
	if best > endsWithin {
		t.Errorf("streams end %v after their token is %s, at most %v is promised", best, reason, endsWithin)
	}
}

// TestTokensEnd revokes a token, and lets one expire, while both gateways that share the
// file have a stream with each and one with another token.
func TestTokensEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	revoked, stays := s.reads("alice"), s.reads("alice")
	const life = 5 * time.Second
	made := time.Now()
	expiring := s.reads("alice", "--expires", life.String())
	expires := time.Now().Add(life) // at the latest
	var toRevoke, toExpire, toStay []*held
	for i := range s.addrs {
		toRevoke, toExpire, toStay = append(toRevoke, s.hold(i, revoked)), append(toExpire, s.hold(i, expiring)), append(toStay, s.hold(i, stays))
	}
	id := strings.Split(revoked, "_")[1]
	run(t, ".", nil, "", program(t), "token", "revoke", id, "--auth-file", s.file)
	now := time.Now()
	wantEnds(t, toRevoke, now, "revoked")
	for i := range s.addrs {
		if a := s.call(i, revoked, "GET", "api/v1/logs", nil); a.code != http.StatusUnauthorized {
			t.Errorf("a revoked token: %d %s", a.code, a.body)
		}
	}
	wantEnds(t, toExpire, expires, "expired")
	for i, h := range toExpire {
		if h.at.Before(made.Add(life - time.Second)) { // the file counts in seconds
			t.Errorf("it ends %v after the token was made for %v", h.at.Sub(made), life)
		}
		if a := s.call(i, expiring, "GET", "api/v1/logs", nil); a.code != http.StatusUnauthorized {
			t.Errorf("an expired token: %d %s", a.code, a.body)
		}
	}
	for i, h := range toStay {
		select {
		case <-h.ended:
			t.Errorf("another token's stream ends: %q", h.body.String())
		default:
		}
		if a := s.call(i, stays, "GET", "api/v1/logs", nil); a.code != http.StatusOK {
			t.Errorf("another token: %d %s", a.code, a.body)
		}
		s.gateways[i].end()
		<-h.ended
	}
}

// TestTokensKeepToTheirScope wants a token to do no more than it was made for.
func TestTokensKeepToTheirScope(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	reads, writes, root := s.reads("alice"), s.writes("User.alice"), s.reads("root", "--role", "admin")
	if a := s.call(0, writes, "POST", "api/v1/logs?user=alice", []byte("mine")); a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.body)
	}
	for _, c := range []struct {
		name, token, method, path string
		want                      int
	}{
		{"alice reads hers", reads, "GET", "api/v1/logs", 200},
		{"alice reads hers by name", reads, "GET", "api/v1/logs?user=alice", 200},
		{"alice reads bob's", reads, "GET", "api/v1/logs?user=bob", 403},
		{"alice reads bob's stream", reads, "GET", "api/v1/stream?follow=0&channel=User.bob", 403},
		{"alice reads nobody's", reads, "GET", "api/v1/logs?user=nobody", 403},
		{"alice reads global", reads, "GET", "api/v1/logs?channel=global", 403},
		{"alice lists channels", reads, "GET", "api/v1/channels", 403},
		{"alice writes", reads, "POST", "api/v1/logs?user=alice", 403},
		{"alice purges", reads, "DELETE", "api/v1/logs?user=alice", 403},
		{"root's token purges", root, "DELETE", "api/v1/logs?user=alice", 403},
		{"root's token writes", root, "POST", "api/v1/logs?user=alice", 403},
		{"root's token reads alice's", root, "GET", "api/v1/logs?user=alice", 200},
		{"the writer reads", writes, "GET", "api/v1/logs", 403},
		{"the writer reads what it wrote", writes, "GET", "api/v1/logs?user=alice", 403},
		{"the writer follows", writes, "GET", "api/v1/stream?follow=0", 403},
		{"the writer writes bob's", writes, "POST", "api/v1/logs?user=bob", 403},
		{"the writer writes global", writes, "POST", "api/v1/logs?channel=global", 403},
		{"another's secret", reads[:len(reads)-1] + "!", "GET", "api/v1/logs", 401},
		{"no token", "", "GET", "api/v1/logs", 401},
	} {
		var body []byte
		if c.method == "POST" {
			body = []byte("not mine")
		}
		if a := s.call(0, c.token, c.method, c.path, body); a.code != c.want || c.want >= 400 && !strings.HasPrefix(a.body, `{"error":"`) {
			t.Errorf("%s: %d, want %d: %s", c.name, a.code, c.want, a.body)
		}
	}
	if got := s.messages(s.call(0, root, "GET", "api/v1/logs?channel=global", nil).body); len(got) != 1 || got[0] != "mine" {
		t.Errorf("the global channel has %q", got)
	}
}
