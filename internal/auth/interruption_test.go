package auth_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// interrupt lets all gateways know that notices may have been missed.
func (g *gateway) interrupt() { must(g.t, g.notices.Notify(g.t.Context(), nil)) }

// A sign-out that waited for the store comes before the question whether the session stands:
// who asks first would be sent lines.
func TestCheckAfterAnOutageComesAfterSignOuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := newGateway(t, nil)
		connection := auth.NewMemoryNotices() // comes back before here's
		there := here.peer(func(o *auth.LoginOptions) { o.Notices = connection })
		there.notices = connection
		defer here.start()()
		defer there.start()()
		synctest.Wait()
		there.interrupt() // the subscription at the start
		principal, cookie := there.signIn("alice")
		_, other := there.signIn("olga")
		stays, err := there.Authenticate(request(other))
		must(t, err)

		here.store.fail(errAway)
		if _, err := here.signOut(cookie); !errors.Is(err, auth.ErrSignOutPending) {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		here.store.fail(nil)
		there.interrupt()
		if err := principal.Check(t.Context()); status(err) != 401 {
			t.Errorf("Check of the session that was signed out: %v", err)
		}
		must(t, stays.Check(t.Context()))
	})
}

// The first notice of a subscription is none of an interruption: nobody waits.
func TestCheckWithoutAnOutageDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		defer g.start()()
		synctest.Wait()
		g.interrupt()
		principal, _ := g.signIn("alice")
		began := time.Now()
		must(t, principal.Check(t.Context()))
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it waited %v", waited)
		}
	})
}

// What was missed while notices did not come is made up for once they do.
func TestMissedNoticesAreMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		defer g.start()()
		synctest.Wait()
		g.interrupt()
		principal, _ := g.signIn("alice")
		stays, _ := g.signIn("olga")
		ended, open := g.streams.add(principal), g.streams.add(stays)
		if _, err := g.store.Delete(t.Context(), principal.Session); err != nil {
			t.Fatal(err)
		}
		g.interrupt()
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if got := g.streams.reason(ended); got != "signed out" {
			t.Errorf("the stream of the session that is gone: %q", got)
		}
		if got := g.streams.reason(open); got != "" {
			t.Errorf("another session's stream ended: %s", got)
		}
	})
}
