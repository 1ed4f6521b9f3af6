package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

func TestSignInGivesThePrincipal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		signedIn, cookie := g.signIn("olga")
		asked, err := g.Authenticate(request(cookie))
		must(t, err)
		for _, p := range []*auth.Principal{signedIn, asked} {
			if p.Name != "olga" || p.Role != auth.Operator || p.Channel != "logs:User.olga" || p.Channels != nil {
				t.Errorf("principal %+v", p)
			}
			if !p.Expires.Equal(time.Now().Add(12 * time.Hour)) {
				t.Errorf("expires %v", p.Expires)
			}
			sum := sha256.Sum256([]byte(cookie.Value))
			if p.Session != hex.EncodeToString(sum[:]) {
				t.Errorf("session %q", p.Session)
			}
			must(t, p.Check(t.Context()))
		}
	})
}

func TestSignInRefusals(t *testing.T) {
	g := newGateway(t, nil)
	tests := []struct {
		name, user, password string
		code                 int
		message              string
	}{
		{"wrong password", "alice", "wrong horse", 401, "The name or the password is wrong."},
		{"unknown name", "nobody", password, 401, "The name or the password is wrong."},
		{"other case", "Alice", password, 401, "The name or the password is wrong."},
		{"no password", "alice", "", 401, "The name or the password is wrong."},
		{"endless password", "alice", strings.Repeat("x", 1<<20), 401, "The name or the password is wrong."},
		{"no name", "", password, 401, "the name is empty"},
		{"long name", strings.Repeat("x", 201), password, 401, "at most 200"},
		{"malformed name", "\xff", password, 401, "not valid UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			principal, err := g.SignIn(w, request(), test.user, test.password)
			if principal != nil || status(err) != test.code {
				t.Fatalf("principal %v, error %v", principal, err)
			}
			wantError(t, err, test.message)
			if got, want := errors.Is(err, auth.ErrCredentials), strings.Contains(test.message, "wrong"); got != want {
				t.Errorf("is ErrCredentials %v, want %v", got, want)
			}
			if w.Header().Get("Set-Cookie") != "" {
				t.Error("a cookie was set")
			}
		})
	}
}

func TestNewIDAtLogin(t *testing.T) {
	g := newGateway(t, nil)
	first, old := g.signIn("alice")
	stream := g.streams.add(first)
	_, fresh := g.signIn("alice", old)
	if fresh.Value == old.Value {
		t.Error("the id is the same")
	}
	if g.peer(nil).who(old) != "" {
		t.Error("the old id still stands")
	}
	if g.who(fresh) != "alice" {
		t.Error("the new id does not stand")
	}
	if _, _, kept := g.store.count(); kept != 1 {
		t.Errorf("%d sessions are kept, want 1", kept)
	}
	if reason := g.streams.reason(stream); reason != "signed in again" {
		t.Errorf("the old session's stream ended with %q", reason)
	}
	if status(first.Check(t.Context())) != http.StatusUnauthorized {
		t.Error("the old principal still stands")
	}
}

func TestStoreKeepsNoToken(t *testing.T) {
	g := newGateway(t, nil)
	_, cookie := g.signIn("alice")
	for key := range g.store.keys {
		data, _, err := g.store.Load(t.Context(), key)
		must(t, err)
		if strings.Contains(key, cookie.Value) || strings.Contains(string(data), cookie.Value) || strings.Contains(string(data), "argon2") {
			t.Errorf("the store has a secret: %s %s", key, data)
		}
	}
}

// Whoever reads the store has nothing to sign in with.
func TestADumpOfTheStoreSignsNobodyIn(t *testing.T) {
	g := newGateway(t, nil)
	_, cookie := g.signIn("alice")
	for key := range g.store.keys {
		data, _, err := g.store.Load(t.Context(), key)
		must(t, err)
		sum, err := hex.DecodeString(key)
		must(t, err)
		for _, stolen := range []string{key, string(sum), base64.RawURLEncoding.EncodeToString(sum), string(data), base64.RawURLEncoding.EncodeToString(data)} {
			if who := g.who(&http.Cookie{Name: cookie.Name, Value: stolen}); who != "" {
				t.Errorf("%q signs in as %s", stolen, who)
			}
		}
	}
	if g.who(cookie) != "alice" {
		t.Error("nor does the cookie itself")
	}
}

func TestLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *auth.LoginOptions) { o.Lifetime = time.Hour })
		principal, cookie := g.signIn("alice")
		time.Sleep(time.Hour - time.Second)
		if g.who(cookie) != "alice" {
			t.Error("ended early")
		}
		time.Sleep(time.Second)
		if g.who(cookie) != "" || status(principal.Check(t.Context())) != 401 {
			t.Error("did not end")
		}
		if saves, _, _ := g.store.count(); saves != 1 {
			t.Errorf("%d writes, want 1", saves)
		}
	})
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *auth.LoginOptions) { o.IdleTimeout = 20 * time.Minute })
		principal, cookie := g.signIn("alice")
		for range 120 { // an hour of an open stream
			time.Sleep(30 * time.Second)
			must(t, principal.Check(t.Context()))
		}
		if saves, _, _ := g.store.count(); saves > 1+12 {
			t.Errorf("%d writes in an hour, want at most one in 5 minutes", saves)
		}
		time.Sleep(15*time.Minute - time.Second)
		if g.who(cookie) != "alice" {
			t.Error("ended early")
		}
		time.Sleep(20 * time.Minute)
		if g.who(cookie) != "" {
			t.Error("did not end")
		}
	})
}

func TestSignOutEndsTheSessionEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := newGateway(t, nil)
		there := here.peer(nil)
		defer here.start()()
		defer there.start()()
		synctest.Wait()

		principal, cookie := here.signIn("alice")
		other, otherCookie := here.signIn("alice")
		hereStream, thereStream := here.streams.add(principal), there.streams.add(principal)
		kept := there.streams.add(other)

		deleted, err := here.signOut(cookie)
		must(t, err)
		if !deleted {
			t.Error("the cookie was not deleted")
		}
		if here.streams.reason(hereStream) != "signed out" {
			t.Error("the stream here did not end at once")
		}
		synctest.Wait()
		if there.streams.reason(thereStream) != "signed out" {
			t.Error("the stream on the other gateway did not end")
		}
		if there.streams.reason(kept) != "" || there.who(otherCookie) != "alice" {
			t.Error("another session ended too")
		}
		if here.who(cookie) != "" || there.who(cookie) != "" {
			t.Error("the cookie still stands")
		}
		if status(principal.Check(t.Context())) != http.StatusUnauthorized {
			t.Error("the principal still stands")
		}
	})
}

func TestSignOutWithoutSession(t *testing.T) {
	g := newGateway(t, nil)
	must(t, g.SignOut(httptest.NewRecorder(), request()))
}

func TestSignOutWinsOverKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *auth.LoginOptions) { o.IdleTimeout = 20 * time.Minute })
		defer g.start()()
		_, cookie := g.signIn("alice")
		time.Sleep(10 * time.Minute)
		g.store.saving = func(string) {
			g.store.saving = nil
			_, err := g.signOut(cookie) // just between the request's Load and its Save
			must(t, err)
		}
		_ = g.who(cookie) // the request came before the sign-out
		synctest.Wait()
		if _, found, _ := g.store.MemorySessions.Load(t.Context(), keyOf(cookie)); found {
			t.Error("the session is back in the store")
		}
	})
}

func keyOf(cookie *http.Cookie) string {
	sum := sha256.Sum256([]byte(cookie.Value))
	return hex.EncodeToString(sum[:])
}

func TestChangedUsersAreSignedOut(t *testing.T) {
	tests := []struct {
		name string
		edit func(auth.UsersFile) error
		ends bool
	}{
		{"password", func(f auth.UsersFile) error { return f.SetPassword("alice", "another horse") }, true},
		{"same password again", func(f auth.UsersFile) error { return f.SetPassword("alice", password) }, true},
		{"role", func(f auth.UsersFile) error { return f.SetRole("alice", auth.Admin) }, true},
		{"role and back", func(f auth.UsersFile) error {
			return errors.Join(f.SetRole("alice", auth.Admin), f.SetRole("alice", auth.Viewer))
		}, true},
		{"removed", func(f auth.UsersFile) error { return f.Remove("alice") }, true},
		{"same role", func(f auth.UsersFile) error { return f.SetRole("alice", auth.Viewer) }, false},
		{"another user", func(f auth.UsersFile) error { return f.Remove("olga") }, false},
		{"new user", func(f auth.UsersFile) error { return f.Add("zoe", auth.Viewer, password) }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t, nil)
				defer g.start()()
				principal, cookie := g.signIn("alice")
				adam, _ := g.signIn("adam")
				stream, other := g.streams.add(principal), g.streams.add(adam)
				must(t, test.edit(g.file))
				time.Sleep(time.Second)
				synctest.Wait()
				if got := g.streams.reason(stream) == "revoked"; got != test.ends {
					t.Errorf("the stream ended: %v, want %v", got, test.ends)
				}
				if got := g.who(cookie) == ""; got != test.ends {
					t.Errorf("the session ended: %v, want %v", got, test.ends)
				}
				if got := status(principal.Check(t.Context())) == 401; got != test.ends {
					t.Errorf("the check says ended: %v, want %v", got, test.ends)
				}
				if g.streams.reason(other) != "" || adam.Check(t.Context()) != nil {
					t.Error("another user's login ended")
				}
			})
		})
	}
}

func TestNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		defer g.start()()
		synctest.Wait()
		principal, _ := g.signIn("alice")
		stream := g.streams.add(principal)
		for _, message := range []string{"", "null", "{", "[]", `{"end":{}}`, `{"end":{"session":"x"}}`, `{"end":{"user":"bob"}}`, `{"begin":1}`} {
			must(t, g.notices.Notify(t.Context(), []byte(message)))
		}
		must(t, g.notices.Notify(t.Context(), nil))
		synctest.Wait()
		if reason := g.streams.reason(stream); reason != "" {
			t.Fatalf("the stream ended: %s", reason)
		}
		must(t, g.notices.Notify(t.Context(), []byte(`{"end":{"user":"alice"},"more":1}`)))
		synctest.Wait()
		if g.streams.reason(stream) != "revoked" {
			t.Error("the stream did not end")
		}
	})
}

// Another gateway may just have put the session's end off, after the one that signed out
// has deleted it.
func TestNoticeDeletesTheSessionAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		defer g.start()()
		synctest.Wait()
		_, cookie := g.signIn("alice")
		must(t, g.notices.Notify(t.Context(), []byte(`{"end":{"session":"`+keyOf(cookie)+`"}}`)))
		synctest.Wait()
		if _, _, kept := g.store.count(); kept != 0 {
			t.Error("the session is still in the store")
		}
		if g.who(cookie) != "" {
			t.Error("the cookie still stands")
		}
	})
}

func TestNamesAreOneInEverySpelling(t *testing.T) {
	const composed, decomposed = "Zo\u00eb Smith", "Zoe\u0308 Smith"
	g := newGateway(t, nil)
	must(t, g.file.Add(decomposed, auth.Viewer, password))
	g = g.peer(nil)
	principal, cookie := g.signIn(composed)
	if principal.Name != decomposed || principal.Channel != "logs:User.Zo\u00eb%20Smith" {
		t.Errorf("principal %+v", principal)
	}
	if g.who(cookie) != decomposed {
		t.Error("the session does not stand")
	}
}

func TestRunAndClose(t *testing.T) {
	t.Run("close before run", func(t *testing.T) {
		g := newGateway(t, nil)
		g.Close()
		g.Close()
		must(t, g.Run(t.Context()))
	})
	t.Run("context ends run", func(t *testing.T) {
		g := newGateway(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, g.Run(ctx))
		wantError(t, g.Run(ctx), "Run was called before")
		g.Close()
	})
}

func TestNewLoginNamesAllThatIsWrong(t *testing.T) {
	_, err := auth.NewLogin(auth.LoginOptions{
		BasePath:     "logs",
		Lifetime:     time.Second,
		IdleTimeout:  time.Second,
		AccountTries: auth.Tries{Burst: -1, Every: 1},
		AddressTries: auth.Tries{Burst: 1},
		TotalTries:   auth.Tries{Every: 1},
	})
	wantError(t, err, "Sessions", "Notices", "BasePath", "Lifetime", "IdleTimeout", "AccountTries", "AddressTries", "TotalTries")

	template, err := loglane.ParseTemplate("Kunde.{username}")
	must(t, err)
	_, err = auth.NewLogin(auth.LoginOptions{
		Users: openUsers(t, newFile(t), nil), Sessions: auth.NewMemorySessions(), Notices: auth.NewMemoryNotices(), Template: template,
	})
	wantError(t, err, "Kunde.{username}", "User.{username}")
}
