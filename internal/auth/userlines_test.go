package auth

import (
	"strings"
	"testing"

	"github.com/loglane/loglane"
)

// FuzzUserLines: what is read is written so that the same is read again, no two users
// share a channel, and no two tokens an id.
func FuzzUserLines(f *testing.F) {
	const hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
	const sum = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
	f.Add(fileHeader)
	f.Add("user alice viewer " + hash + "\n# comment\n\nuser \"b \\\" c\\\\\" admin " + hash)
	f.Add("\ufeff\tuser  Zo\u00eb\toperator " + hash + "\r\nuser Zoe\u0308 admin " + hash)
	f.Add("user alice viewer " + hash + " kX3hTq0aZ_Lw\nuser bob viewer " + hash + "\t-")
	f.Add("user \"\\u00e9\\n\\x41\" viewer " + hash + "\nuser \"unfinished")
	f.Add("token abcdefghijkl read " + sum + " - \"a b\" admin\ntoken 0123456789 write\t" + sum + " 2027-01-31T00:00:00.5+01:00 User.x job_* *")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := parseUserLines([]byte(text), loglane.DefaultTemplate)
		if err != nil {
			return
		}
		channels := map[string]bool{}
		tokens := map[string]bool{}
		for _, line := range lines {
			if line.token != nil {
				again, err := parseUserLine(formatToken(*line.token).text, loglane.DefaultTemplate)
				if err != nil || !again.token.same(*line.token) || tokens[line.token.ID] {
					t.Fatalf("%+v is read back as %+v, %v, or stands twice", *line.token, again.token, err)
				}
				tokens[line.token.ID] = true
			}
			if line.user == nil {
				continue
			}
			if channels[line.user.Channel] {
				t.Fatalf("the channel %q belongs to two users", line.user.Channel)
			}
			channels[line.user.Channel] = true
			again, err := parseUserLine(formatUser(*line.user).text, loglane.DefaultTemplate)
			if err != nil || *again.user != *line.user {
				t.Fatalf("%+v is read back as %+v, %v", *line.user, again.user, err)
			}
		}
		written := formatUserLines(lines)
		again, err := parseUserLines(written, loglane.DefaultTemplate)
		if err != nil || len(again) != len(lines) || strings.Contains(string(written), byteOrderMark+"user") {
			t.Fatalf("%q is read back as %d lines instead of %d: %v", written, len(again), len(lines), err)
		}
		for i := range lines {
			if (again[i].user == nil) != (lines[i].user == nil) || lines[i].user != nil && *again[i].user != *lines[i].user ||
				(again[i].token == nil) != (lines[i].token == nil) || lines[i].token != nil && !again[i].token.same(*lines[i].token) {
				t.Fatalf("line %q is read back as %q", lines[i].text, again[i].text)
			}
		}
	})
}
