package brokertest

import (
	"time"

	"github.com/loglane/loglane"
)

var lossCases = []testCase{
	{"the history of our lines is evicted", Options{}, streamEvicted},
	{"the history of mixed lines is evicted", Options{}, mixedEvicted},
	{"a history is evicted whose last line is foreign", Options{}, foreignTailEvicted},
	{"the numbering is evicted", Options{}, metaEvicted},
	{"a producer is forgotten", Options{}, producerForgotten},
	{"everything is lost", Options{}, flushed},
}

func streamEvicted(f *fixture) {
	evicter, ok := f.Subject.(StreamEvicter)
	if !ok {
		f.Skip("the subject cannot lose a history alone")
	}
	f.append("alpha", 1, 5)
	all := f.all()
	evicter.EvictStream(f.channel)
	page := f.wantStatus("the last line", all[4].Cursor, loglane.OK, 0)
	if len(page.Entries) != 0 || !page.Tail.ID.IsZero() {
		f.Fatalf("an evicted history has %d entries, tail %v", len(page.Entries), page.Tail)
	}
	f.wantStatus("an earlier line", all[2].Cursor, loglane.StatusEpoch, 2)
	f.wantStatus("the beginning", loglane.Cursor{Epoch: all[4].Cursor.Epoch}, loglane.StatusEpoch, 5)
	f.wantStatus("long ago", older(all[2].Cursor, 2*time.Hour), loglane.StatusExpired, 2)
	f.wantReceipt("a duplicate", f.append("alpha", 4, 6), loglane.Receipt{K: 6, Stored: 1, Duplicates: 2})
	entry := f.last()
	if entry.Cursor.N != 6 || entry.Prev != all[4].Cursor.ID || entry.Cursor.Epoch != all[4].Cursor.Epoch {
		f.Errorf("the next line is %+v, want number 6 of the same epoch after %v", entry, all[4].Cursor.ID)
	}
	f.wantStatus("the last line before the loss", all[4].Cursor, loglane.OK, 0)
	f.wantStatus("an earlier line", all[2].Cursor, loglane.StatusTrimmed, 2)
	f.wantStatus("the beginning", loglane.Cursor{Epoch: all[4].Cursor.Epoch}, loglane.StatusTrimmed, 5)
}

func mixedEvicted(f *fixture) {
	evicter, ok := f.Subject.(StreamEvicter)
	if !ok {
		f.Skip("the subject cannot lose a history alone")
	}
	f.Store(f.channel, []byte("foreign"))
	f.append("alpha", 1, 2)
	last := f.last().Cursor
	evicter.EvictStream(f.channel)
	f.wantStatus("the last line", last, loglane.StatusEpoch, -1)
	f.append("alpha", 3, 3)
	if entry := f.last(); !entry.Prev.IsZero() || entry.Cursor.N != 3 {
		f.Errorf("the next line has number %d and names %v as the one before it", entry.Cursor.N, entry.Prev)
	}
	f.wantStatus("the last line before the loss", last, loglane.StatusTrimmed, -1)
}

// foreignTailEvicted loses a foreign line that no append has come after: who read it has
// noted that the numbering does not tell of all.
func foreignTailEvicted(f *fixture) {
	evicter, ok := f.Subject.(StreamEvicter)
	if !ok {
		f.Skip("the subject cannot lose a history alone")
	}
	f.append("alpha", 1, 2)
	last := f.last().Cursor
	f.Store(f.channel, []byte("foreign"))
	f.wantStatus("our last line", last, loglane.OK, 0)
	evicter.EvictStream(f.channel)
	f.wantStatus("our last line, after the loss of the foreign one", last, loglane.StatusEpoch, -1)
}

