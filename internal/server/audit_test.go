package server_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/audit"
)

// audited is a gateway with an audit of its own.
func audited(t *testing.T, change func(*setup)) (g *gateway, entries func() []audit.Entry) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.Open(audit.Options{Path: path})
	must(t, err)
	t.Cleanup(func() { must(t, log.Close()) })
	g = newGateway(t, func(s *setup) {
		s.Audit = log
		if change != nil {
			change(s)
		}
	})
	return g, func() (all []audit.Entry) {
		t.Helper()
		must(t, log.Commit(t.Context(), audit.Entry{Action: "mark"})) // what was noted before is written
		text, err := os.ReadFile(path)
		must(t, err)
		for line := range strings.Lines(string(text)) {
			var e audit.Entry
			must(t, json.Unmarshal([]byte(line), &e))
			if e.Action != "mark" {
				all = append(all, e)
			}
		}
		return all
	}
}

// short is what a test compares of an entry.
func short(e audit.Entry) string {
	return strings.Join([]string{e.Action, e.Outcome, e.Who, e.Role, e.Way, e.Channel, e.Asked, e.From}, "|")
}

func TestTheAuditHasWhatItShould(t *testing.T) {
	g, entries := audited(t, nil)
	publish(t, g, "logs:User.alice", "one")
	publish(t, g, "logs:User.alice", "two")
	adam := g.as("adam")
	v := adam.open("api/v1/stream?user=alice")
	v.until("two")
	v.close()
	eventually(t, func() bool { return g.hub.Stats().Streams == 0 })
	adam.get("api/v1/logs?channel=User.alice")
	adam.get("api/v1/channels?prefix=User.")
	adam.do(adam.request(http.MethodDelete, "api/v1/logs?user=alice", nil))
	adam.form("logout", nil)
	bob := g.as("bob")
	bob.get("api/v1/stream?user=alice")
	bob.get("api/v1/stream")
	bob.get("api/v1/logs")
	nobody := g.as("")
	nobody.form("login", url.Values{"username": {"alice"}, "password": {"wr0ng horse"}})
	nobody.form("login", url.Values{"username": {"correct horse typed here"}, "password": {password}})
	nobody.get("api/v1/stream")
	nobody.form("logout", nil)
	sender := g.with("write")
	sender.do(sender.request(http.MethodPost, "api/v1/logs?user=bob", strings.NewReader("x")))
	sender.do(sender.request(http.MethodPost, "api/v1/logs?user=alice", strings.NewReader("x")))
	nobody.headers = http.Header{"Authorization": {"Bearer llt_aaaaaaaaaaaa_" + strings.Repeat("A", 43)}}
	nobody.get("api/v1/stream")

	want := []string{
		"sign-in|allowed|adam|admin|password|||127.0.0.1",
		"stream|allowed|adam|admin|password|logs:User.alice|alice|127.0.0.1",
		"stream|ended|adam|admin|password|logs:User.alice||127.0.0.1",
		"history|allowed|adam|admin|password|logs:User.alice|User.alice|127.0.0.1",
		"list|allowed|adam|admin|password||User.|127.0.0.1",
		"purge|allowed|adam|admin|password|logs:User.alice|alice|127.0.0.1",
		"sign-out|allowed|adam|admin|password|||127.0.0.1",
		"sign-in|allowed|bob|viewer|password|||127.0.0.1",
		"stream|refused|bob|viewer|password|logs:User.alice|alice|127.0.0.1",
		"sign-in|refused|alice||password|||127.0.0.1",
		"sign-in|refused|||password|||127.0.0.1",
		"write|refused|token:|viewer|token|logs:User.bob|bob|127.0.0.1",
		"enter|refused|||token|||127.0.0.1",
	}
	reasons := map[int]string{0: "", 1: "", 8: "role", 9: "credentials", 10: "credentials", 11: "scope", 12: "unknown-token"}
	got := entries()
	for i, e := range got {
		if e.Token != "" {
			e.Who = strings.TrimSuffix(e.Who, e.Token)
		}
		if reason, found := reasons[i]; found && e.Reason != reason {
			t.Errorf("line %d has the reason %q, want %q", i, e.Reason, reason)
		}
		if i >= len(want) || short(e) != want[i] {
			t.Errorf("line %d is %s", i, short(e))
		}
		if e.Outcome == audit.Ended && (e.Lines == nil || *e.Lines != 2 || e.Seconds == nil || *e.Seconds < 0 || e.Reason != "gone") {
			t.Errorf("the stream's end is %+v", e)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}

// Lines that name channels which their token may not write to are one entry for each channel,
// and no more than a few for a request.
func TestTheAuditHasLinesThatWereRefused(t *testing.T) {
	g, entries := audited(t, withKnownTokens)
	var body strings.Builder
	for range 500 {
		body.WriteString(`{"message":"c4n4ry","user":"bob"}` + "\n" + `{"message":"mine","user":"alice"}` + "\n" + `{"message":"no channel"}` + "\n" + `{"context":"User.carol"}` + "\n")
	}
	if a := g.post("alice", "", body.String(), ndjson...); a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.body)
	}
	body.Reset()
	for i := range 2000 {
		fmt.Fprintf(&body, `{"user":"guest%d"}`+"\n", i)
	}
	for i := range 2000 { // too many channels: nothing of it is stored, and it is told all the same
		fmt.Fprintf(&body, `{"context":"job_%d"}`+"\n", i)
	}
	if a := g.post("alice", "", body.String(), ndjson...); a.code != http.StatusRequestEntityTooLarge {
		t.Fatalf("%d %s", a.code, a.body)
	}
	want := []string{"logs:User.bob 500", "logs:User.carol 500"}
	for i := range 10 {
		want = append(want, fmt.Sprintf("logs:User.guest%d 1", i))
	}
	want = append(want, " 1990")
	var got []string
	for _, e := range entries() {
		if e.Lines == nil || e.Action != "write" || e.Outcome != audit.Refused || e.Token != "t-alice" || e.Reason != "scope" || e.From != "127.0.0.1" {
			t.Errorf("%+v", e)
			continue
		}
		got = append(got, fmt.Sprint(e.Channel, " ", *e.Lines))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if strings.Contains(g.log.String(), "c4n4ry") {
		t.Errorf("the log has the line: %s", g.log)
	}
}

// What a proxy forwards is believed of a trusted one only, the request's id too.
func TestTheAuditTellsFromWhere(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		g, entries := audited(t, func(s *setup) {
			if trusted {
				s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}
		})
		bob := g.as("bob")
		bob.headers = http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Request-Id": {"req-1"}}
		bob.get("api/v1/stream?user=alice")
		bob.headers.Set("X-Request-Id", "a\tb")
		bob.get("api/v1/stream?user=alice")
		got := entries()
		first, second := got[len(got)-2], got[len(got)-1]
		if (first.From == "203.0.113.9") != trusted || (first.Request == "req-1") != trusted || second.Request != "" {
			t.Errorf("trusted: %v: %+v, %+v", trusted, first, second)
		}
	}
}

