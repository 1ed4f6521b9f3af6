package brokertest

import (
	"slices"

	"github.com/loglane/loglane"
)

var readCases = []testCase{
	{"an empty channel", Options{}, readEmpty},
	{"forward, page by page", Options{}, readForward},
	{"backward, page by page", Options{}, readBackward},
	{"the last lines", Options{}, readLast},
	{"tail and floor", Options{Retention: loglane.Retention{Lines: 10}}, tailAndFloor},
	{"reading changes nothing", Options{}, readOnly},
}

func readEmpty(f *fixture) {
	froms := map[string]loglane.From{
		"oldest": loglane.Oldest(), "last": loglane.Last(10),
		"after": loglane.After(loglane.Cursor{}), "before": loglane.Before(loglane.Cursor{ID: loglane.ID{Ms: 1}}),
	}
	for name, from := range froms {
		page := f.read(from, 10)
		if len(page.Entries) != 0 || page.More || page.Status != loglane.OK || page.Missed != 0 {
			f.Errorf("%s: %+v", name, page)
		}
		if !page.Tail.ID.IsZero() || !page.Floor.ID.IsZero() || page.Epoch != "" {
			f.Errorf("%s: tail %v, floor %v, epoch %q", name, page.Tail, page.Floor, page.Epoch)
		}
		if page.Now < 946_000_000_000 {
			f.Errorf("%s: the clock says %d", name, page.Now)
		}
	}
}

const readLines = 250

func readForward(f *fixture) {
	f.fill(readLines)
	all := f.read(loglane.Oldest(), 1000)
	if all.More {
		f.Error("a page of everything says that more follow")
	}
	f.chained(all.Entries)
	if len(all.Entries) != readLines {
		f.Fatalf("%d entries, want %d", len(all.Entries), readLines)
	}
	for _, limit := range []int{1, 7, 125, 249, 250, 1000} {
		for name, from := range map[string]loglane.From{"oldest": loglane.Oldest(), "after": loglane.After(loglane.Cursor{})} {
			page := f.read(from, limit)
			if len(page.Entries) != min(limit, readLines) || page.More != (limit < readLines) || page.Status != loglane.OK {
				f.Fatalf("%s, limit %d: %d entries, more %v, status %v", name, limit, len(page.Entries), page.More, page.Status)
			}
			f.same(name, f.rest(page, limit), all.Entries)
		}
	}
}

// fill appends n lines of one producer.
func (f *fixture) fill(n uint64) {
	f.Helper()
	for first := uint64(1); first <= n; first += 50 {
		f.append("alpha", first, min(first+49, n))
	}
}

func readBackward(f *fixture) {
	f.fill(readLines)
	all := f.all()
	for _, limit := range []int{1, 7, 125, 1000} {
		page := f.read(loglane.Last(limit), limit)
		entries := page.Entries
		for page.More {
			page = f.read(loglane.Before(page.Entries[0].Cursor), limit)
			if len(page.Entries) == 0 || page.Status != loglane.OK {
				f.Fatalf("limit %d: a page of %d entries, status %v", limit, len(page.Entries), page.Status)
			}
			entries = slices.Concat(page.Entries, entries)
		}
		f.same("backward", entries, all)
	}
	if page := f.read(loglane.Before(all[0].Cursor), 10); len(page.Entries) != 0 || page.More {
		f.Errorf("before the first: %d entries, more %v", len(page.Entries), page.More)
	}
	beyond := all[len(all)-1].Cursor
	beyond.ID.Ms += 1000
	if page := f.read(loglane.Before(beyond), 10); len(page.Entries) != 10 || page.Entries[9].Cursor != all[len(all)-1].Cursor {
		f.Errorf("before a place beyond the tail: %d entries", len(page.Entries))
	}
	nowhere := all[100].Cursor
	nowhere.ID.Seq += 1 << 40
	next := 0
	for next < len(all) && all[next].Cursor.ID.Less(nowhere.ID) {
		next++
	}
	f.same("before a place where nothing stands", f.read(loglane.Before(nowhere), 2).Entries, all[next-2:next])
}

func readLast(f *fixture) {
	f.fill(20)
	all := f.all()
	cases := []struct {
		n, limit, want int
		more           bool
	}{
		{1, 10, 1, true}, {5, 10, 5, true}, {10, 5, 5, true}, {19, 100, 19, true}, {20, 100, 20, false}, {100, 100, 20, false}, {0, 10, 0, true},
	}
	for _, c := range cases {
		page := f.read(loglane.Last(c.n), c.limit)
		if len(page.Entries) != c.want || page.More != c.more || page.Status != loglane.OK {
			f.Errorf("Last(%d), limit %d: %d entries, more %v, status %v", c.n, c.limit, len(page.Entries), page.More, page.Status)
			continue
		}
		f.same("last", page.Entries, all[len(all)-c.want:])
	}
}

func tailAndFloor(f *fixture) {
	f.append("alpha", 1, 5)
	page := f.read(loglane.Last(1), 1)
	if page.Tail != page.Entries[0].Cursor || page.Epoch != page.Tail.Epoch {
		f.Errorf("tail %v, epoch %q, the last entry %v", page.Tail, page.Epoch, page.Entries[0].Cursor)
	}
	if want := (loglane.Cursor{Epoch: page.Epoch}); page.Floor != want {
		f.Errorf("the floor of a whole channel is %v, want %v", page.Floor, want)
	}
	for k := uint64(6); k < 500; k += 50 {
		f.append("alpha", k, k+49)
	}
	for _, from := range []loglane.From{loglane.Oldest(), loglane.Last(3), loglane.After(page.Tail)} {
		oldest := f.read(loglane.Oldest(), 1).Entries[0]
		page := f.read(from, 3)
		want := loglane.Cursor{Epoch: page.Epoch, N: oldest.Cursor.N - 1, ID: oldest.Prev}
		if page.Floor.ID != want.ID || page.Floor.N != want.N || page.Floor.Epoch != want.Epoch {
			f.Errorf("the floor is %v, want %v", page.Floor, want)
		}
		if page.Tail != f.last().Cursor {
			f.Errorf("the tail is %v, want %v", page.Tail, f.last().Cursor)
		}
	}
}

func readOnly(f *fixture) {
	f.read(loglane.After(loglane.Cursor{Epoch: unknownEpoch, N: 7, ID: loglane.ID{Ms: 7}}), 10)
	f.append("alpha", 1, 1)
	if entry := f.last(); entry.Cursor.N != 1 || !entry.Prev.IsZero() || entry.Cursor.Epoch == unknownEpoch {
		f.Errorf("the first line after a read is %+v", entry)
	}
}
