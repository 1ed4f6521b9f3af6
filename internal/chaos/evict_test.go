package chaos_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
)

// TestEvicted takes data away from a Redis that goes on, while programs log and viewers
// watch.
func TestEvicted(t *testing.T) {
	fault(t)
	for _, c := range []struct {
		name    string
		command []string
		gaps    int // at most, for each viewer and time
	}{
		{"FLUSHDB", []string{"FLUSHDB"}, 1},
		{"only the stream evicted", []string{"UNLINK", "stream:" + alice}, 1},
		{"only the meta evicted", []string{"UNLINK", "loglane:meta:{" + alice + "}"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			times, rate, viewers := sized(3, 20), 500, sized(30, 100)
			s := play(t, keepMuch, nil)
			s.watch(viewers)
			s.log(8, rate)
			for range times {
				pause(between(time.Second, 5*time.Second))
				s.crowd.Mark(time.Now())
				s.redis.MustDo(c.command...)
			}
			pause(3 * time.Second)
			v := s.finish()
			tally := s.crowd.Tally()
			if v.Gaps > c.gaps*times*viewers || c.gaps == 0 && v.Covered > 0 || tally.Ended > viewers {
				t.Errorf("%d lines missing at %d gaps %v; %d streams ended early", v.Covered, v.Gaps, tally.Gaps, tally.Ended-viewers)
			}
			if c.command[0] == "FLUSHDB" && v.Gaps != times*viewers {
				t.Errorf("%d gaps, want one for each of %d viewers and %d losses", v.Gaps, viewers, times)
			}
			s.report(c.name+" under load", fmt.Sprintf("%d times, %d lines/s, %d viewers", times, rate, viewers), v,
				fmt.Sprintf("%d lines that came again dropped by src; %d streams ended", tally.Dropped, tally.Ended-viewers),
				"the next line after it: "+chaos.Spread(s.crowd.Resumed()))
		})
	}
}

// signedOutWithin is how long a lost session may last: streams ask every 30 s.
const signedOutWithin = 35 * time.Second

// TestSessionsEvicted loses the sessions too: whoever was signed in is told.
func TestSessionsEvicted(t *testing.T) {
	if *size == "short" {
		t.Skip("streams ask after their session every 30 s: only in the long form")
	}
	const viewers = 50
	s := play(t, keepMuch, nil)
	header, err := s.gateway.SignIn()
	if err != nil {
		t.Fatal(err)
	}
	s.crowd = chaos.Gather(t.Context(), viewers, s.gateway.Stream(), header, nil)
	t.Cleanup(s.crowd.Leave)
	if err := s.crowd.Opened(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	s.redis.MustDo("FLUSHDB")
	began := time.Now()
	for len(s.crowd.Tally().Ends) < viewers && time.Since(began) < signedOutWithin {
		pause(100 * time.Millisecond)
	}
	tally := s.crowd.Tally()
	if tally.Ended < viewers || len(tally.Ends) != viewers {
		t.Errorf("of %d streams %d ended, with %d auth events", viewers, tally.Ended, len(tally.Ends))
	}
	table.Add("FLUSHDB with the sessions in it", fmt.Sprintf("%d signed-in viewers", viewers),
		fmt.Sprintf("%d streams ended within %v, %d of them with an auth event", tally.Ended, time.Since(began).Round(time.Second), len(tally.Ends)), !t.Failed())
}
