package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/app"
	"github.com/loglane/loglane/internal/auth"
)

func addUser(t *testing.T, s app.Settings, name string) {
	t.Helper()
	file := auth.UsersFile{Path: s.AuthFile, Template: loglane.DefaultTemplate, Cost: auth.Cost{Memory: 64}}
	must(t, file.Add(name, auth.Viewer, password))
}

func TestAPrefixKeepsNamesApart(t *testing.T) {
	s := settings(t)
	s.AuthURL, s.AuthURLNamePrefix = otherApp(t), "app:"
	gateway := start(t, s)
	alice := signIn(t, gateway)
	if code, body := get(t, alice, gateway.URL()+"api/v1/me"); code != http.StatusOK || !strings.Contains(body, `"channel":"User.alice"`) {
		t.Errorf("by password: %d %s", code, body)
	}
	if code, body, _ := askWith(t, gateway.URL()+"api/v1/me", "Cookie", "session=alice"); code != http.StatusOK || !strings.Contains(body, `"channel":"User.app:alice"`) {
		t.Errorf("by the other application: %d %s", code, body)
	}
}

func TestNamesThatLookPrefixed(t *testing.T) {
	s := settings(t)
	s.AuthURL, s.AuthURLNamePrefix = otherApp(t), "app:"
	addUser(t, s, "app:bob")
	_, err := app.New(s, nil)
	if err == nil || !strings.Contains(err.Error(), `--auth-url-name-prefix=app:: names in --auth-file begin so ("app:bob")`) {
		t.Errorf("the error is %v", err)
	}
	// Shared names are of those who have the same prefix, or none.
	s.SharedNames = true
	if _, err := app.New(s, nil); err == nil {
		t.Error("with shared names it starts")
	}
}

func TestMapsOfGroups(t *testing.T) {
	s := app.Defaults()
	s.AuthFile, s.RoleMap, s.ChannelMap = "users", "sre=root", "a=global"
	err := s.Check()
	for _, want := range []string{`--role-map: "sre": unknown role "root"`, `--channel-map: "a": the channel global is for operators`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not have %s", err, want)
		}
	}
	s = app.Defaults()
	s.AuthFile, s.AuthURLNamePrefix = "users", "app:"
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "--auth-url: it is missing: --auth-url-name-prefix goes before") {
		t.Errorf("a prefix of nothing: %v", err)
	}
	s.AuthURL, s.AuthURLNamePrefix = "http://h/", "a b"
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "--auth-url-name-prefix=a b: it is not") {
		t.Errorf("a prefix with a space: %v", err)
	}
}
