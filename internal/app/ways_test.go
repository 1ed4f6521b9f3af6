package app_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/app"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// makeToken adds a token to an auth file and returns its id and text.
func makeToken(t *testing.T, path string, want auth.Token) (id, text string) {
	t.Helper()
	file := auth.UsersFile{Path: path, Template: loglane.DefaultTemplate}
	token, text, err := auth.NewToken(want, loglane.DefaultTemplate)
	must(t, err)
	must(t, file.AddToken(token))
	return token.ID, text
}

// otherApp knows who has the cookie session=<name>.
func otherApp(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("session")
		if err != nil || cookie.Value == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"name":"`+cookie.Value+`"}`)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/whoami"
}

// askWith asks a gateway with headers, given as name, value, name, value.
func askWith(t *testing.T, url string, headers ...string) (code int, body string, header http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	must(t, err)
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(all), answer.Header
}

func TestAFileOfTokensIsEnough(t *testing.T) {
	s := settings(t)
	s.AuthFile = filepath.Join(t.TempDir(), "tokens")
	_, text := makeToken(t, s.AuthFile, auth.Token{Scope: auth.ReadScope, User: "alice"})
	gateway := start(t, s)
	if code, body, _ := askWith(t, gateway.URL()+"api/v1/me", "Authorization", "Bearer "+text); code != http.StatusOK || !strings.Contains(body, "User.alice") {
		t.Errorf("%d %s", code, body)
	}
	if code, body, _ := askWith(t, gateway.URL()+"login"); code != http.StatusUnauthorized || !strings.Contains(body, "API tokens") {
		t.Errorf("the login page: %d %s", code, body)
	}
	// Users who are added later do not make it another way in.
	file := auth.UsersFile{Path: s.AuthFile, Template: loglane.DefaultTemplate, Cost: auth.Cost{Memory: 64}}
	must(t, file.Add("bob", auth.Viewer, password))
	tokens, err := file.Tokens()
	must(t, err)
	must(t, file.RevokeToken(tokens[0].ID))
	deadline := time.After(5 * time.Second)
	for {
		if code, _, _ := askWith(t, gateway.URL()+"api/v1/me", "Authorization", "Bearer "+text); code == http.StatusUnauthorized {
			break
		}
		select {
		case <-deadline:
			t.Fatal("a revoked token stands")
		case <-time.After(20 * time.Millisecond):
		}
	}
	if code, _, _ := askWith(t, gateway.URL()+"login"); code != http.StatusUnauthorized {
		t.Errorf("the login page: %d", code)
	}
}

func TestTheOtherApplicationsLogin(t *testing.T) {
	s := settings(t)
	s.AuthFile = filepath.Join(t.TempDir(), "tokens")
	_, text := makeToken(t, s.AuthFile, auth.Token{Scope: auth.ReadScope, User: "tim"})
	s.AuthURL, s.LoginURL, s.PublicURL = otherApp(t), "https://app.example.com/login", "https://logs.example.com"
	gateway := start(t, s)
	me := gateway.URL() + "api/v1/me"
	for _, c := range []struct {
		headers []string
		code    int
		want    string
	}{
		{nil, 401, "not signed in"},
		{[]string{"Cookie", "session=zoe"}, 200, `"channel":"User.zoe"`},
		{[]string{"Cookie", "session="}, 401, "not signed in"},
		{[]string{"Cookie", "session=zoe", "Authorization", "Bearer " + text}, 200, `"channel":"User.tim"`},
		{[]string{"Cookie", "session=zoe", "Authorization", "Bearer llt_x"}, 401, "API token"},
	} {
		if code, body, _ := askWith(t, me, c.headers...); code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%q: %d %s", c.headers, code, body)
		}
	}
	code, _, header := askWith(t, gateway.URL()+"login?next=/%3Fuser=bob")
	if want := "https://app.example.com/login?next=https%3A%2F%2Flogs.example.com%2F%3Fuser%3Dbob"; code != http.StatusFound || header.Get("Location") != want {
		t.Errorf("the login page: %d to %s", code, header.Get("Location"))
	}
}

func TestTwoWaysInForOneName(t *testing.T) {
	s := settings(t)
	s.AuthURL = otherApp(t)
	_, err := app.New(s, nil)
	if err == nil || !strings.Contains(err.Error(), "--shared-names: it is missing") || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is %v", err)
	}
	s.SharedNames = true
	gateway := start(t, s)
	alice := signIn(t, gateway)
	if code, body := get(t, alice, gateway.URL()+"api/v1/me"); code != http.StatusOK || !strings.Contains(body, `"signOut":true`) {
		t.Errorf("by password: %d %s", code, body)
	}
	if code, body, _ := askWith(t, gateway.URL()+"api/v1/me", "Cookie", "session=alice"); code != http.StatusOK || !strings.Contains(body, `"signOut":false`) {
		t.Errorf("by the other application: %d %s", code, body)
	}
}

func TestThePublicURLMakesCookiesSecure(t *testing.T) {
	s := settings(t)
	s.PublicURL = "https://logs.example.com/"
	gateway := start(t, s)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gateway.URL()+"login", strings.NewReader("username=alice&password=correct+horse"))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	must(t, err)
	answer.Body.Close()
	if cookies := answer.Cookies(); len(cookies) != 1 || !cookies[0].Secure || !strings.HasPrefix(cookies[0].Name, "__Host-") {
		t.Errorf("%s: %v", answer.Status, cookies)
	}
}

func TestTheLastUseOfATokenIsKept(t *testing.T) {
	redis := redistest.Start(t)
	s := settings(t)
	s.RedisURL = redis.URL()
	id, text := makeToken(t, s.AuthFile, auth.Token{Scope: auth.WriteScope, Writes: []string{"*"}})
	gateway := start(t, s)
	begin := time.Now().Truncate(time.Second)
	if code, body, _ := askWith(t, gateway.URL()+"api/v1/me", "Authorization", "Bearer "+text); code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	broker, err := redisbroker.New(redisbroker.Options{URL: redis.URL(), Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer func() { must(t, broker.Close(context.Background())) }()
	deadline := time.After(5 * time.Second)
	for {
		uses, err := broker.TokenUses().LastUsed(t.Context(), []string{id})
		must(t, err)
		if at, found := uses[id]; found {
			if at.Before(begin) {
				t.Errorf("it was used at %v, before %v", at, begin)
			}
			return
		}
		select {
		case <-deadline:
			t.Fatal("its use is not kept")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
