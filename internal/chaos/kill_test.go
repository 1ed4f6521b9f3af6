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
	s := play(t, loglane.Retention{}, nil, "--appendonly", "yes", "--appendfsync", "always")
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
	if v.Gaps > 0 || tally.Ended > viewers {
		t.Errorf("%d gaps %v; %d streams ended early", v.Gaps, tally.Gaps, tally.Ended-viewers)
	}
	s.report("kill -9 of Redis, AOF always", fmt.Sprintf("%d kills, %d lines/s, %d viewers", kills, rate, viewers), v,
		fmt.Sprintf("%d streams ended", tally.Ended-viewers), "to resume after Redis answers: "+chaos.Spread(times))
}
