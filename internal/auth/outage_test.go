package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

func TestStoreAway(t *testing.T) {
	g := newGateway(t, nil)
	principal, cookie := g.signIn("alice")
	g.store.fail(errAway)

	_, err := g.Authenticate(request(cookie))
	if status(err) != http.StatusServiceUnavailable || !errors.Is(err, errAway) {
		t.Errorf("Authenticate: %v", err)
	}
	if p, err := g.Authenticate(request()); p != nil || err != nil {
		t.Errorf("Authenticate without a cookie: %v, %v", p, err)
	}
	err = principal.Check(t.Context())
	if err == nil || status(err) == http.StatusUnauthorized {
		t.Errorf("Check: %v", err)
	}
	w := httptest.NewRecorder()
	_, err = g.SignIn(w, request(), "alice", password)
	if status(err) != http.StatusServiceUnavailable || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("SignIn: %v, cookie %q", err, w.Header().Get("Set-Cookie"))
	}
	if _, err = g.SignIn(w, request(), "alice", "wrong horse"); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("SignIn with the wrong password: %v", err)
	}

	g.store.fail(nil)
	must(t, principal.Check(t.Context()))
	if g.who(cookie) != "alice" {
		t.Error("the session is gone")
	}
}

func TestSignOutWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := newGateway(t, nil)
		there := here.peer(nil)
		defer here.start()()
		defer there.start()()
		synctest.Wait()
		principal, cookie := here.signIn("alice")
		hereStream, thereStream := here.streams.add(principal), there.streams.add(principal)

		here.store.fail(errAway)
		deleted, err := here.signOut(cookie)
		if !errors.Is(err, auth.ErrSignOutPending) || status(err) != http.StatusServiceUnavailable || !deleted {
			t.Fatalf("SignOut: %v, cookie deleted: %v", err, deleted)
		}
		if here.streams.reason(hereStream) != "signed out" {
			t.Error("the stream did not end at once")
		}
		if who := here.who(cookie); who != "" {
			t.Errorf("the id still stands for %q, though the store cannot be asked", who)
		}

		time.Sleep(10 * time.Minute)
		if who := here.who(cookie); who != "" {
			t.Errorf("later the id stands for %q again", who)
		}
		if n := here.log.count("sign-outs wait for the session store"); n != 1 {
			t.Errorf("the outage was logged %d times, want once", n)
		}
		if _, deletes, _ := here.store.count(); deletes > 3000 {
			t.Errorf("the store was asked %d times in 10 minutes", deletes)
		}

		here.store.fail(nil)
		time.Sleep(700 * time.Millisecond) // before others ask after their streams' sessions
		if _, _, kept := here.store.count(); kept != 0 {
			t.Error("the session is still in the store")
		}
		if there.streams.reason(thereStream) != "signed out" {
			t.Error("the other gateway was not told")
		}
	})
}

func TestCloseTriesPendingSignOutsOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		stop := g.start()
		_, cookie := g.signIn("alice")
		g.store.fail(errAway)
		if _, err := g.signOut(cookie); !errors.Is(err, auth.ErrSignOutPending) {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		g.store.fail(nil)
		stop()
		if _, _, kept := g.store.count(); kept != 0 {
			t.Error("the session is still in the store")
		}
	})
}