func metaEvicted(f *fixture) {
	evicter, ok := f.Subject.(MetaEvicter)
	if !ok {
		f.Skip("the subject cannot lose a numbering alone")
	}
	f.append("alpha", 1, 5)
	f.append("beta", 7, 8)
	all := f.all()
	evicter.EvictMeta(f.channel)
	for i, entry := range all {
		if page := f.wantStatus("an entry", entry.Cursor, loglane.OK, 0); len(page.Entries) != len(all)-1-i {
			f.Errorf("after entry %d: %d entries", i, len(page.Entries))
		}
	}
	f.wantReceipt("a duplicate", f.append("alpha", 4, 6), loglane.Receipt{K: 6, Stored: 1, Duplicates: 2})
	f.wantReceipt("a claim", f.accept(claim(8, batch("beta", 8, 9))), loglane.Receipt{K: 9, Stored: 1, Duplicates: 1})
	now := f.all()
	f.chained(now)
	if len(now) != 9 || now[7].Cursor.N != 8 {
		f.Fatalf("%d entries, the eighth has number %d", len(now), now[7].Cursor.N)
	}
	for i, entry := range all {
		if page := f.wantStatus("an entry of before", entry.Cursor, loglane.OK, 0); len(page.Entries) != len(now)-1-i {
			f.Errorf("after entry %d: %d entries", i, len(page.Entries))
		}
	}
}

func flushed(f *fixture) {
	flusher, ok := f.Subject.(Flusher)
	if !ok {
		f.Skip("the subject cannot lose everything")
	}
	f.append("alpha", 1, 5)
	old := f.all()
	flusher.Flush(f.channel)
	f.wantStatus("the last line", old[4].Cursor, loglane.StatusEpoch, -1)
	if after := f.refused(claim(5, batch("alpha", 6, 6))); after != 0 {
		f.Errorf("the refusal says %d, want 0", after)
	}
	f.append("alpha", 4, 6)
	now := f.all()
	if now[0].Cursor.Epoch == old[0].Cursor.Epoch || now[0].Cursor.N != 1 || !now[0].Prev.IsZero() {
		f.Errorf("the first line after the loss is %+v", now[0])
	}
	f.wantStatus("the last line before the loss", old[4].Cursor, loglane.StatusEpoch, -1)
	f.wantStatus("long before the loss", older(old[4].Cursor, 2*time.Hour), loglane.StatusExpired, -1)
}

// producerForgotten forgets a producer's number: what it claims is looked for in the
// history, and it can always go on.
func producerForgotten(f *fixture) {
	forgetter, ok := f.Subject.(ProducerForgetter)
	if !ok {
		f.Skip("the subject cannot forget producers")
	}
	forget := func() { forgetter.ForgetProducers(f.channel) }
	f.append("alpha", 1, 5)
	f.append("beta", 1, 75)
	f.append("beta", 76, 150) // between alpha's lines and the tail
	forget()
	f.wantReceipt("a claim without lines", f.accept(loglane.Batch{Producer: "alpha", After: 4}), loglane.Receipt{K: 5})
	forget()
	f.wantReceipt("a claim that the history shows", f.accept(claim(4, batch("alpha", 4, 7))), loglane.Receipt{K: 7, Stored: 2, Duplicates: 2})
	forget()
	if after := f.refused(claim(9, batch("alpha", 10, 11))); after != 7 {
		f.Errorf("the refusal says %d, want 7", after)
	}
	f.wantReceipt("what was lost, sent again", f.accept(claim(7, batch("alpha", 8, 11))), loglane.Receipt{K: 11, Stored: 4})
	forget()
	if after := f.refused(claim(1, batch("gamma", 2, 2))); after != 0 {
		f.Errorf("the refusal of a stranger says %d, want 0", after)
	}
	f.wantReceipt("a stranger begins", f.append("gamma", 1, 2), loglane.Receipt{K: 2, Stored: 2})
	forget()
	f.wantReceipt("without a claim all begins anew", f.append("gamma", 1, 1), loglane.Receipt{K: 1, Stored: 1})
	f.chained(f.all())
	if evicter, ok := f.Subject.(StreamEvicter); ok {
		evicter.EvictStream(f.channel)
		forget()
		if after := f.refused(claim(11, batch("alpha", 12, 12))); after != 0 {
			f.Errorf("the refusal without a history says %d, want 0", after)
		}
		f.wantReceipt("going on", f.append("alpha", 11, 12), loglane.Receipt{K: 12, Stored: 2})
	}
}
