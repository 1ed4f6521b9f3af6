package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/app"
)

// signInAt are settings with a provider that is not there.
func signInAt() app.Settings {
	s := app.Defaults()
	s.Addr, s.OIDCIssuer, s.OIDCClientID = "127.0.0.1:0", "http://127.0.0.1:1", "loglane"
	return s
}

func TestProviderSettings(t *testing.T) {
	dir := t.TempDir()
	empty, secret := filepath.Join(dir, "empty"), filepath.Join(dir, "secret")
	must(t, os.WriteFile(empty, []byte("\n"), 0o600))
	must(t, os.WriteFile(secret, []byte("s3cret-canary\n"), 0o600))
	for _, c := range []struct {
		change func(*app.Settings)
		want   string // of the error; "" is none
	}{
		{func(*app.Settings) {}, ""},
		{func(s *app.Settings) { s.OIDCClientSecretFile = secret }, ""},
		{func(s *app.Settings) { s.Addr, s.PublicURL = ":80", "https://logs.example.com" }, ""},
		{func(s *app.Settings) { s.OIDCIssuer = "http://id.example.com" }, "--oidc-issuer=http://id.example.com: it must begin with https://"},
		{func(s *app.Settings) { s.OIDCIssuer = "https://u:s3cret-canary@h" }, "--oidc-issuer=https://u:xxxxx@h: it has more than"},
		{func(s *app.Settings) { s.OIDCIssuer = "" }, "--oidc-issuer: it is missing: --oidc-client-id is about the provider"},
		{func(s *app.Settings) { s.OIDCClientID = "" }, "--oidc-client-id: it is missing"},
		{func(s *app.Settings) { s.OIDCClientSecret, s.OIDCClientSecretFile = "s3cret-canary", secret }, "--oidc-client-secret is there, too"},
		{func(s *app.Settings) { s.OIDCClientSecretFile = empty }, "it has no secret"},
		{func(s *app.Settings) { s.OIDCClientSecretFile = dir + "/none" }, "--oidc-client-secret-file: open"},
		{func(s *app.Settings) { s.OIDCScopes = `openid,"` }, "is no scope"},
		{func(s *app.Settings) { s.OIDCNameClaim = "" }, "--oidc-name-claim: it must not be empty"},
		{func(s *app.Settings) { s.OIDCNamePrefix = "a b" }, "--oidc-name-prefix=a b"},
		{func(s *app.Settings) { s.OIDCTitle = strings.Repeat("x", 101) }, "--oidc-title: it is longer"},
		{func(s *app.Settings) { s.OIDCSession *= 100 }, "--oidc-session=800h0m0s: it must be from 1m0s to 12h0m0s"},
		{func(s *app.Settings) { s.Addr = ":80" }, "--public-url: it is missing: the provider"},
		{func(s *app.Settings) { s.PublicURL = "http://logs.example.com" }, "--public-url=http://logs.example.com: with --oidc-issuer it must begin with https://"},
		{func(s *app.Settings) { s.AuthURL, s.LoginURL, s.SharedNames = "http://h/", "/in", true }, "--login-url=/in: the login page is that of --oidc-issuer"},
	} {
		s := signInAt()
		c.change(&s)
		err := s.Check()
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%v, want %q", err, c.want)
		case err != nil && strings.Contains(err.Error(), "canary"):
			t.Errorf("the error has a secret: %v", err)
		}
	}
}

func TestAProviderBesideAFile(t *testing.T) {
	s, file := signInAt(), settings(t)
	s.AuthFile = file.AuthFile
	if _, err := app.New(s, nil); err == nil || !strings.Contains(err.Error(), "the users of --auth-file and --oidc-issuer name users") {
		t.Errorf("the error is %v", err)
	}
	s.OIDCNamePrefix, s.OIDCTitle = "corp:", "Example Corp"
	gateway := start(t, s)
	alice := signIn(t, gateway)
	if code, body := get(t, alice, gateway.URL()+"api/v1/me"); code != http.StatusOK || !strings.Contains(body, `"name":"alice"`) {
		t.Errorf("by password: %d %s", code, body)
	}
	code, body, _ := askWith(t, gateway.URL()+"login")
	if code != http.StatusOK || !strings.Contains(body, `loglane-provider" content="Example Corp"`) || strings.Contains(body, `loglane-password" content="off"`) {
		t.Errorf("the login page: %d %s", code, body)
	}
	if code, body, _ := askWith(t, gateway.URL()+"login/oidc"); code != http.StatusServiceUnavailable || !strings.Contains(body, "cannot be reached") {
		t.Errorf("with the provider away: %d %s", code, body)
	}
}

func TestExamineAsksTheProvider(t *testing.T) {
	findings, err := app.Examine(t.Context(), signInAt(), nil)
	must(t, err)
	for _, f := range findings {
		if f.Check == "oidc-issuer" {
			if f.Level != app.Failing || !strings.Contains(f.Text, "nobody can sign in at http://127.0.0.1:1: ") || f.Mend == "" {
				t.Errorf("it is %+v", f)
			}
			return
		}
	}
	t.Errorf("nothing is said of the provider: %+v", findings)
}
