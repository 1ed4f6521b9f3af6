package chaos

import (
	"fmt"
	"iter"
	"maps"
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
	// Excused says whether a gap may stand for an acknowledged line; nil: for any.
	Excused func(loglane.Src) bool

	accounts []published
	places   map[loglane.Src]place
}

// A published is what one producer has sent.
type published struct {
	producer string
	lines    []Sent
}

type place struct{ producer, index int32 }

// NewChecker takes what was sent; each producer's lines get into the order of their numbers.
func NewChecker(all Published) *Checker {
	c := &Checker{places: make(map[loglane.Src]place)}
	for _, producer := range slices.Sorted(maps.Keys(all)) {
		lines := all[producer]
		slices.SortFunc(lines, func(a, b Sent) int { return int(int64(a.K) - int64(b.K)) })
		for i, line := range lines {
			c.places[loglane.NewSrc(producer, line.K)] = place{producer: int32(len(c.accounts)), index: int32(i)}
		}
		c.accounts = append(c.accounts, published{producer: producer, lines: lines})
	}
	return c
}

// Check judges one viewer. Who was there from the start owes an account of every line;
// anybody else, of those after the first of each producer that it was shown.
func (c *Checker) Check(sights iter.Seq[Sight], fromStart bool) Verdict {
	w := &watch{Checker: c, verdict: Verdict{Viewers: 1}, of: make([]progress, len(c.accounts))}
	for i := range w.of {
		w.of[i] = progress{counts: fromStart, had: make([]bool, len(c.accounts[i].lines))}
	}
	for sight := range sights {
		w.see(sight)
	}
	for producer := range c.accounts {
		w.miss(producer, len(c.accounts[producer].lines))
		w.missNotes(producer)
	}
	return w.verdict
}

// A watch is the judgement of one viewer so far.
type watch struct {
	*Checker
	verdict Verdict
	of      []progress // by producer
	last    loglane.ID
}

// A progress is what a viewer has been shown of one producer.
type progress struct {
	counts bool // next counts; else any line may come
	next   int  // the line that is to come
	gap    bool // lines may be missing before it
	had    []bool
}

func (w *watch) see(s Sight) {
	if s.Kind == Gap {
		w.verdict.Gaps++
		for i := range w.of {
			w.of[i].gap = true
		}
		w.last = loglane.ID{} // what comes after it may be an older place
		return
	}
	w.verdict.Lines++
	at, known := w.places[s.Src]
	if !known || w.accounts[at.producer].lines[at.index].Sum != s.Sum {
		w.blame(&w.verdict.Strange, "a line with the src %v at %v is not as anybody sent it", s.Src, s.ID)
		return
	}
	from, of := &w.accounts[at.producer], &w.of[at.producer]
	line, index := from.lines[at.index], int(at.index)
	if of.had[index] {
		w.blame(&w.verdict.Twice, "%s:%d came twice, the second time at %v", from.producer, line.K, s.ID)
		return
	}
	of.had[index] = true
	switch {
	case line.Late:
		return
	case of.counts && index < of.next:
		w.blame(&w.verdict.Disordered, "%s:%d at %v came after a later one", from.producer, line.K, s.ID)
		return
	case !w.last.IsZero() && !w.last.Less(s.ID):
		w.blame(&w.verdict.Disordered, "%s:%d at %v came after %v", from.producer, line.K, s.ID, w.last)
	case of.counts:
		w.miss(int(at.producer), index)
	}
	of.counts, of.next, of.gap, w.last = true, index+1, false, s.ID
}

// miss accounts for a producer's lines from the one that was to come up to another.
func (w *watch) miss(producer, until int) {
	from, of := &w.accounts[producer], &w.of[producer]
	if !of.counts {
		return
	}
	missing, first := 0, uint64(0)
	for i := min(of.next, until); i < until; i++ {
		line := from.lines[i]
		switch {
		case !line.Acked || line.Late || of.had[i]:
		case of.gap && (w.Excused == nil || w.Excused(loglane.NewSrc(from.producer, line.K))):
			w.verdict.Covered++
		default:
			if missing++; missing == 1 {
				first = line.K
			}
		}
	}
	if missing > 0 {
		w.verdict.Lost += missing
		w.blame(&w.verdict.Unreported, "%d lines of %s from %d on are missing before %v", missing, from.producer, first, w.last)
	}
}

// missNotes wants each late note shown to whoever was never told of a gap.
func (w *watch) missNotes(producer int) {
	from, of := &w.accounts[producer], &w.of[producer]
	if !of.counts || w.verdict.Gaps > 0 {
		return
	}
	for i, line := range from.lines {
		if line.Late && line.Acked && !of.had[i] {
			w.verdict.Lost++
			w.blame(&w.verdict.Unreported, "the note %s:%d is missing", from.producer, line.K)
		}
	}
}

func (w *watch) blame(count *int, format string, args ...any) {
	*count++
	if len(w.verdict.Examples) < maxExamples {
		w.verdict.Examples = append(w.verdict.Examples, fmt.Sprintf(format, args...))
	}
}
