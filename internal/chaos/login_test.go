package chaos_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
)

// TestEndOfLogins ends logins in every way that there is while their streams are open on
// three gateways: of each, only the streams concerned end.
func TestEndOfLogins(t *testing.T) {
	fault(t)
	url := redistest.Start(t).URL()
	s := three(t, [3]string{url, url, url}, url, "--session-lifetime", "1m")
	s.each = sized(5, 32)
	s.names = []string{"revoked", "leaver", "promoted", "renewed", "removed", "expired", "faithful"}
	expires := s.gather("expired", sized(20*time.Second, 75*time.Second))
	var sessionEnds time.Time // of a session that the third gateway made
	if *size == "long" {
		s.people["expired"].other.header = s.signIn(2, "expired")
		sessionEnds = time.Now().Add(time.Minute)
	}
	s.watch()
	began := s.streams()

	found := s.endEach()
	p := s.people["expired"]
	short := sessionEnds.IsZero()
	if !short {
		e := s.ended("the session's end", p.other.viewers, sessionEnds, endWithin, "expired")
		found = append(found, fmt.Sprintf("session expired: %d, %v", len(e.closed), e))
	}
	e := s.ended("the token's end", p.token.viewers, expires, endWithin, "expired")
	found = append(found, fmt.Sprintf("token expired: %d, %v", len(e.closed), e))
	s.stay("expiry", &p.first)

	stays := []*login{
		&s.people["revoked"].first, &s.people["revoked"].other, &s.people["leaver"].other, &s.people["leaver"].token,
		&s.people["promoted"].token, &s.people["renewed"].token, &s.people["removed"].token, &p.first,
	}
	if short {
		stays = append(stays, &p.other)
	}
	faithful := s.people["faithful"]
	stays = append(stays, faithful.logins()...)
	s.stay("all of it", stays...)
	shots := s.caughtUp(10*time.Second, stays...)

	rest := s.closeAll(stays)
	found = append(found, fmt.Sprintf("an auth file without them: %d, %v", len(rest.closed), rest))
	s.leave()
	v := s.judge(shots)
	s.report("logins end while their streams are open, on 3 gateways", fmt.Sprintf("%d streams, %d users, %d lines/s each", began, len(s.names), loginsRate),
		append(found, "each with its `auth` event, a clean end, 401 at the next try and 0 lines later than 1 s; no other stream ended, and of the others' "+v.String())...)
}

// endEach ends logins by what operators and users do, one after the other, and returns what
// was found.
func (s *loginScene) endEach() (found []string) {
	s.Helper()
	p := s.people["revoked"]
	_, at := s.accounts.Do("", "token", "revoke", p.tokenID)
	revoked := s.ended("token revoke", p.token.viewers, at, endWithin, "revoked")
	s.stay("token revoke", &p.first, &p.other)

	p = s.people["leaver"]
	status, at, err := s.gateways[0].SignOut(p.first.header)
	if err != nil || status != http.StatusSeeOther {
		s.Fatalf("signing out: %d, %v", status, err)
	}
	left := s.ended("signing out", p.first.viewers, at, endWithin, "signed out")
	s.stay("signing out", &p.other, &p.token)

	sessions := func(name, input string, verb ...string) ending {
		s.Helper()
		p := s.people[name]
		_, at := s.accounts.Do(input, verb...)
		e := s.ended(verb[1], append(p.first.on(0, 1, 2), p.other.viewers...), at, endWithin, "revoked")
		s.stay(verb[1], &p.token)
		return e
	}
	promoted := sessions("promoted", "", "user", "role", "promoted", "operator")
	renewed := sessions("renewed", "another horse\n", "user", "passwd", "renewed")
	removed := sessions("removed", "", "user", "remove", "removed")

	return []string{
		fmt.Sprintf("token revoke: %d streams %v", len(revoked.closed), revoked),
		fmt.Sprintf("sign-out: %d, %v", len(left.closed), left),
		fmt.Sprintf("role changed: %d, %v", len(promoted.closed), promoted),
		fmt.Sprintf("password changed: %d, %v", len(renewed.closed), renewed),
		fmt.Sprintf("user removed: %d, %v", len(removed.closed), removed),
	}
}

// closeAll takes everybody but alice out of the auth file at once.
func (s *loginScene) closeAll(stays []*login) ending {
	s.Helper()
	text, err := os.ReadFile(s.accounts.File)
	if err != nil {
		s.Fatal(err)
	}
	var kept []byte
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("user alice ")) || bytes.HasPrefix(line, []byte("#")) {
			kept = append(kept, line...)
		}
	}
	if err := os.WriteFile(s.accounts.File+".new", kept, 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(s.accounts.File+".new", s.accounts.File); err != nil {
		s.Fatal(err)
	}
	at := time.Now()
	var all []*chaos.Viewer
	for _, l := range stays {
		all = append(all, l.viewers...)
	}
	return s.ended("the rest at once", all, at, endWithin, "revoked")
}

// TestEndOfLoginsWithoutNotices loses every notice between gateways: what the file says
// still ends streams at once, a sign-out at another gateway at the next question.
func TestEndOfLoginsWithoutNotices(t *testing.T) {
	fault(t)
	redis := redistest.Start(t)
	lost := chaos.Faults{SwallowMessage: func(channel string) bool { return channel == "ll:control" }}
	through := func() string {
		return "redis://" + chaos.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", redis.Port), lost).Addr + "/0"
	}
	s := three(t, [3]string{redis.URL(), through(), through()}, redis.URL())
	s.each = sized(5, 50)
	s.names = []string{"leaver", "promoted"}
	s.gather("", 0)
	s.watch()
	leaver, promoted := s.people["leaver"], s.people["promoted"]
	status, at, err := s.gateways[0].SignOut(leaver.first.header)
	if err != nil || status != http.StatusSeeOther {
		t.Fatalf("signing out: %d, %v", status, err)
	}
	here := s.ended("signing out, at that gateway", leaver.first.on(0), at, endWithin, "signed out")
	_, roleAt := s.accounts.Do("", "user", "role", "promoted", "operator")
	role := s.ended("role", append(promoted.first.on(0, 1, 2), promoted.other.viewers...), roleAt, endWithin, "revoked")
	there := s.ended("signing out, at the others", leaver.first.on(1, 2), at, netWithin, "revoked")
	stays := []*login{&leaver.other, &leaver.token, &promoted.token}
	s.stay("all of it", stays...)
	shots := s.caughtUp(10*time.Second, stays...)
	s.leave()
	v := s.judge(shots)
	if there.closed[0] < endWithin {
		t.Errorf("a stream without a notice has ended after %v: notices are not lost", there.closed[0])
	}
	s.report("notices between 3 gateways lost", fmt.Sprintf("%d streams, %d lines/s each user", s.streams(), loginsRate),
		fmt.Sprintf("sign-out at that gateway: %d streams %v", len(here.closed), here),
		fmt.Sprintf("at the others: %d, %v", len(there.closed), there),
		fmt.Sprintf("role changed: %d, %v", len(role.closed), role), "no other stream ended, and of the others' "+v.String())
}
