package chaos_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
)

func sum(producer string, k uint64) uint32 {
	return chaos.SumOf(fmt.Appendf(nil, "%s:%d", producer, k))
}

// published has 10 acknowledged lines of a and of b, with numbers that leave others free,
// and one more of a whose fate is unknown.
func published() chaos.Published {
	p := make(chaos.Published)
	for i := uint64(1); i <= 10; i++ {
		for _, producer := range []string{"a", "b"} {
			p[producer] = append(p[producer], chaos.Sent{K: 2 * i, Sum: sum(producer, 2*i), Acked: true})
		}
	}
	p["a"] = append(p["a"], chaos.Sent{K: 22, Sum: sum("a", 22)}, chaos.Sent{K: 9, Sum: sum("a", 9), Late: true})
	return p
}

// shown is a viewer's view without fault: a and b in turn.
func shown() (sights []chaos.Sight) {
	for i := uint64(1); i <= 10; i++ {
		sights = append(sights, line("a", 2*i, 10*i), line("b", 2*i, 10*i+1))
	}
	return sights
}

func line(producer string, k, ms uint64) chaos.Sight {
	return chaos.Sight{ID: loglane.ID{Ms: ms}, Src: loglane.NewSrc(producer, k), Sum: sum(producer, k)}
}

var gap = chaos.Sight{Kind: chaos.Gap, Reason: chaos.Epoch}

// TestChecker plants every fault that the checker is there to find.
func TestChecker(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]chaos.Sight) []chaos.Sight
		late   bool // the viewer was not there from the start
		want   chaos.Verdict
	}{
		"nothing": {},
		"a line without acknowledgement is shown": {change: func(s []chaos.Sight) []chaos.Sight { return append(s, line("a", 22, 200)) }},
		"a line is lost": {change: func(s []chaos.Sight) []chaos.Sight { return slices.Delete(s, 4, 5) }, want: chaos.Verdict{Lost: 1, Unreported: 1}},
		"two in a row are lost, of each producer": {change: func(s []chaos.Sight) []chaos.Sight { return slices.Delete(s, 4, 8) }, want: chaos.Verdict{Lost: 4, Unreported: 2}},
		"the first is lost":                       {change: func(s []chaos.Sight) []chaos.Sight { return s[1:] }, want: chaos.Verdict{Lost: 1, Unreported: 1}},
		"the first came before the viewer":        {late: true, change: func(s []chaos.Sight) []chaos.Sight { return s[1:] }},
		"the last are lost":                       {change: func(s []chaos.Sight) []chaos.Sight { return s[:len(s)-3] }, want: chaos.Verdict{Lost: 3, Unreported: 2}},
		"all is lost":                             {change: func([]chaos.Sight) []chaos.Sight { return nil }, want: chaos.Verdict{Lost: 20, Unreported: 2}},
		"a line comes twice":                      {change: func(s []chaos.Sight) []chaos.Sight { return append(s, line("b", 20, 300)) }, want: chaos.Verdict{Twice: 1}},
		"a line comes twice after a gap":          {change: func(s []chaos.Sight) []chaos.Sight { return append(s, gap, line("b", 2, 300)) }, want: chaos.Verdict{Twice: 1, Gaps: 1}},
		"two are exchanged": {change: func(s []chaos.Sight) []chaos.Sight {
			s[4], s[6] = s[6], s[4]
			return s
		}, want: chaos.Verdict{Disordered: 2, Lost: 1, Unreported: 1}},
		"places go back": {change: func(s []chaos.Sight) []chaos.Sight {
			s[6].ID.Ms = 1
			return s
		}, want: chaos.Verdict{Disordered: 1}},
		"places go back after a gap": {change: func(s []chaos.Sight) []chaos.Sight {
			for i := range s[6:] {
				s[6+i].ID.Ms -= 39
			}
			return slices.Insert(s, 6, gap)
		}, want: chaos.Verdict{Gaps: 1}},
		"a loss is reported": {change: func(s []chaos.Sight) []chaos.Sight {
			return slices.Insert(slices.Delete(s, 4, 8), 4, gap)
		}, want: chaos.Verdict{Covered: 4, Gaps: 1}},
		"a loss at the end is reported": {change: func(s []chaos.Sight) []chaos.Sight { return append(s[:16], gap) }, want: chaos.Verdict{Covered: 4, Gaps: 1}},
		"a loss is reported too early": {change: func(s []chaos.Sight) []chaos.Sight {
			return slices.Insert(slices.Delete(s, 4, 5), 2, gap)
		}, want: chaos.Verdict{Lost: 1, Unreported: 1, Gaps: 1}},
		"a loss is reported too late": {change: func(s []chaos.Sight) []chaos.Sight {
			return slices.Insert(slices.Delete(s, 4, 5), 8, gap)
		}, want: chaos.Verdict{Lost: 1, Unreported: 1, Gaps: 1}},
		"a late note": {change: func(s []chaos.Sight) []chaos.Sight { return append(s, gap, line("a", 9, 300)) }, want: chaos.Verdict{Gaps: 1}},
		"half an event": {change: func(s []chaos.Sight) []chaos.Sight {
			s[19].Sum++
			return s
		}, want: chaos.Verdict{Strange: 1, Lost: 1, Unreported: 1}},
		"a line that nobody sent": {change: func(s []chaos.Sight) []chaos.Sight { return append(s, line("c", 1, 500)) }, want: chaos.Verdict{Strange: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			sights := shown()
			if c.change != nil {
				sights = c.change(sights)
			}
			c.want.Viewers = 1
			for _, s := range sights {
				if s.Kind == chaos.Shown {
					c.want.Lines++
				}
			}
			got := chaos.NewChecker(published()).Check(slices.Values(sights), !c.late)
			wrong := got.Lost+got.Unreported+got.Twice+got.Disordered+got.Strange > 0
			if got.Wrong() != wrong || wrong != (len(got.Examples) > 0) {
				t.Errorf("wrong is %v with the examples %q", got.Wrong(), got.Examples)
			}
			got.Examples = nil
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

// TestExcusedLines plants a gap that stands for lines of which one has no excuse.
func TestExcusedLines(t *testing.T) {
	checker := chaos.NewChecker(published())
	checker.Excused = func(src loglane.Src) bool { return src != loglane.NewSrc("a", 8) }
	got := checker.Check(slices.Values(slices.Insert(slices.Delete(shown(), 4, 8), 4, gap)), true)
	if got.Covered != 3 || got.Lost != 1 || got.Unreported != 1 || !got.Wrong() {
		t.Errorf("%v", got)
	}
}
