package server_test

import (
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redact"
)

// What is sent over HTTP is cleaned before it is stored, in both of its channels, and counted.
func TestSentSecretsAreTakenOut(t *testing.T) {
	redactor, err := redact.New(redact.Options{Keys: []string{"pin"}})
	must(t, err)
	for _, on := range []bool{true, false} {
		g := newGateway(t, func(s *setup) {
			s.tokens, s.MaxLine = knownTokens{"all": {Name: "all", Token: "tokenall", Writes: []string{"*"}}}, 2<<10
			if on {
				s.Redact = redactor
			}
		})
		for _, body := range []string{
			`{"message":"a","user":"alice","password":"CANARY","pin":17,"attrs":{"list":[{"api_key":"CANARY"}]}}` + "\n" +
				` { "message" : "Bearer CANARY99", "user":"alice" } `,
			`{"message":"` + strings.Repeat("x", 1<<11-30) + ` ghp_CANARY7890123456789012345678901234","user":"alice"}`,
		} {
			if a := g.post("all", "", body, ndjson...); a.code != 200 || !strings.Contains(a.body, `"rejected":[]`) {
				t.Fatalf("%d %s", a.code, a.body)
			}
		}
		if a := g.post("all", "?user=alice", "password=CANARY\n\nplain\n"); a.code != 200 {
			t.Fatalf("%d %s", a.code, a.body)
		}
		for _, channel := range []string{"logs:User.alice", loglane.GlobalChannel} {
			page, err := g.broker.Read(t.Context(), channel, loglane.Oldest(), 100)
			must(t, err)
			if len(page.Entries) != 5 {
				t.Fatalf("%d lines in %s", len(page.Entries), channel)
			}
			all := ""
			for _, entry := range page.Entries {
				all += string(entry.Data) + "\n"
			}
			if strings.Contains(all, "CANARY") == on || strings.Contains(all, `"[redacted]","pin":"[redacted]"`) != on {
				t.Errorf("redaction %v, %s:\n%s", on, channel, all)
			}
		}
		if n := g.server.Redacted(); on && n != 6 || !on && n != 0 {
			t.Errorf("redaction %v: %d are counted", on, n)
		}
	}
}
