package brokertest

import (
	"time"

	"github.com/loglane/loglane"
)

var statusCases = []testCase{
	{"a trimmed channel", Options{Retention: loglane.Retention{Lines: 10}}, statusTrimmed},
	{"a whole channel", Options{}, statusWhole},
	{"a channel that nobody wrote to", Options{}, statusNew},
	{"a foreign channel", Options{}, statusForeign},
	{"a mixed channel counts nothing", Options{Retention: loglane.Retention{Lines: 10}}, statusMixed},
	{"resume at every place", Options{Retention: loglane.Retention{Lines: 100}}, resumeEverywhere},
}

// wantStatus reads after a cursor; a page that is not OK begins at the oldest entry.
func (f *fixture) wantStatus(what string, c loglane.Cursor, status loglane.Status, missed int64) loglane.Page {
	f.Helper()
	page := f.read(loglane.After(c), 1000)
	if page.Status != status || page.Missed != missed {
		f.Errorf("%s, cursor %v: status %v, missed %d; want %v, %d", what, c, page.Status, page.Missed, status, missed)
	}
	if page.Status != loglane.OK {
		f.same(what, page.Entries, f.read(loglane.Oldest(), 1000).Entries)
	}
	return page
}

func older(c loglane.Cursor, d time.Duration) loglane.Cursor {
	c.ID.Ms -= uint64(d.Milliseconds())
	return c
}

func statusTrimmed(f *fixture) {
	var past []loglane.Cursor
	for k := uint64(1); k <= 400; k += 4 {
		f.append("alpha", k, k+3)
		past = append(past, f.read(loglane.Last(1), 1).Tail)
	}
	all := f.all()
	f.chained(all)
	oldest, newest := all[0], all[len(all)-1]
	before := int64(oldest.Cursor.N) - 1
	if before < 100 {
		f.Fatalf("only %d entries were trimmed", before)
	}
	for i, entry := range all {
		f.same("after an entry", f.wantStatus("an entry", entry.Cursor, loglane.OK, 0).Entries, all[i+1:])
	}
	f.same("after the floor", f.wantStatus("the floor", loglane.Cursor{Epoch: oldest.Cursor.Epoch, N: oldest.Cursor.N - 1, ID: oldest.Prev}, loglane.OK, 0).Entries, all)
	for _, c := range past {
		if c.ID.Less(oldest.Prev) {
			f.wantStatus("a trimmed entry", c, loglane.StatusTrimmed, before-int64(c.N))
		}
	}
	first := past[0]
	f.wantStatus("the beginning", loglane.Cursor{Epoch: first.Epoch}, loglane.StatusTrimmed, before)
	f.wantStatus("the beginning without its epoch", loglane.Cursor{}, loglane.StatusTrimmed, before)
	f.wantStatus("the beginning after a line that was trimmed", loglane.Cursor{Epoch: first.Epoch, N: 7}, loglane.StatusTrimmed, before-7)
	f.wantStatus("the beginning of an unknown epoch", loglane.Cursor{Epoch: unknownEpoch}, loglane.StatusEpoch, -1)
	f.wantStatus("long ago", older(first, 2*time.Hour), loglane.StatusExpired, before-4)
	other := first
	other.Epoch = unknownEpoch
	f.wantStatus("another epoch", other, loglane.StatusEpoch, -1)
	f.wantStatus("another epoch long ago", older(other, 2*time.Hour), loglane.StatusExpired, -1)
	f.statusesOfPlaces(all, newest.Cursor)
}

// statusesOfPlaces asks after places where no entry of ours stands or stood.
func (f *fixture) statusesOfPlaces(all []loglane.Entry, newest loglane.Cursor) {
	f.Helper()
	middle := all[len(all)/2].Cursor
	c := middle
	c.Src = loglane.NewSrc("another", 1)
	f.wantStatus("another line at the place", c, loglane.StatusRewritten, -1)
	c.Src = loglane.Src{}
	f.wantStatus("a line without src at the place", c, loglane.StatusRewritten, -1)
	c.Epoch = unknownEpoch
	f.wantStatus("another epoch's line without src at the place", c, loglane.StatusEpoch, -1)
	c = middle
	c.Epoch = unknownEpoch
	f.wantStatus("the line under another epoch", c, loglane.OK, 0)
	c.Epoch = ""
	f.wantStatus("the line without its epoch", c, loglane.OK, 0)
	c = middle
	c.ID.Seq += 1 << 40
	f.wantStatus("a place where nothing stands", c, loglane.StatusRewritten, -1)
	c = newest
	c.ID.Seq++
	f.wantStatus("just beyond the tail", c, loglane.StatusRewritten, -1)
	c.ID.Ms += uint64(time.Hour.Milliseconds())
	f.wantStatus("far beyond the tail", c, loglane.StatusRewritten, -1)
	c.Epoch = unknownEpoch
	f.wantStatus("beyond the tail under another epoch", c, loglane.StatusEpoch, -1)
}

