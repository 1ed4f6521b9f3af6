package chaos_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
)

const (
	foundWithin = 10 * time.Second
	backWithin  = 15 * time.Second
)

// behind lets a gateway reach Redis through a proxy.
func behind(t *testing.T, faults chaos.Faults, proxy **chaos.Proxy) func(*redistest.Server) string {
	return func(redis *redistest.Server) string {
		*proxy = chaos.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", redis.Port), faults)
		return "redis://" + (*proxy).Addr + "/0"
	}
}

// ready fails where /readyz does not answer so in time.
func (s *scene) ready(status int, within time.Duration) time.Duration {
	s.Helper()
	took, err := s.gateway.AwaitReady(status, within)
	if err != nil {
		s.Error(err)
	}
	return took
}

var keepMuch = loglane.Retention{Lines: 200_000, Bytes: 256 << 20}

// TestBlackHole lets nothing pass between gateway and Redis, and closes nothing.
func TestBlackHole(t *testing.T) {
	hole, rate, viewers := sized(15*time.Second, time.Minute), sized(500, 1000), sized(50, 200)
	var proxy *chaos.Proxy
	s := play(t, keepMuch, behind(t, chaos.Faults{}, &proxy))
	s.watch(viewers)
	s.log(4, rate)
	pause(3 * time.Second)
	before := proxy.Accepted()
	proxy.BlackHole(true)
	began := time.Now()
	found := s.ready(http.StatusServiceUnavailable, foundWithin)
	pause(hole - time.Since(began))
	tries := proxy.Accepted() - before
	proxy.BlackHole(false)
	up := time.Now()
	s.crowd.Mark(up)
	back := s.ready(http.StatusOK, backWithin)
	for len(s.crowd.Resumed()) < viewers && time.Since(up) < backWithin {
		pause(50 * time.Millisecond)
	}
	v := s.finish()
	times, tally := s.crowd.Resumed(), s.crowd.Tally()
	if p := chaos.Percentile(times, 100); len(times) < viewers || p > backWithin {
		t.Errorf("%d of %d viewers have lines again, the last after %v", len(times), viewers, p)
	}
	if v.Gaps > 0 || tally.Ended > viewers {
		t.Errorf("%d gaps %v; %d streams ended early", v.Gaps, tally.Gaps, tally.Ended-viewers)
	}
	if perSecond := float64(tries) / hole.Seconds(); perSecond > 2 {
		t.Errorf("%.1f connections a second are tried while nothing answers", perSecond)
	}
	s.report("black hole between gateway and Redis, no RST", fmt.Sprintf("%v, %d lines/s, %d viewers", hole, rate, viewers), v,
		fmt.Sprintf("/readyz red after %v, green %v after the end; %d streams ended; %d connections tried", found.Round(100*time.Millisecond), back.Round(100*time.Millisecond), tally.Ended-viewers, tries),
		"lines again after the end: "+chaos.Spread(times))
}

// TestPubSubIsolated lets every command pass and no Pub/Sub message: TCP is healthy, and so
// is all that Redis answers.
func TestPubSubIsolated(t *testing.T) {
	silence, rate, viewers := sized(15*time.Second, time.Minute), sized(500, 1000), sized(50, 200)
	var proxy *chaos.Proxy
	var silent atomic.Bool
	s := play(t, keepMuch, behind(t, chaos.Faults{SwallowMessage: func(string) bool { return silent.Load() }}, &proxy))
	s.watch(viewers)
	s.log(4, rate)
	pause(3 * time.Second)
	silent.Store(true)
	began := time.Now()
	s.crowd.Mark(began)
	found := s.ready(http.StatusServiceUnavailable, foundWithin)
	pause(silence - time.Since(began))
	without := s.crowd.Resumed()
	silent.Store(false)
	s.crowd.Mark(time.Now())
	back := s.ready(http.StatusOK, backWithin)
	pause(5 * time.Second)
	v := s.finish()
	times, tally := s.crowd.Resumed(), s.crowd.Tally()
	if p := chaos.Percentile(without, 100); len(without) < viewers || p > backWithin {
		t.Errorf("%d of %d viewers have lines while no message comes, the last after %v", len(without), viewers, p)
	}
	if v.Gaps > 0 || tally.Ended > viewers {
		t.Errorf("%d gaps %v; %d streams ended early", v.Gaps, tally.Gaps, tally.Ended-viewers)
	}
	if len(times) < 2*viewers {
		t.Errorf("%d of %d viewers have lines after it", len(times)-viewers, viewers)
	}
	s.report("Pub/Sub isolated, TCP and commands healthy", fmt.Sprintf("%v, %d lines/s, %d viewers", silence, rate, viewers), v,
		fmt.Sprintf("/readyz red after %v, green %v after the end; %d streams ended", found.Round(100*time.Millisecond), back.Round(100*time.Millisecond), tally.Ended-viewers),
		"lines again, while it lasts: "+chaos.Spread(without))
}

// TestDroppedMessages loses one message in a hundred.
func TestDroppedMessages(t *testing.T) {
	length, viewers := sized(10*time.Second, time.Minute), sized(50, 200)
	var proxy *chaos.Proxy
	var lost atomic.Int64
	s := play(t, loglane.Retention{}, behind(t, chaos.Faults{SwallowMessage: func(channel string) bool {
		drop := channel == alice && chaos.OneIn(100)
		if drop {
			lost.Add(1)
		}
		return drop
	}}, &proxy))
	s.watch(viewers)
	s.log(4, 1000)
	pause(length)
	v := s.finish()
	if v.Gaps > 0 || lost.Load() == 0 {
		t.Errorf("%d gaps; %d messages were dropped", v.Gaps, lost.Load())
	}
	s.report("1 % of live messages dropped", fmt.Sprintf("%v, 1000 lines/s, %d viewers", length, viewers), v, fmt.Sprintf("%d messages dropped", lost.Load()))
}
