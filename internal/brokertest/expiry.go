package brokertest

import (
	"time"

	"github.com/loglane/loglane"
)

var short = Options{Retention: loglane.Retention{TTL: time.Second}}

var expiryCases = []testCase{
	{"a history of our lines", short, expireOurs},
	{"a history of mixed lines", short, expireMixed},
	{"a line renews the time", Options{Retention: loglane.Retention{TTL: 2 * time.Second}}, renewed},
	{"a quiet expiry is told", short, quietExpiry},
}

// expire waits until the history is gone, and checks how cursors stand from the first
// moment on.
func (f *fixture) expire(c loglane.Cursor, status loglane.Status, missed int64) {
	f.Helper()
	f.eventually("the history expires", func() bool {
		page := f.read(loglane.After(c), 10)
		if !page.Tail.ID.IsZero() {
			return false
		}
		if page.Status != status || page.Missed != missed || len(page.Entries) != 0 {
			f.Fatalf("after the expiry: status %v, missed %d, %d entries; want %v, %d", page.Status, page.Missed, len(page.Entries), status, missed)
		}
		return true
	})
}

func expireOurs(f *fixture) {
	f.append("alpha", 1, 5)
	all := f.all()
	last := all[4].Cursor
	f.expire(last, loglane.OK, 0)
	f.wantStatus("an earlier line", all[2].Cursor, loglane.StatusExpired, 2)
	f.wantStatus("the beginning", loglane.Cursor{Epoch: last.Epoch}, loglane.StatusExpired, 5)
	left := loglane.Cursor{Epoch: last.Epoch, N: last.N} // where a quiet expiry leaves viewers
	f.wantStatus("after the last", left, loglane.OK, 0)
	f.wantReceipt("a duplicate", f.append("alpha", 5, 6), loglane.Receipt{K: 6, Stored: 1, Duplicates: 1})
	page := f.wantStatus("a page left open", last, loglane.OK, 0)
	if len(page.Entries) != 1 {
		f.Fatalf("%d entries, want 1", len(page.Entries))
	}
	next := page.Entries[0]
	if next.Prev != last.ID || next.Cursor.N != 6 || next.Cursor.Epoch != last.Epoch {
		f.Errorf("the next line is %+v, want number 6 after %v", next, last)
	}
	f.wantStatus("an earlier line", all[2].Cursor, loglane.StatusExpired, 2)
	f.wantStatus("the beginning", loglane.Cursor{Epoch: last.Epoch}, loglane.StatusExpired, 5)
	f.same("after the place where a quiet expiry left viewers", f.wantStatus("after the last", left, loglane.OK, 0).Entries, page.Entries)
	f.wantStatus("a later place", loglane.Cursor{Epoch: last.Epoch, N: last.N + 1}, loglane.StatusExpired, -1)
}

func expireMixed(f *fixture) {
	f.append("alpha", 1, 1)
	f.Store(f.channel, []byte("foreign"))
	f.append("alpha", 2, 2)
	last := f.last().Cursor
	f.Store(f.channel, []byte("unseen"))
	f.expire(last, loglane.StatusExpired, -1)
	f.append("alpha", 3, 3)
	page := f.wantStatus("a line of before", last, loglane.StatusExpired, -1)
	if next := page.Entries[0]; !next.Prev.IsZero() || next.Cursor.N != 3 {
		f.Errorf("the next line is %+v, want number 3 after 0-0", next)
	}
	f.wantStatus("where a quiet expiry left viewers", loglane.Cursor{Epoch: last.Epoch}, loglane.OK, 0)
}

func renewed(f *fixture) {
	f.append("alpha", 1, 1)
	begin := time.Now()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	k := uint64(1)
	for time.Since(begin) < 3*time.Second {
		<-ticker.C
		k++
		f.append("alpha", k, k)
	}
	if entries := f.all(); len(entries) != int(k) {
		f.Errorf("%d entries of %d are kept while lines came", len(entries), k)
	}
}

func quietExpiry(f *fixture) {
	r := f.follow()
	f.append("alpha", 1, 3)
	last := f.last().Cursor
	r.wait("an Expired event", func() bool { return r.count(loglane.Expired) > 0 })
	if page := f.read(loglane.After(last), 10); page.Status != loglane.OK || !page.Tail.ID.IsZero() {
		f.Errorf("after Expired: status %v, tail %v", page.Status, page.Tail)
	}
	f.append("alpha", 4, 4)
	r.wantPayloads(4)
	if frame := f.frame(r.payloads()[3]); frame.Prev != last.ID {
		f.Errorf("the next line names %v as the one before it, want %v", frame.Prev, last.ID)
	}
	if n := r.count(loglane.Expired); n != 1 {
		f.Errorf("%d Expired events, want 1", n)
	}
}