func statusWhole(f *fixture) {
	f.fill(30)
	all := f.all()
	epoch := all[0].Cursor.Epoch
	f.same("after 0-0", f.wantStatus("the beginning", loglane.Cursor{}, loglane.OK, 0).Entries, all)
	f.same("after 0-0", f.wantStatus("the beginning with its epoch", loglane.Cursor{Epoch: epoch}, loglane.OK, 0).Entries, all)
	f.same("after 0-0", f.wantStatus("the beginning under another epoch", loglane.Cursor{Epoch: unknownEpoch}, loglane.OK, 0).Entries, all)
	f.statusesOfPlaces(all, all[29].Cursor)
	c := older(all[0].Cursor, time.Minute)
	c.N = 0
	f.wantStatus("before the first line", c, loglane.StatusTrimmed, -1)
}

func statusNew(f *fixture) {
	f.wantStatus("the beginning", loglane.Cursor{}, loglane.OK, 0)
	now := loglane.Cursor{Epoch: unknownEpoch, N: 7, ID: loglane.ID{Ms: f.read(loglane.Oldest(), 1).Now}}
	f.wantStatus("a place of today", now, loglane.StatusEpoch, -1)
	now.Epoch = ""
	f.wantStatus("a place of today, no epoch", now, loglane.StatusEpoch, -1)
	f.wantStatus("a place of yesterday", older(now, 24*time.Hour), loglane.StatusExpired, -1)
}

func statusForeign(f *fixture) {
	for _, data := range []string{"one", "two", "three"} {
		f.Store(f.channel, []byte(data))
	}
	all := f.all()
	f.same("after 0-0", f.wantStatus("the beginning", loglane.Cursor{}, loglane.OK, 0).Entries, all)
	for i, entry := range all {
		f.same("after an entry", f.wantStatus("an entry", entry.Cursor, loglane.OK, 0).Entries, all[i+1:])
		c := entry.Cursor
		c.Src = loglane.NewSrc("alpha", 1)
		f.wantStatus("our line at the place", c, loglane.StatusRewritten, -1)
		c = entry.Cursor
		c.Epoch = unknownEpoch
		f.wantStatus("under an epoch", c, loglane.OK, 0)
	}
	f.wantStatus("an hour ago", older(all[0].Cursor, 30*time.Minute), loglane.StatusTrimmed, -1)
	f.wantStatus("long ago", older(all[0].Cursor, 2*time.Hour), loglane.StatusExpired, -1)
}

func statusMixed(f *fixture) {
	f.append("alpha", 1, 4)
	first := f.last().Cursor
	f.Store(f.channel, []byte("foreign"))
	for k := uint64(5); k <= 400; k += 4 {
		f.append("alpha", k, k+3)
	}
	f.wantStatus("a trimmed entry", first, loglane.StatusTrimmed, -1)
	f.wantStatus("the beginning", loglane.Cursor{Epoch: first.Epoch}, loglane.StatusTrimmed, -1)
	f.wantStatus("long ago", older(first, 2*time.Hour), loglane.StatusExpired, -1)
}

// resumeEverywhere asks after each place that a channel of mixed lines ever had.
func resumeEverywhere(f *fixture) {
	var places []loglane.Cursor
	note := func() {
		if tail := f.read(loglane.Last(1), 1).Tail; len(places) == 0 || places[len(places)-1] != tail {
			places = append(places, tail)
		}
	}
	for k := uint64(1); k <= 300; k++ {
		f.append("alpha", k, k)
		note()
		if k%3 == 0 {
			f.Store(f.channel, message("foreign", k))
			note()
		}
	}
	all := f.all()
	f.chained(all)
	oldest := all[0]
	resumed := 0
	for _, c := range places {
		page := f.read(loglane.After(c), 64)
		got := f.rest(page, 64)
		next := 0
		for next < len(all) && !c.ID.Less(all[next].Cursor.ID) {
			next++
		}
		switch {
		case next > 0, !oldest.Foreign() && oldest.Prev == c.ID:
			if page.Status != loglane.OK {
				f.Fatalf("after %v: status %v", c, page.Status)
			}
			f.same("after "+c.String(), got, all[next:])
			resumed++
		default:
			if page.Status != loglane.StatusTrimmed || page.Missed != -1 {
				f.Fatalf("after %v, that was trimmed: status %v, missed %d", c, page.Status, page.Missed)
			}
			f.same("after "+c.String(), got, all)
		}
	}
	if resumed < 100 || resumed == len(places) {
		f.Errorf("%d of %d places stand", resumed, len(places))
	}
}
