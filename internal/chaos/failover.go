package chaos

import (
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// A Place is where a line was stored. A line that is sent again has another.
type Place struct {
	ID  loglane.ID
	Src loglane.Src
}

// A Failover is what became of a history when a replica that was behind took over.
type Failover struct {
	Named time.Time // when the new master was known
	Lost  []Place   // of acknowledged lines, which the new master had not
	Kept  []Place   // which it has: some before those that are lost, and what came since
}

// An Account is what viewers were told of failovers.
type Account struct {
	Owed    int             // times a viewer had been shown a line at a place that was lost then
	Told    int             // of these, a gap said rewritten before the next line came
	Silent  int             // of these, none did
	Resumed []time.Duration // from the new master's naming to the first line after the gap; shortest first
}

// Add joins the accounts of two groups of viewers.
func (a *Account) Add(other Account) {
	a.Owed += other.Owed
	a.Told += other.Told
	a.Silent += other.Silent
	a.Resumed = append(a.Resumed, other.Resumed...)
	slices.Sort(a.Resumed)
}

// An Auditor holds viewers to account for what they were told of failovers.
type Auditor struct {
	named []time.Time
	lost  map[Place]int // to the failover that lost it
	kept  []map[Place]struct{}
}

// NewAuditor takes all failovers of a run, in order.
func NewAuditor(failovers []Failover) *Auditor {
	a := &Auditor{lost: make(map[Place]int)}
	for i, f := range failovers {
		a.named = append(a.named, f.Named)
		for _, place := range f.Lost {
			a.lost[place] = i
		}
		kept := make(map[Place]struct{}, len(f.Kept))
		for _, place := range f.Kept {
			kept[place] = struct{}{}
		}
		a.kept = append(a.kept, kept)
	}
	return a
}

// Check audits what one viewer saw; began is what the times of its sights count from.
func (a *Auditor) Check(sights iter.Seq[Sight], began time.Time) Account {
	const none = -1
	account, owed, told := Account{}, none, false
	for s := range sights {
		if s.Kind == Gap {
			if owed != none && !told && s.Reason == Rewritten {
				account.Told++
				told = true
			}
			continue
		}
		place := Place{s.ID, s.Src}
		lostIn, lost := a.lost[place]
		switch {
		case owed == none:
		case told:
			account.Resumed = append(account.Resumed, began.Add(time.Duration(s.At)*time.Microsecond).Sub(a.named[owed]))
			owed = none
		default:
			// Until then places may be the old master's, of which not all are known.
			if _, kept := a.kept[owed][place]; kept || lost && lostIn != owed {
				account.Silent++
				owed = none
			}
		}
		if lost && owed == none {
			owed, told = lostIn, false
			account.Owed++
		}
	}
	if owed != none && !told {
		account.Silent++
	}
	return account
}

// Audit checks all viewers, which have stopped watching.
func (c *Crowd) Audit(failovers []Failover) Account {
	auditor := NewAuditor(failovers)
	accounts := make([]Account, len(c.Viewers))
	var checking sync.WaitGroup
	turns := make(chan struct{}, 2)
	for i, v := range c.Viewers {
		checking.Go(func() {
			turns <- struct{}{}
			accounts[i] = auditor.Check(v.Sights(), v.began)
			<-turns
		})
	}
	checking.Wait()
	var all Account
	for _, account := range accounts {
		all.Add(account)
	}
	return all
}
