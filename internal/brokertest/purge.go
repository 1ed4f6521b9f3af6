package brokertest

import (
	"fmt"
	"time"

	"github.com/loglane/loglane"
)

var purgeCases = []testCase{
	{"our lines", Options{}, purgeOurs},
	{"foreign lines", Options{}, purgeForeign},
	{"mixed lines", Options{}, purgeMixed},
	{"nothing", Options{}, purgeNothing},
	{"producers stay known", Options{}, purgeKeepsProducers},
	{"the mark", Options{}, purgeMarks},
}

// purge empties the case's channel; brokers that cannot are no failure.
func (f *fixture) purge() {
	f.Helper()
	purger, ok := f.Subject.(loglane.Purger)
	if !ok {
		f.Skip("this broker does not purge")
	}
	if err := purger.Purge(f.ctx, f.channel); err != nil {
		f.Fatalf("Purge: %v", err)
	}
}

func purgeOurs(f *fixture) {
	f.append("alpha", 1, 30)
	all := f.all()
	tail := all[29].Cursor
	f.purge()
	if left := f.all(); len(left) != 0 {
		f.Fatalf("%d entries are left", len(left))
	}
	f.wantStatus("the tail of what was purged", tail, loglane.OK, 0)
	for _, entry := range all[:29] {
		f.wantStatus("a purged entry", entry.Cursor, loglane.StatusTrimmed, 30-int64(entry.Cursor.N))
	}
	other := all[3].Cursor
	other.Epoch = unknownEpoch
	f.wantStatus("another epoch", other, loglane.StatusEpoch, -1)
	beyond := tail
	beyond.ID.Ms += 1000
	if page := f.read(loglane.After(beyond), 10); page.Status == loglane.OK {
		f.Error("a place beyond the tail stands")
	}
	f.append("alpha", 31, 35)
	f.chained(append(all, f.all()...))
	f.same("after the purged tail", f.wantStatus("the purged tail", tail, loglane.OK, 0).Entries, f.all())
	f.wantStatus("a purged entry, once lines have come", all[9].Cursor, loglane.StatusTrimmed, 20)
	f.wantStatus("the channel's beginning", loglane.Cursor{}, loglane.StatusTrimmed, 30)
}

func purgeForeign(f *fixture) {
	for _, data := range []string{"one", "two", "three"} {
		f.Store(f.channel, []byte(data))
	}
	f.wantPurgedForeign(f.all())
}

func purgeMixed(f *fixture) {
	f.append("alpha", 1, 4)
	f.Store(f.channel, []byte("foreign"))
	f.append("alpha", 5, 6)
	all := f.all()
	f.wantPurgedForeign(all)
	f.append("alpha", 7, 8)
	now := f.all()
	f.chained(now[len(now)-2:])
	f.same("after the purged tail", f.wantStatus("the purged tail", all[6].Cursor, loglane.OK, 0).Entries, now)
}

// wantPurgedForeign purges a channel that another program wrote to: who was at the tail
// goes on, who was not is told.
func (f *fixture) wantPurgedForeign(all []loglane.Entry) {
	f.Helper()
	tail := all[len(all)-1].Cursor
	f.purge()
	page := f.wantStatus("the tail of what was purged", tail, loglane.OK, 0)
	for _, entry := range page.Entries {
		if entry.Data != nil {
			f.Errorf("%s is left", entry.Data)
		}
	}
	for _, entry := range all[:len(all)-1] {
		f.wantStatus("a purged entry", entry.Cursor, loglane.StatusTrimmed, -1)
	}
	if beginning := f.read(loglane.After(loglane.Cursor{}), 10); beginning.Status == loglane.OK {
		f.Error("the channel's beginning stands")
	}
	f.Store(f.channel, []byte("new"))
	page = f.wantStatus("the purged tail, once a line has come", tail, loglane.OK, 0)
	if n := len(page.Entries); n == 0 || string(page.Entries[n-1].Data) != "new" {
		f.Errorf("after the purged tail: %+v", page.Entries)
	}
}

