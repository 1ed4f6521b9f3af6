package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
)

// TestCutViewers cuts each viewer's connection every 1 to 5 s, or within some random bytes.
func TestCutViewers(t *testing.T) {
	length, rate, viewers := sized(15*time.Second, 2*time.Minute), 200, sized(100, 500)
	s := play(t, keepMuch, nil)
	proxy := chaos.NewProxy(t, s.gateway.Addr, chaos.Faults{CutAfter: func() (int64, time.Duration) {
		return 500 + rand.Int64N(200<<10), between(time.Second, 5*time.Second)
	}})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	s.crowd = chaos.Gather(t.Context(), viewers, "http://"+proxy.Addr+"/api/v1/stream", s.gateway.Header, client)
	t.Cleanup(s.crowd.Leave)
	if err := s.crowd.Opened(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	s.log(4, rate)
	pause(length)
	v := s.finish()
	tally := s.crowd.Tally()
	if v.Gaps > 0 || tally.Opened < 3*viewers {
		t.Errorf("%d gaps %v; %d streams", v.Gaps, tally.Gaps, tally.Opened)
	}
	s.report("viewers cut every 1–5 s at random bytes", fmt.Sprintf("%v, %d lines/s, %d viewers", length, rate, viewers), v,
		fmt.Sprintf("%d streams in all, %d cut in the middle of their bytes, %d lines repeated", tally.Opened, proxy.Cut(), tally.Dropped))
}
