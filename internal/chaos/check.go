package chaos

import (
	"fmt"
	"iter"
	"slices"

	"github.com/loglane/loglane"
)

// A Verdict is what the checker has found wrong with what viewers were shown.
type Verdict struct {
	Viewers    int
	Lines      int // shown
	Lost       int // acknowledged lines that are missing, and no gap stands where they were
	Unreported int // places where such lines are missing
	Twice      int // lines shown again
	Disordered int // lines shown after a later one
	Strange    int // lines that nobody sent, or not whole
	Covered    int // acknowledged lines that are missing where a gap stands
	Gaps       int
	Examples   []string // of what is wrong, a few
}

const maxExamples = 8

// Wrong says whether a promise is broken.
func (v Verdict) Wrong() bool { return v.Lost+v.Unreported+v.Twice+v.Disordered+v.Strange > 0 }

func (v Verdict) String() string {
	return fmt.Sprintf("%d lines to %d viewers: %d lost, %d twice, %d out of order, %d unreported gaps, %d strange; %d lines covered by %d gaps",
		v.Lines, v.Viewers, v.Lost, v.Twice, v.Disordered, v.Unreported, v.Strange, v.Covered, v.Gaps)
}

// Add joins what was found with two groups of viewers.
func (v *Verdict) Add(other Verdict) {
	v.Viewers += other.Viewers
	v.Lines += other.Lines
	v.Lost += other.Lost
	v.Unreported += other.Unreported
	v.Twice += other.Twice
	v.Disordered += other.Disordered
	v.Strange += other.Strange
	v.Covered += other.Covered
	v.Gaps += other.Gaps
	v.Examples = append(v.Examples, other.Examples...)
	v.Examples = v.Examples[:min(len(v.Examples), maxExamples)]
}

// A Checker judges viewers of one channel.
type Checker struct {
	published Published
	places    map[loglane.Src]place
}

type place struct {
	producer string
	index    int
}

// NewChecker takes what was sent; each producer's lines get into the order of their numbers.
func NewChecker(published Published) *Checker {
	c := &Checker{published: published, places: make(map[loglane.Src]place)}
	for producer, lines := range published {
		slices.SortFunc(lines, func(a, b Sent) int { return int(int64(a.K) - int64(b.K)) })
		for i, line := range lines {
			c.places[loglane.NewSrc(producer, line.K)] = place{producer: producer, index: i}
		}
	}
	return c
}

// Check judges one viewer. Who was there from the start owes an account of every line;
// anybody else, of those after the first of each producer that it was shown.
func (c *Checker) Check(sights iter.Seq[Sight], fromStart bool) Verdict {
	w := &watch{Checker: c, verdict: Verdict{Viewers: 1}, next: make(map[string]int), gap: make(map[string]bool), had: make(map[loglane.Src]bool)}
	if fromStart {
		for producer := range c.published {
			w.next[producer] = 0
		}
	}
	for sight := range sights {
		w.see(sight)
	}
	for producer, lines := range c.published {
		w.miss(producer, len(lines))
		w.missNotes(producer)
	}
	return w.verdict
}

// A watch is the judgement of one viewer so far.
type watch struct {
	*Checker
	verdict Verdict
	next    map[string]int // the producer's line that is to come; absent: any
	gap     map[string]bool
	had     map[loglane.Src]bool
	last    loglane.ID
}

func (w *watch) see(s Sight) {
	if s.Kind == Gap {
		w.verdict.Gaps++
		for producer := range w.published {
			w.gap[producer] = true
		}
		w.last = loglane.ID{} // what comes after it may be an older place
		return
	}
	w.verdict.Lines++
	at, known := w.places[s.Src]
	if !known || w.published[at.producer][at.index].Sum != s.Sum {
		w.blame(&w.verdict.Strange, "a line with the src %v at %v is not as anybody sent it", s.Src, s.ID)
		return
	}
	line := w.published[at.producer][at.index]
	if w.had[s.Src] {
		w.blame(&w.verdict.Twice, "%s:%d came twice, the second time at %v", at.producer, line.K, s.ID)
		return
	}
	w.had[s.Src] = true
	next, counts := w.next[at.producer]
	switch {
	case line.Late:
		return
	case counts && at.index < next:
		w.blame(&w.verdict.Disordered, "%s:%d at %v came after a later one", at.producer, line.K, s.ID)
		return
	case !w.last.IsZero() && !w.last.Less(s.ID):
		w.blame(&w.verdict.Disordered, "%s:%d at %v came after %v", at.producer, line.K, s.ID, w.last)
	case counts:
		w.miss(at.producer, at.index)
	}
	w.next[at.producer], w.gap[at.producer], w.last = at.index+1, false, s.ID
}

// miss accounts for a producer's lines from the one that was to come up to another.
func (w *watch) miss(producer string, until int) {
	next, counts := w.next[producer]
	if !counts {
		return
	}
	missing, first := 0, uint64(0)
	for _, line := range w.published[producer][min(next, until):until] {
		if line.Acked && !line.Late && !w.had[loglane.NewSrc(producer, line.K)] {
			if missing++; missing == 1 {
				first = line.K
			}
		}
	}
	switch {
	case missing == 0:
	case w.gap[producer]:
		w.verdict.Covered += missing
	default:
		w.verdict.Lost += missing
		w.blame(&w.verdict.Unreported, "%d lines of %s from %d on are missing before %v", missing, producer, first, w.last)
	}
}

// missNotes wants each late note shown to whoever was never told of a gap.
func (w *watch) missNotes(producer string) {
	if _, counts := w.next[producer]; !counts || w.verdict.Gaps > 0 {
		return
	}
	for _, line := range w.published[producer] {
		if line.Late && line.Acked && !w.had[loglane.NewSrc(producer, line.K)] {
			w.verdict.Lost++
			w.blame(&w.verdict.Unreported, "the note %s:%d is missing", producer, line.K)
		}
	}
}

func (w *watch) blame(count *int, format string, args ...any) {
	*count++
	if len(w.verdict.Examples) < maxExamples {
		w.verdict.Examples = append(w.verdict.Examples, fmt.Sprintf(format, args...))
	}
}
