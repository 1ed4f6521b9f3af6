package loglane_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

func TestEncodeName(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"plain", "alice", "alice"},
		{"what needs no encoding", "Al.ice_9-x@b:c/d*?[~", "Al.ice_9-x@b:c/d*?[~"},
		{"space", "a b", "a%20b"},
		{"controls", "a\x00\n\x1f\x7fb", "a%00%0A%1F%7Fb"},
		{"C1 controls", "a\u0080\u0085\u009fb", "a%C2%80%C2%85%C2%9Fb"},
		{"braces and per cent", "{a}%", "%7Ba%7D%25"},
		{"twice encoded", "%20", "%2520"},
		{"just beyond the controls", "!\u00a0~", "!\u00a0~"},
		{"decomposed", "e\u0301", "é"},
		{"composed", "é", "é"},
		{"singleton", "\u212b", "Å"},
		{"beyond the BMP", "😀", "😀"},
		{"longest", strings.Repeat("x", 200), strings.Repeat("x", 200)},
		{"a reserved word is no matter here", "global", "global"},
	}
	for _, c := range cases {
		if got, err := loglane.EncodeName(c.in); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	for name, in := range map[string]string{
		"empty": "", "not UTF-8": "a\xff", "201 bytes": strings.Repeat("x", 201),
		"201 bytes once encoded": strings.Repeat(" ", 67), "201 bytes in letters": strings.Repeat("é", 100) + "x",
	} {
		if got, err := loglane.EncodeName(in); err == nil || err.Error() == "" {
			t.Errorf("%s: %q without an error", name, got)
		}
	}
}

func TestTemplates(t *testing.T) {
	for template, want := range map[string]string{
		"User.{username}": "logs:User.alice", "u-{username}-x": "logs:u-alice-x", "globals.{username}": "logs:globals.alice",
		"jobs.{username}": "logs:jobs.alice", "g{username}": "logs:galice", "job.{username}": "logs:job.alice",
	} {
		parsed, err := loglane.ParseTemplate(template)
		if err != nil {
			t.Errorf("%s: %v", template, err)
			continue
		}
		if got, err := parsed.Channel("alice"); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", template, got, err, want)
		}
		if parsed.String() != template {
			t.Errorf("%s writes as %s", template, parsed)
		}
	}
	for name, template := range map[string]string{
		"empty": "", "no name": "User.", "no literal": "{username}", "no literal before": "{username}.User",
		"twice": "a{username}{username}", "job": "job_{username}", "part of job": "jo{username}", "in job": "job_x{username}",
		"control": "ll:{username}", "part of control": "l{username}", "a space": "a b{username}", "a brace": "a{b{username}",
		"another mark": "User.{user}", "a line break": "a\n{username}", "not UTF-8": "a\xff{username}", "too long": strings.Repeat("a", 512) + "{username}",
	} {
		if parsed, err := loglane.ParseTemplate(template); err == nil || !strings.Contains(err.Error(), "example") {
			t.Errorf("%s: %q gives %v, error %v", name, template, parsed, err)
		}
	}
	if loglane.DefaultTemplate.String() != "User.{username}" {
		t.Errorf("the default is %s", loglane.DefaultTemplate)
	}
}

func TestNoNameReachesAReservedContext(t *testing.T) {
	template, err := loglane.ParseTemplate("glo{username}")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := template.Context("bal"); err == nil {
		t.Errorf("the name gives %q", got)
	}
	if got, err := template.Context("balx"); err != nil || got != "globalx" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestChannelName(t *testing.T) {
	for context, want := range map[string]string{
		"User.alice": "logs:User.alice", "global": loglane.GlobalChannel, "a%20b": "logs:a%20b", "é": "logs:é",
		strings.Repeat("x", 512): "logs:" + strings.Repeat("x", 512),
	} {
		got, err := loglane.ChannelName(context)
		if err != nil || got != want || loglane.ContextOf(got) != context {
			t.Errorf("%.20q: %.30q, %v", context, got, err)
		}
	}
	for _, context := range []string{"", "a b", "a{b", "a}b", "a\n", "a\x00", "\x7f", "\u0085", "ll:control", "\xff", strings.Repeat("x", 513)} {
		if got, err := loglane.ChannelName(context); err == nil {
			t.Errorf("%.20q: %q without an error", context, got)
		}
	}
}

func TestJobContext(t *testing.T) {
	form := regexp.MustCompile(`^job_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a, b := loglane.NewJobContext(), loglane.NewJobContext()
	if a == b || !form.MatchString(a) {
		t.Errorf("%s, %s", a, b)
	}
	if _, err := loglane.ChannelName(a); err != nil {
		t.Error(err)
	}
}

// Two names are one channel only if they are one name; no name leaves its place.
func FuzzEncodeName(f *testing.F) {
	for _, name := range []string{"alice", "a b", "{", "%7B", "e\u0301", "\u00e9", "\xff", "\u0344"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		encoded, err := loglane.EncodeName(name)
		if err != nil {
			return
		}
		if !utf8.ValidString(encoded) || len(encoded) > loglane.MaxNameBytes || strings.ContainsAny(encoded, " {}\n\r\t\x00\x7f") {
			t.Errorf("%q becomes %q", name, encoded)
		}
		again, err := loglane.EncodeName(name)
		if err != nil || again != encoded {
			t.Errorf("%q becomes %q, then %q, %v", name, encoded, again, err)
		}
		channel, err := loglane.DefaultTemplate.Channel(name)
		if err != nil || channel != "logs:User."+encoded {
			t.Errorf("%q: channel %q, %v", name, channel, err)
		}
	})
}
