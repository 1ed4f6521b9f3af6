package loglane_test

import (
	"fmt"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// costOf is the least that it takes to look for an expression in a text.
func costOf(expression, text string) (least time.Duration) {
	re := regexp.MustCompile(expression)
	for i := range 20 {
		began := time.Now()
		re.MatchReader(strings.NewReader(text))
		if took := time.Since(began); i == 0 || took < least {
			least = took
		}
	}
	return least
}

// An expression has a tenth of a processor after its first moment, however many lines there
// are; and no more than half of the processors look for any.
func TestACostlyPatternHasItsShare(t *testing.T) {
	text := strings.Repeat("x", 2500)
	c := newCrowdHub(t, loglane.Retention{Bytes: 64 << 20})
	if n, want := loglane.EvaluationsAtOnce(c.hub), max(runtime.GOMAXPROCS(0)/2, 1); n != want {
		t.Errorf("%d lines are looked through at once, want %d", n, want)
	}
	cost := costOf(`(?:x?){100}y`, text)
	c.watch("backlog=0&q=" + url.QueryEscape(`/(?:x?){100}y/`))
	began := time.Now()
	c.append(900, func(int) []byte { return fmt.Appendf(nil, `{"message":%q}`, text) })
	<-time.After(2 * time.Second)
	n, during := c.hub.Stats().Evaluations, time.Since(began)
	// Twice, for the machine may have been slower when the cost was taken.
	took, most := time.Duration(n)*cost, 2*(250*time.Millisecond+during/10)
	if n == 0 || took > most {
		t.Errorf("%d evaluations of %v take %v of %v, want %v at most", n, cost, took, during, most)
	}
	t.Logf("%d evaluations of %v within %v", n, cost, during)
}
