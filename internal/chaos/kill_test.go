package chaos_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
)

// kill kills Redis at random times while programs log and viewers watch.
func (s *scene) kill(times int, after func(killed, up time.Time)) {
	for range times {
		pause(between(2*time.Second, 6*time.Second))
		s.redis.Kill()
		killed := time.Now()
		pause(between(50*time.Millisecond, time.Second))
		s.redis.Restart()
		up := time.Now()
		s.crowd.Mark(up)
		if after != nil {
			after(killed, up)
		}
	}
	pause(5 * time.Second)
}

const resumeWithin = 3 * time.Second

// TestKillWithAOF kills a Redis that writes each line down before it acknowledges it.
func TestKillWithAOF(t *testing.T) {
	kills, rate, viewers := sized(3, 20), sized(1000, 2000), sized(50, 200)
	s := play(t, keepMuch, nil, "--appendonly", "yes", "--appendfsync", "always")
	s.watch(viewers)
	s.log(8, rate)
	s.kill(kills, nil)
	v := s.finish()
	times, tally := s.crowd.Resumed(), s.crowd.Tally()
	if len(times) != kills*viewers {
		t.Errorf("%d of %d times a viewer resumed", len(times), kills*viewers)
	}
	if p99 := chaos.Percentile(times, 99); p99 > resumeWithin {
		t.Errorf("p99 to resume is %v, want at most %v", p99, resumeWithin)
	}
	if v.Gaps > 0 || tally.Dropped > 0 || tally.Ended > viewers {
		t.Errorf("%d gaps %v; %d lines came again; %d streams ended early", v.Gaps, tally.Gaps, tally.Dropped, tally.Ended-viewers)
	}
	s.report("kill -9 of Redis, AOF always", fmt.Sprintf("%d kills, %d lines/s, %d viewers", kills, rate, viewers), v,
		fmt.Sprintf("%d streams ended", tally.Ended-viewers), "to resume after Redis answers: "+chaos.Spread(times))
}

// stored returns the lines that alice's history has now.
func (s *scene) stored() map[loglane.Src]bool {
	s.Helper()
	all := make(map[loglane.Src]bool)
	for from := loglane.Oldest(); ; {
		page, err := s.broker.Read(s.Context(), alice, from, 1000)
		if err != nil {
			s.Fatal(err)
		}
		for _, entry := range page.Entries {
			all[entry.Cursor.Src] = true
			from = loglane.After(entry.Cursor)
		}
		if !page.More {
			return all
		}
	}
}

// producersWindow is how long a producer keeps at least what is acknowledged.
const producersWindow = 10 * time.Second

// TestKillWithoutPersistence kills a Redis that keeps nothing: what it had acknowledged is
// lost, and the producers send it again.
func TestKillWithoutPersistence(t *testing.T) {
	kills, rate, viewers := sized(2, 20), 500, sized(50, 100)
	s := play(t, keepMuch, nil)
	s.watch(viewers)
	s.log(8, rate)
	window, again := 0, 0
	s.kill(kills, func(killed, _ time.Time) {
		pause(6 * time.Second)
		stored := s.stored()
		for _, src := range s.ledger.AckedSince(killed.Add(-producersWindow+100*time.Millisecond), killed) {
			if window++; stored[src] {
				again++
			}
		}
	})
	v := s.finish()
	times, tally := s.crowd.Resumed(), s.crowd.Tally()
	if share := float64(again) / float64(window); share < 0.999 {
		t.Errorf("of %d lines in the producers' window %d were sent again", window, again)
	}
	if v.Gaps != kills*viewers || tally.Gaps[chaos.Epoch] != v.Gaps || tally.Ended > viewers {
		t.Errorf("%d gaps %v; %d streams ended early", v.Gaps, tally.Gaps, tally.Ended-viewers)
	}
	s.report("kill -9 of Redis without persistence", fmt.Sprintf("%d kills, %d lines/s, %d viewers", kills, rate, viewers), v,
		fmt.Sprintf("%d of %d lines of the producers' window sent again", again, window), fmt.Sprintf("%d lines that came again dropped by src", tally.Dropped),
		"to resume after Redis answers: "+chaos.Spread(times))
}
