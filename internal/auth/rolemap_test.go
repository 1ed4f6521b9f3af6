package auth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/auth"
)

func TestRoleMap(t *testing.T) {
	for _, c := range []struct {
		text, groups string
		want         auth.Role
	}{
		{"", "", auth.Viewer},
		{"", "staff operator", auth.Operator},
		{"", "viewer admin operator", auth.Admin},
		{"", "Admin ADMIN administrator", auth.Viewer},
		{"sre=operator,admins=admin", "sre", auth.Operator},
		{"sre=operator,admins=admin", "admins sre", auth.Admin},
		{"sre=operator", "admin", auth.Viewer}, // with a map only what it has counts
		{"sre = operator , x=viewer", "sre x", auth.Operator},
		{`cn=sre\,ou=groups=admin`, "cn=sre,ou=groups", auth.Admin},
		{`a\\b=admin`, `a\b`, auth.Admin},
	} {
		m, err := auth.ParseRoleMap(c.text)
		if got := m.Highest(strings.Fields(c.groups)); err != nil || got != c.want {
			t.Errorf("%q of %q: %v %v, want %v", c.groups, c.text, got, err, c.want)
		}
	}
}

func TestMapsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"sre":                       "has no =",
		"=admin":                    "has no group",
		"sre=root":                  `unknown role "root"`,
		"sre=admin,sre=operator":    "twice",
		"sre=admin,":                "has no =",
		`a\b=admin`:                 "backslash",
		`a=admin\`:                  "backslash",
		"\xff=admin":                "UTF-8",
		strings.Repeat("x=a,", 1e4): "entries",
	} {
		if _, err := auth.ParseRoleMap(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"a=global":          "role operator",
		"a=ll:control":      "reserved",
		"a=x y":             "character",
		"a=":                "empty",
		"a=team.a,a=team.a": "twice",
	} {
		if _, err := auth.ParseChannelMap(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestChannelMap(t *testing.T) {
	m, err := auth.ParseChannelMap("a=team.a,b=team.b,b=team.a,b=job_1")
	must(t, err)
	for groups, want := range map[string][]string{
		"":      nil,
		"c":     nil,
		"b a b": {"logs:team.b", "logs:team.a", "logs:job_1"},
	} {
		if got := m.Granted(strings.Fields(groups)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", groups, got, want)
		}
	}
}

// What a map takes gives roles and well-named channels only.
func FuzzMaps(f *testing.F) {
	f.Add("sre=operator,admins=admin")
	f.Add(`cn=a\,b=team.a`)
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := auth.ParseRoleMap(text); err == nil && m.Highest(nil) != auth.Viewer {
			t.Errorf("%q gives nobody %v", text, m.Highest(nil))
		}
		m, err := auth.ParseChannelMap(text)
		if err != nil {
			return
		}
		for item := range strings.SplitSeq(text, ",") {
			group, _, _ := strings.Cut(item, "=")
			for _, channel := range m.Granted([]string{group}) {
				if !strings.HasPrefix(channel, "logs:") || channel == "logs:global" || strings.ContainsAny(channel, " {}") {
					t.Errorf("%q grants %q", text, channel)
				}
			}
		}
	})
}
