package chaos_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
)

const (
	// toldDown is how long a stream may not know that the broker is away: a silent Pub/Sub
	// connection is given up after 8 s.
	toldDown = 10 * time.Second
	// toldUp is from Redis' return to the last line.
	toldUp = 20 * time.Second
)

// TestLoginsWhileRedisIsSilent lets nothing pass between three gateways and a Redis to which
// programs go on to log.
func TestLoginsWhileRedisIsSilent(t *testing.T) {
	fault(t)
	redis := redistest.Start(t)
	var holes []*chaos.Proxy
	var urls [3]string
	for i := range urls {
		holes = append(holes, chaos.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", redis.Port), chaos.Faults{}))
		urls[i] = "redis://" + holes[i].Addr + "/0"
	}
	hole := func(on bool) {
		for _, h := range holes {
			h.BlackHole(on)
		}
	}
	endWhileAway(t, three(t, urls, redis.URL()), "Redis silent for three gateways, logins end meanwhile", func() { hole(true) }, func() { hole(false) })
}

// TestLoginsWhileRedisIsKilled kills a Redis that keeps what it acknowledges.
func TestLoginsWhileRedisIsKilled(t *testing.T) {
	fault(t)
	redis := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	url := redis.URL()
	endWhileAway(t, three(t, [3]string{url, url, url}, url), "Redis killed under three gateways, logins end meanwhile", redis.Kill, redis.Restart)
}

// endWhileAway ends logins while Redis is away: streams stay and nothing is sent on them;
// what the gateways can know ends them all the same. On return whose session is no more is
// sent nothing, and everybody else all.
func endWhileAway(t *testing.T, s *loginScene, fault string, away, back func()) {
	t.Helper()
	length := sized(12*time.Second, 90*time.Second)
	s.each = sized(4, 37)
	s.names = []string{"revoked", "leaver", "promoted", "removed", "expired", "faithful"}
	expires := s.gather("expired", sized(35*time.Second, 60*time.Second))
	s.watch()
	began := time.Now()
	away()
	told := s.told(began)

	ended, elsewhere, stays := s.endSome()
	pause(time.Until(began.Add(length)))
	if time.Now().After(expires) {
		ended = append(ended, s.closed("the token's end", s.people["expired"].token.viewers, expires, endWithin, "expired"))
	}
	s.stay("Redis away", append(stays, &login{viewers: elsewhere})...)
	returned := time.Now()
	back()
	left := s.gone(elsewhere, returned)
	shots := s.caughtUp(toldUp, stays...)
	healed := time.Since(returned)
	var ends []time.Duration
	for _, e := range ended {
		s.refused(e, toldUp)
		ends = append(ends, e.closed...)
	}
	s.stay("Redis back", stays...)
	s.leave()
	v := s.judge(shots)
	sent := s.whileDown(stays) + s.whileDown([]*login{{viewers: elsewhere}})
	after := 0
	for _, viewer := range elsewhere {
		downs, _ := viewer.Downs()
		after += viewer.LinesSince(downs[0])
	}
	if sent > 0 || after > 0 {
		t.Errorf("%d lines were sent while Redis was away, %d to sessions that had ended", sent, after)
	}
	s.report(fault, fmt.Sprintf("%v, %d streams, %d lines/s each user", length, s.streams(), loginsRate),
		"`status` down after "+chaos.Spread(told),
		fmt.Sprintf("meanwhile %d streams of a revoked token, a changed role, a removed user and a sign-out at its gateway closed after %s", len(ends), chaos.Spread(sorted(ends))),
		fmt.Sprintf("%d of the sign-out at other gateways %s after the return, with 0 lines", len(left), chaos.Spread(left)),
		fmt.Sprintf("0 lines while it was away, all lines %v after it", healed.Round(10*time.Millisecond)), "of those that stayed "+v.String())
}

// endSome ends logins while Redis is away. It returns what has ended, the streams whose
// session was signed out of at another gateway, and the logins that stand.
func (s *loginScene) endSome() (ended []ending, elsewhere []*chaos.Viewer, stays []*login) {
	s.Helper()
	revoked, leaver, promoted, removed := s.people["revoked"], s.people["leaver"], s.people["promoted"], s.people["removed"]
	_, at := s.accounts.Do("", "token", "revoke", revoked.tokenID)
	ended = append(ended, s.closed("token revoke", revoked.token.viewers, at, endWithin, "revoked"))
	_, at = s.accounts.Do("", "user", "role", "promoted", "operator")
	ended = append(ended, s.closed("role", append(promoted.first.on(0, 1, 2), promoted.other.viewers...), at, endWithin, "revoked"))
	_, at = s.accounts.Do("", "user", "remove", "removed")
	ended = append(ended, s.closed("remove", append(removed.first.on(0, 1, 2), removed.other.viewers...), at, endWithin, "revoked"))
	status, at, err := s.gateways[0].SignOut(leaver.first.header)
	if err != nil || status != http.StatusServiceUnavailable {
		s.Errorf("signing out: %d, %v", status, err)
	}
	ended = append(ended, s.closed("signing out, at that gateway", leaver.first.on(0), at, endWithin, "signed out"))
	elsewhere = leaver.first.on(1, 2)
	stays = []*login{
		&revoked.first, &revoked.other, &leaver.other, &leaver.token, &promoted.token, &removed.token,
		&s.people["expired"].first, &s.people["expired"].other,
	}
	stays = append(stays, s.people["faithful"].logins()...)
	return ended, elsewhere, stays
}

// told waits until every viewer knows that the broker is away.
func (s *loginScene) told(since time.Time) (all []time.Duration) {
	s.Helper()
	late := 0
	for _, p := range s.people {
		for _, v := range p.crowd.Viewers {
			downs, _ := v.Downs()
			for ; len(downs) == 0 && time.Since(since) < toldDown; downs, _ = v.Downs() {
				pause(20 * time.Millisecond)
			}
			if len(downs) == 0 {
				late++
				continue
			}
			all = append(all, downs[0].Sub(since))
		}
	}
	if late > 0 {
		s.Fatalf("%d viewers do not know that Redis is away after %v", late, time.Since(since))
	}
	return sorted(all)
}

// gone waits until viewers' streams have ended, and returns how long after a time.
func (s *loginScene) gone(viewers []*chaos.Viewer, since time.Time) (all []time.Duration) {
	s.Helper()
	for _, v := range viewers {
		finishes, refused := v.Finishes()
		for ; refused.IsZero() && time.Since(since) < toldUp; finishes, refused = v.Finishes() {
			pause(20 * time.Millisecond)
		}
		if len(finishes) != 1 || refused.IsZero() || finishes[0].Reason == "" || finishes[0].After > 0 {
			s.Fatalf("a session that was signed out while Redis was away: %+v, refused %v", finishes, refused)
		}
		all = append(all, finishes[0].At.Sub(since))
	}
	slices.Sort(all)
	return all
}

// whileDown counts the lines that came between the broker's going and its return.
func (s *loginScene) whileDown(logins []*login) (n int) {
	for _, l := range logins {
		for _, v := range l.viewers {
			_, lines := v.Downs()
			n += lines
		}
	}
	return n
}