func purgeNothing(f *fixture) {
	f.purge()
	f.wantStatus("the beginning", loglane.Cursor{}, loglane.OK, 0)
	f.append("alpha", 1, 2)
	tail := f.last().Cursor
	f.purge()
	f.purge()
	f.wantStatus("the tail", tail, loglane.OK, 0)
	f.append("alpha", 3, 3)
	f.wantStatus("the tail", tail, loglane.OK, 0)
}

func purgeKeepsProducers(f *fixture) {
	f.append("alpha", 1, 5)
	f.purge()
	if receipt := f.append("alpha", 4, 7); receipt.Duplicates != 2 || receipt.Stored != 2 {
		f.Errorf("after the purge: %+v, want 2 duplicates and 2 stored", receipt)
	}
	if first := f.all()[0].Cursor.N; first != 6 {
		f.Errorf("the first line after the purge has number %d, want 6", first)
	}
}

// purgeMarks wants another mark after each purge, and no other otherwise.
func purgeMarks(f *fixture) {
	mark := func() string {
		f.Helper()
		mark, err := f.Subject.(loglane.Purger).PurgeMark(f.ctx, f.channel)
		if err != nil {
			f.Fatalf("PurgeMark: %v", err)
		}
		return mark
	}
	seen := map[string]bool{mark(): true}
	for _, before := range []func(){
		func() { f.append("alpha", 1, 3) },
		func() { f.append("alpha", 4, 5) },
		func() { f.Store(f.channel, []byte("foreign")) },
		func() {}, // nothing to purge, but others may keep what is gone already
	} {
		was := mark()
		before()
		f.all()
		if now := mark(); now != was {
			f.Errorf("without a purge the mark is %q and then %q", was, now)
		}
		if f.purge(); seen[mark()] {
			f.Errorf("the mark is %q after a purge, which it has been before", mark())
		}
		seen[mark()] = true
	}
}

var listCases = []testCase{
	{"channels by prefix", Options{}, listByPrefix},
	{"signs that mean something in patterns", Options{}, listOddNames},
}

func (f *fixture) list(prefix string, limit int) ([]loglane.ChannelInfo, bool) {
	f.Helper()
	lister, ok := f.Subject.(loglane.Lister)
	if !ok {
		f.Skip("this broker does not list")
	}
	list, more, err := lister.List(f.ctx, prefix, limit)
	if err != nil {
		f.Fatalf("List: %v", err)
	}
	return list, more
}

func listByPrefix(f *fixture) {
	base := f.channel
	if list, more := f.list(base, 10); len(list) != 0 || more {
		f.Errorf("without lines: %v, more %v", list, more)
	}
	for n := 5; n > 0; n-- {
		f.channel = fmt.Sprintf("%s.%d", base, n)
		f.append("alpha", 1, uint64(n))
	}
	f.channel = base + ".9"
	f.Store(f.channel, []byte("foreign"))
	wanted := []int64{1, 2, 3, 4, 5, 1}
	list, more := f.list(base, 10)
	if len(list) != len(wanted) || more {
		f.Fatalf("%d channels, more %v: %v", len(list), more, list)
	}
	for i, info := range list {
		name := fmt.Sprintf("%s.%d", base, []int{1, 2, 3, 4, 5, 9}[i])
		if info.Channel != name || info.Lines != wanted[i] || time.Since(info.Last).Abs() > patience {
			f.Errorf("channel %d is %+v, want %s with %d lines", i, info, name, wanted[i])
		}
	}
	if list, more := f.list(base+".", 2); len(list) != 2 || !more || list[1].Channel != base+".2" {
		f.Errorf("at most 2: %v, more %v", list, more)
	}
	if list, more := f.list(base+".4", 2); len(list) != 1 || more {
		f.Errorf("one channel: %v, more %v", list, more)
	}
	f.channel = base + ".3"
	f.purge()
	if list, _ := f.list(base+".3", 2); len(list) != 0 {
		f.Errorf("a purged channel is listed: %v", list)
	}
}

func listOddNames(f *fixture) {
	base := f.channel
	names := []string{base + "*", base + "[x]", base + "\\y", base + "?", base + "z"}
	for _, name := range names {
		f.channel = name
		f.append("alpha", 1, 1)
	}
	for _, name := range names {
		if list, _ := f.list(name, 10); len(list) != 1 || list[0].Channel != name {
			f.Errorf("channels that begin with %s: %v", name, list)
		}
	}
}
