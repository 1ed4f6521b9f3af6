package app_test

import (
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/app"
)

// The table is of ways by their prefixes: the settings have fewer ways than the rules.
func TestClash(t *testing.T) {
	for _, c := range []struct {
		ways   [][2]string
		shared bool
		want   string // of the error; "" is none
	}{
		{[][2]string{{"auth-file", ""}}, false, ""},
		{[][2]string{{"oidc-issuer", "a:"}}, false, ""},
		{[][2]string{{"auth-file", ""}, {"oidc-issuer", "a:"}}, false, ""},
		{[][2]string{{"auth-file", ""}, {"oidc-issuer", "a:"}, {"auth-url", "b:"}}, false, ""},
		{[][2]string{{"auth-file", ""}, {"oidc-issuer", ""}}, false, "--shared-names: it is missing: the users of --auth-file and --oidc-issuer name users"},
		{[][2]string{{"auth-file", ""}, {"oidc-issuer", ""}}, true, ""},
		{[][2]string{{"oidc-issuer", ""}, {"auth-url", ""}}, false, "take --shared-names if they are the same people, --auth-url-name-prefix for"},
		{[][2]string{{"oidc-issuer", "x"}, {"auth-url", "x"}}, false, "--shared-names: it is missing"},
		{[][2]string{{"oidc-issuer", "x"}, {"auth-url", "x"}}, true, ""},
		{[][2]string{{"oidc-issuer", "a"}, {"auth-url", "ab"}}, false, "--auth-url-name-prefix=ab: --oidc-name-prefix=a is how it begins"},
		{[][2]string{{"oidc-issuer", "ab"}, {"auth-url", "a"}}, true, "--oidc-name-prefix=ab: --auth-url-name-prefix=a is how it begins"},
		{[][2]string{{"auth-file", ""}, {"oidc-issuer", ""}, {"auth-url", "b:"}}, false, "--shared-names"},
	} {
		err := app.Clash(c.shared, c.ways...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, shared %v: %v, want %q", c.ways, c.shared, err, c.want)
		}
	}
}
