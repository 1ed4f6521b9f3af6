package chaos_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
)

// TestQueries lets a thousand streams at once look for costly expressions of their own in
// what is stored, beside quiet rounds: those who watch keep their latency.
func TestQueries(t *testing.T) {
	viewers := sized(50, 100)
	s := stage(t)
	tokens, cursors := s.guests(50, sized(50, 200))
	attack := storm{Base: s.gateway.Base, Tokens: tokens, Cursors: cursors, Streams: 1000, Queries: true}
	pause(2 * time.Second) // until the gateway has read the tokens
	s.watch(viewers)
	s.log(2, 20)
	pause(2 * time.Second)
	quiet := time.Now()
	pause(sized(8*time.Second, 30*time.Second))
	began, used := time.Now(), s.processor()
	out := unleash[storm, stormed](t, "TestStormItself", attack)
	ended, took := time.Now(), s.processor()-used
	if out.Opened != attack.Streams {
		t.Errorf("%d of %d streams are opened: %v", out.Opened, attack.Streams, out.Refused)
	}
	v := s.finish()
	b := s.besides([]span{{quiet, began}}, []span{{began, ended}})
	s.bears(b)
	// Where expressions are not held back, half of the lines take tens of milliseconds.
	p50, p50Beside := chaos.Percentile(b.alone, 50), chaos.Percentile(b.attacked, 50)
	if p50Beside > 3*p50+10*time.Millisecond {
		t.Errorf("p50 is %v beside the expressions and %v without", p50Beside, p50)
	}
	if tally := s.crowd.Tally(); tally.Ended > viewers {
		t.Errorf("%d streams of viewers ended", tally.Ended-viewers)
	}
	s.report("costly expressions", fmt.Sprintf("%d streams at once with an expression each, %d viewers", attack.Streams, viewers), v,
		"quiet: "+chaos.Spread(b.alone), "beside them: "+chaos.Spread(b.attacked),
		fmt.Sprintf("p99 %.2f times; all open after %v; the gateway took %v of the processor", b.ratio, out.Took.Round(100*time.Millisecond), took))
}
