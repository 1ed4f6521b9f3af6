package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// nobodys returns a cookie as anybody can make one up.
func nobodys(i int) *http.Cookie {
	return &http.Cookie{Name: auth.PlainCookie, Value: fmt.Sprintf("%043d", i)}
}

// heard counts a gateway's notices until the test ends.
func (g *gateway) heard(t *testing.T) (count func() int) {
	n := 0
	t.Cleanup(g.notices.Listen(func([]byte) { n++ }))
	return func() int { return n }
}

func TestSignOutWithAnInventedCookieCostsNothing(t *testing.T) {
	for _, away := range []error{nil, errAway} {
		g := newGateway(t, nil)
		principal, _ := g.signIn("alice")
		stream := g.streams.add(principal)
		notices := g.heard(t)
		g.store.fail(away)
		for i := range 100 {
			deleted, err := g.signOut(nobodys(i))
			if !deleted || away == nil && err != nil || away != nil && !errors.Is(err, auth.ErrSignOutPending) {
				t.Fatalf("store %v: %v, cookie deleted: %v", away, err, deleted)
			}
		}
		pending, remembered := auth.Pending(g.Login), auth.Remembered(g.Login)
		if away != nil {
			pending -= 100 // they may be sessions of before a restart
		}
		if pending+remembered+notices()+g.streams.scans() != 0 {
			t.Errorf("store %v: %d wait, %d are remembered, %d notices, the streams were looked through %d times",
				away, pending, remembered, notices(), g.streams.scans())
		}
		if reason := g.streams.reason(stream); reason != "" {
			t.Errorf("a stream ended: %s", reason)
		}
	}
}

func TestInventedCookiesLeaveRoomForSessions(t *testing.T) {
	g := newGateway(t, nil)
	_, cookie := g.signIn("alice")
	g.store.fail(errAway)
	lost := 0
	for i := range 1_100 {
		if _, err := g.signOut(nobodys(i)); errors.Is(err, auth.ErrSignOutLost) {
			lost++
		}
	}
	if lost != 100 {
		t.Errorf("%d of 1,100 made-up sign-outs were turned away, want 100", lost)
	}
	if _, err := g.signOut(cookie); !errors.Is(err, auth.ErrSignOutPending) {
		t.Errorf("a session's: %v", err)
	}
}

func TestSignInWithAnInventedCookieEndsNothing(t *testing.T) {
	g := newGateway(t, nil)
	notices := g.heard(t)
	g.signIn("alice", nobodys(1))
	if remembered := auth.Remembered(g.Login); remembered+notices()+g.streams.scans() != 0 {
		t.Errorf("%d are remembered, %d notices, the streams were looked through %d times", remembered, notices(), g.streams.scans())
	}
}

func TestSignOutAgainCostsNothing(t *testing.T) {
	g := newGateway(t, nil)
	_, cookie := g.signIn("alice")
	notices := g.heard(t)
	for range 10 {
		_, err := g.signOut(cookie)
		must(t, err)
	}
	if notices() != 1 || g.streams.scans() != 1 {
		t.Errorf("%d notices, the streams were looked through %d times", notices(), g.streams.scans())
	}
}

func TestSignOutAgainWhileTheStoreIsAway(t *testing.T) {
	g := newGateway(t, nil)
	_, cookie := g.signIn("alice")
	g.store.fail(errAway)
	for range 3 {
		if _, err := g.signOut(cookie); !errors.Is(err, auth.ErrSignOutPending) {
			t.Fatal(err)
		}
	}
	if n := auth.Pending(g.Login); n != 1 {
		t.Errorf("%d wait for the store, want one", n)
	}
}

// A session may be another gateway's, whose streams it has; this one meets it at its end.
func TestSignOutOfASessionThatIsNewHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := newGateway(t, nil)
		there := here.peer(nil)
		defer there.start()()
		synctest.Wait()
		principal, cookie := there.signIn("alice")
		stream := there.streams.add(principal)
		_, err := here.signOut(cookie)
		must(t, err)
		synctest.Wait()
		if there.streams.reason(stream) != "signed out" {
			t.Error("the stream on the other gateway did not end")
		}
		if _, _, kept := here.store.count(); kept != 0 || here.who(cookie) != "" || there.who(cookie) != "" {
			t.Error("the session still stands")
		}
	})
}

// A sign-out is remembered for a minute however many others there are.
func TestManySignOutsForgetNoFreshOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		defer g.start()()
		synctest.Wait()
		_, cookie := g.signIn("alice")
		data, _, err := g.store.Load(t.Context(), keyOf(cookie))
		must(t, err)
		for i := range 10_001 {
			if i == 9_999 {
				_, err := g.signOut(cookie)
				must(t, err)
			}
			must(t, g.notices.Notify(t.Context(), fmt.Appendf(nil, `{"end":{"session":"%064x"}}`, i)))
			if i%500 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if n := auth.Remembered(g.Login); n > 10_000 {
			t.Errorf("%d are remembered", n)
		}
		must(t, g.store.Save(t.Context(), keyOf(cookie), data, time.Hour)) // as a request does that came just before
		if who := g.who(cookie); who != "" {
			t.Errorf("the session stands again for %q", who)
		}
	})
}

func TestMoreNoticesThanCanWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := make(chan struct{})
		var streams *openStreams
		g := newGateway(t, func(o *auth.LoginOptions) {
			o.OnEnd = func(match func(session, user string) bool, reason string) {
				<-busy
				streams.end(match, reason)
			}
		})
		streams = g.streams
		defer g.start()()
		synctest.Wait()
		principal, cookie := g.signIn("alice")
		other, _ := g.signIn("adam")
		ending, staying := streams.add(principal), streams.add(other)
		elsewhere := streams.add(&auth.Principal{Name: "token"}) // another way in's

		for range auth.NoticeQueue + 10 {
			must(t, g.notices.Notify(t.Context(), []byte(`{"end":{"user":"nobody"}}`)))
		}
		existed, err := g.store.Delete(t.Context(), keyOf(cookie))
		must(t, err)
		if !existed {
			t.Fatal("there is no session")
		}
		must(t, g.notices.Notify(t.Context(), []byte(`{"end":{"session":"`+keyOf(cookie)+`"}}`)))
		close(busy)
		synctest.Wait()
		if reason := streams.reason(ending); reason != "signed out" {
			t.Errorf("the stream whose notice was lost: %q", reason)
		}
		for _, stream := range []*openStream{staying, elsewhere} {
			if reason := streams.reason(stream); reason != "" {
				t.Errorf("%s's stream ended too: %s", stream.user, reason)
			}
		}
	})
}

func TestMoreNoticesThanCanWaitWhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := make(chan struct{})
		var streams *openStreams
		g := newGateway(t, func(o *auth.LoginOptions) {
			o.OnEnd = func(match func(session, user string) bool, reason string) {
				<-busy
				streams.end(match, reason)
			}
		})
		streams = g.streams
		defer g.start()()
		synctest.Wait()
		principal, _ := g.signIn("alice")
		stream := streams.add(principal)
		g.store.fail(errAway)
		for range auth.NoticeQueue + 10 {
			must(t, g.notices.Notify(t.Context(), []byte(`{"end":{"user":"nobody"}}`)))
		}
		close(busy)
		synctest.Wait()
		if reason := streams.reason(stream); reason != "" {
			t.Errorf("nobody knows whether the session has ended, and its stream did: %s", reason)
		}
		if n := g.log.count("logins may have ended"); n != 1 {
			t.Errorf("it was logged %d times", n)
		}
	})
}

func TestPendingSignOutsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *auth.LoginOptions) { o.Lifetime = time.Minute })
		cookies := make([]*http.Cookie, 10_001)
		for i := range cookies {
			_, cookies[i] = g.signIn("alice")
		}
		g.store.fail(errAway)
		for _, cookie := range cookies[1:] {
			if _, err := g.signOut(cookie); !errors.Is(err, auth.ErrSignOutPending) {
				t.Fatal(err)
			}
		}
		deleted, err := g.signOut(cookies[0])
		if !errors.Is(err, auth.ErrSignOutLost) || status(err) != http.StatusServiceUnavailable || !deleted {
			t.Errorf("the one too many: %v, cookie deleted: %v", err, deleted)
		}
		stop := g.start()
		time.Sleep(2 * time.Minute) // no session lives so long
		_, before, _ := g.store.count()
		time.Sleep(time.Minute)
		if _, after, _ := g.store.count(); after != before {
			t.Error("sign-outs of sessions that are over are still tried")
		}
		stop()
	})
}

func TestAnEndedSessionDoesNotComeBackWithTheRole(t *testing.T) {
	for _, stamped := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newGateway(t, nil)
			if !stamped {
				withoutStamps(t, g.file)
				g = g.peer(nil)
			}
			defer g.start()()
			_, cookie := g.signIn("alice")
			for _, role := range []auth.Role{auth.Admin, auth.Viewer} {
				must(t, g.file.SetRole("alice", role))
				time.Sleep(time.Second)
				synctest.Wait()
				if who := g.who(cookie); who != "" {
					t.Errorf("with the role %v the session stands for %q", role, who)
				}
			}
		})
	}
}

// withoutStamps rewrites a file as one was written before lines had stamps.
func withoutStamps(t *testing.T, file auth.UsersFile) {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(read(t, file.Path)) {
		if fields := strings.Fields(line); fields[0] == "user" && len(fields) == 5 {
			line = strings.Join(fields[:4], " ") + "\n"
		}
		b.WriteString(line)
	}
	write(t, file.Path, b.String())
}

// A request that found the session just before may put its end off just after.
func TestSignOutOfASessionThatIsNewHereWinsOverKeepAlive(t *testing.T) {
	there := newGateway(t, nil)
	here := there.peer(nil)
	_, cookie := there.signIn("alice")
	data, _, err := there.store.Load(t.Context(), keyOf(cookie))
	must(t, err)
	there.store.deleted = func(key string) {
		there.store.deleted = nil
		must(t, there.store.MemorySessions.Save(t.Context(), key, data, time.Hour))
	}
	_, err = here.signOut(cookie)
	must(t, err)
	if _, found, _ := there.store.Load(t.Context(), keyOf(cookie)); found {
		t.Error("the session is back in the store")
	}
}

func TestSignOutWinsOverKeepAliveElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle := func(o *auth.LoginOptions) { o.IdleTimeout = 20 * time.Minute }
		there := newGateway(t, idle)
		here := there.peer(idle)
		defer there.start()()
		defer here.start()()
		synctest.Wait()
		_, cookie := there.signIn("alice")
		time.Sleep(10 * time.Minute)
		there.store.saving = func(string) {
			there.store.saving = nil
			_, err := here.signOut(cookie) // just between the request's Load there and its Save
			must(t, err)
		}
		_ = there.who(cookie)
		synctest.Wait()
		if _, found, _ := there.store.MemorySessions.Load(t.Context(), keyOf(cookie)); found {
			t.Error("the session is back in the store")
		}
	})
}