// Secrets of all kinds go through the gateway, and none of them is in its audit or its log.
func TestTheAuditHasNoSecrets(t *testing.T) {
	g, entries := audited(t, nil)
	const canary = "c4n4ry"
	publish(t, g, "logs:User.alice", canary+" in a record")
	adam := g.as("adam")
	cookie := adam.cookies[0].Value
	adam.headers = http.Header{"X-Secret": {canary}, "Referer": {"http://x/?" + canary}, "Last-Event-Id": {"0"}}
	adam.get("api/v1/logs?user=alice&q=" + canary)
	v := adam.open("api/v1/stream?user=alice&q=" + canary)
	v.until(canary)
	v.close()
	eventually(t, func() bool { return g.hub.Stats().Streams == 0 })
	nobody := g.as("")
	nobody.form("login", url.Values{"username": {"alice"}, "password": {canary}})
	nobody.form("login", url.Values{"username": {canary}, "password": {"alice"}})
	for _, authorization := range []string{"Bearer llt_aaaaaaaaaaaa_" + canary, "Basic " + canary, "Bearer " + canary} {
		nobody.headers = http.Header{"Authorization": {authorization}, "Cookie": {"loglane=" + canary + "; __Host-loglane=" + canary}}
		nobody.get("api/v1/stream")
	}
	sender := g.with("write")
	for _, user := range []string{"bob", "alice"} {
		sender.do(sender.request(http.MethodPost, "api/v1/logs?user="+user, strings.NewReader(canary)))
	}
	text, err := json.Marshal(entries())
	must(t, err)
	for name, log := range map[string]string{"audit": string(text), "log": g.log.String()} {
		for _, secret := range []string{canary, cookie, g.tokens["write"], password} {
			if strings.Contains(log, secret) {
				t.Errorf("the %s has %q:\n%s", name, secret, log)
			}
		}
	}
}

// Where the audit is required and cannot be written, others' channels stay closed, and the
// own ones open.
func TestWithoutTheAuditOthersChannelsAreClosed(t *testing.T) {
	for _, required := range []bool{false, true} {
		log, err := audit.Open(audit.Options{Path: filepath.Join(t.TempDir(), "audit.jsonl"), Logger: slog.New(slog.DiscardHandler)})
		must(t, err)
		g := newGateway(t, func(s *setup) { s.Audit, s.AuditRequired = log, required })
		adam := g.as("adam")
		for _, open := range []bool{true, false} {
			for request, code := range map[string]int{
				"GET api/v1/stream?user=alice": 200, "GET api/v1/logs?user=alice": 200, "GET api/v1/channels": 200,
				"DELETE api/v1/logs?user=alice": 204, "GET api/v1/stream": 200, "GET api/v1/logs": 200,
			} {
				own := !strings.Contains(request, "?") && !strings.Contains(request, "channels")
				if !open && required && !own {
					code = http.StatusServiceUnavailable
				}
				method, path, _ := strings.Cut(request, " ")
				if a := adam.do(adam.request(method, path, nil)); a.code != code || code == 503 && !strings.Contains(a.body, "audit-required") {
					t.Errorf("required: %v, can be written: %v, %s: %d %s, want %d", required, open, request, a.code, a.body, code)
				}
			}
			must(t, log.Close())
		}
	}
}
