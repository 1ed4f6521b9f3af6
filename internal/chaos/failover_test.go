package chaos_test

import (
	"slices"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
)

// TestAuditor plants what the auditor is there to find: lines 1 to 4 were stored, 3 and 4
// were lost with a 5th that nobody knows of, 3 and 4 came again, and 6 is new.
func TestAuditor(t *testing.T) {
	place := func(k, ms uint64) chaos.Place {
		return chaos.Place{ID: loglane.ID{Ms: ms}, Src: loglane.NewSrc("a", k)}
	}
	at := func(k, ms uint64) chaos.Sight {
		p := place(k, ms)
		return chaos.Sight{ID: p.ID, Src: p.Src, At: int32(1000 * ms)}
	}
	rewritten := chaos.Sight{Kind: chaos.Gap, Reason: chaos.Rewritten}
	began := time.Now()
	failovers := []chaos.Failover{
		{
			Named: began.Add(60 * time.Millisecond),
			Lost:  []chaos.Place{place(3, 30), place(4, 40)},
			Kept:  []chaos.Place{place(1, 10), place(2, 20), place(3, 60), place(4, 61), place(5, 62), place(6, 70), place(7, 80)},
		},
		{
			Named: began.Add(90 * time.Millisecond),
			Lost:  []chaos.Place{place(7, 80)},
			Kept:  []chaos.Place{place(6, 70), place(7, 90), place(8, 95)},
		},
	}
	before := []chaos.Sight{at(1, 10), at(2, 20), at(3, 30), at(4, 40), at(5, 50)}
	for name, c := range map[string]struct {
		sights []chaos.Sight
		want   chaos.Account
	}{
		"both told":                       {append(before[:5:5], rewritten, at(6, 70), at(7, 80), rewritten, at(8, 95)), chaos.Account{Owed: 2, Told: 2, Resumed: []time.Duration{5e6, 10e6}}},
		"the first was not":               {append(before[:5:5], at(6, 70), at(7, 80), rewritten, at(8, 95)), chaos.Account{Owed: 2, Told: 1, Silent: 1, Resumed: []time.Duration{5e6}}},
		"the last was not":                {append(before[:5:5], rewritten, at(6, 70), at(7, 80), at(8, 95)), chaos.Account{Owed: 2, Told: 1, Silent: 1, Resumed: []time.Duration{10e6}}},
		"another reason":                  {append(before[:5:5], gap, at(6, 70)), chaos.Account{Owed: 1, Silent: 1}},
		"too late":                        {append(before[:5:5], at(6, 70), rewritten), chaos.Account{Owed: 1, Silent: 1}},
		"nothing more":                    {before, chaos.Account{Owed: 1, Silent: 1}},
		"told, and nothing more":          {append(before[:5:5], rewritten), chaos.Account{Owed: 1, Told: 1}},
		"had nothing that was lost":       {append(before[:2:2], at(3, 60), at(4, 61), at(5, 62), at(6, 70)), chaos.Account{}},
		"a lost line of the next one":     {append(before[:5:5], at(7, 80), rewritten, at(8, 95)), chaos.Account{Owed: 2, Told: 1, Silent: 1, Resumed: []time.Duration{5e6}}},
		"told before it was shown at all": {append(before[:2:2], rewritten, at(3, 60), at(4, 61), at(5, 62), at(6, 70)), chaos.Account{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := chaos.NewAuditor(failovers).Check(slices.Values(c.sights), began)
			slices.Sort(got.Resumed)
			if got.Owed != c.want.Owed || got.Told != c.want.Told || got.Silent != c.want.Silent || !slices.Equal(got.Resumed, c.want.Resumed) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}
