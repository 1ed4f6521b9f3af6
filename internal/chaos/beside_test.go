package chaos_test

import (
	"time"

	"github.com/loglane/loglane/internal/chaos"
)

const (
	// slowing is by how much an attack may lengthen p99 of the streams beside it …
	slowing = 2.0
	// … and besideMost all that the short form asks of it: it shares its machine with other
	// tests, and a ratio of small figures says nothing there.
	besideMost = 250 * time.Millisecond
)

// A span is from one moment until another.
type span struct{ from, until time.Time }

// A beside is how long lines took, sorted, while nothing else went on and beside an attack.
type beside struct {
	alone, attacked       []time.Duration
	p99Alone, p99Attacked time.Duration
	ratio                 float64 // of the latter to the former
}

// besides times the lines that all viewers were shown; it is for after the end.
func (s *scene) besides(alone, attacked []span) (b beside) {
	sentAt := s.ledger.SentAt()
	for _, viewer := range s.crowd.Viewers {
		for _, in := range alone {
			b.alone = viewer.Latencies(b.alone, sentAt, in.from, in.until)
		}
		for _, in := range attacked {
			b.attacked = viewer.Latencies(b.attacked, sentAt, in.from, in.until)
		}
	}
	b.p99Alone, b.p99Attacked = chaos.Percentile(sorted(b.alone), 99), chaos.Percentile(sorted(b.attacked), 99)
	b.ratio = float64(b.p99Attacked) / float64(b.p99Alone)
	return b
}

// bears checks that an attack has not slowed those beside it.
func (s *scene) bears(b beside) {
	s.Helper()
	if b.ratio > slowing && (*size == "long" || b.p99Attacked > besideMost) {
		s.Errorf("p99 is %v beside the attack and %v without: %.2f times", b.p99Attacked, b.p99Alone, b.ratio)
	}
}
