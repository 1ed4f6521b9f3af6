package brokertest

import (
	"errors"
	"strings"

	"github.com/loglane/loglane"
)

var refusalCases = []testCase{
	{"a claim that holds is accepted", Options{}, claimHolds},
	{"a claim beyond what is stored is refused", Options{}, claimRefused},
	{"a refusal publishes nothing", Options{}, refusalIsSilent},
	{"a batch without lines", Options{}, withoutLines},
	{"bad batches", Options{}, badBatches},
}

func claim(after uint64, b loglane.Batch) loglane.Batch {
	b.After = after
	return b
}

func claimHolds(f *fixture) {
	f.append("alpha", 1, 3)
	f.wantReceipt("exactly", f.accept(claim(3, batch("alpha", 4, 5))), loglane.Receipt{K: 5, Stored: 2})
	f.wantReceipt("less", f.accept(claim(2, batch("alpha", 6, 6))), loglane.Receipt{K: 6, Stored: 1})
	f.wantReceipt("with duplicates", f.accept(claim(3, batch("alpha", 4, 7))), loglane.Receipt{K: 7, Stored: 1, Duplicates: 3})
	f.chained(f.all())
}

func claimRefused(f *fixture) {
	if after := f.refused(claim(5, batch("alpha", 6, 7))); after != 0 {
		f.Errorf("an unknown producer is told to go on from %d, want 0", after)
	}
	if page := f.read(loglane.Oldest(), 10); len(page.Entries) != 0 {
		f.Fatalf("a refused batch left %d entries", len(page.Entries))
	}
	f.append("alpha", 1, 3)
	before := f.read(loglane.Oldest(), 10)
	if after := f.refused(claim(4, batch("alpha", 5, 6))); after != 3 {
		f.Errorf("the refusal says %d, want 3", after)
	}
	if after := f.refused(claim(9, batch("alpha", 2, 6))); after != 3 {
		f.Errorf("the refusal of a batch with duplicates says %d, want 3", after)
	}
	after := f.read(loglane.Oldest(), 10)
	f.same("after refusals", after.Entries, before.Entries)
	if after.Tail != before.Tail {
		f.Errorf("a refusal moved the tail from %v to %v", before.Tail, after.Tail)
	}
	f.wantReceipt("going on without a claim", f.accept(batch("alpha", 4, 6)), loglane.Receipt{K: 6, Stored: 3})
	f.wantReceipt("going on with a claim", f.accept(claim(6, batch("alpha", 7, 7))), loglane.Receipt{K: 7, Stored: 1})
	f.chained(f.all())
	f.wantLines(f.all(), "alpha 1", "alpha 2", "alpha 3", "alpha 4", "alpha 5", "alpha 6", "alpha 7")
}

func refusalIsSilent(f *fixture) {
	r := f.follow()
	f.append("alpha", 1, 1)
	f.refused(claim(7, batch("alpha", 8, 9)))
	f.append("alpha", 1, 1)
	f.append("alpha", 2, 2)
	r.wantPayloads(2)
	for i, payload := range r.payloads() {
		if frame := f.frame(payload); frame.K != uint64(i+1) {
			f.Errorf("payload %d is number %d", i, frame.K)
		}
	}
}

func withoutLines(f *fixture) {
	f.wantReceipt("unknown producer", f.accept(loglane.Batch{Producer: "alpha"}), loglane.Receipt{})
	if page := f.read(loglane.Oldest(), 10); len(page.Entries) != 0 || !page.Tail.ID.IsZero() {
		f.Fatalf("a batch without lines left %d entries, tail %v", len(page.Entries), page.Tail)
	}
	if after := f.refused(loglane.Batch{Producer: "alpha", After: 2}); after != 0 {
		f.Errorf("the refusal says %d, want 0", after)
	}
	f.append("alpha", 1, 3)
	before := f.read(loglane.Oldest(), 10)
	f.wantReceipt("a claim that holds", f.accept(loglane.Batch{Producer: "alpha", After: 3}), loglane.Receipt{K: 3})
	f.wantReceipt("no claim", f.accept(loglane.Batch{Producer: "alpha"}), loglane.Receipt{K: 3})
	if after := f.refused(loglane.Batch{Producer: "alpha", After: 4}); after != 3 {
		f.Errorf("the refusal says %d, want 3", after)
	}
	f.same("after batches without lines", f.all(), before.Entries)
	f.append("alpha", 4, 4)
	f.chained(f.all())
}

func badBatches(f *fixture) {
	record := message("alpha", 1)
	long := []byte(`{"message":"` + strings.Repeat("x", 60<<10) + `"}`)
	lines := func(ks ...uint64) (lines []loglane.Line) {
		for _, k := range ks {
			lines = append(lines, loglane.Line{K: k, Record: record})
		}
		return lines
	}
	many := batch("alpha", 1, loglane.MaxBatchLines+1)
	var large []loglane.Line
	for k := range uint64(5) {
		large = append(large, loglane.Line{K: k + 1, Record: long})
	}
	bad := []struct {
		name  string
		batch loglane.Batch
	}{
		{"no producer", loglane.Batch{Lines: lines(1)}},
		{"a space in the producer", loglane.Batch{Producer: "a b", Lines: lines(1)}},
		{"a colon in the producer", loglane.Batch{Producer: "a:b", Lines: lines(1)}},
		{"a letter that is not ASCII in the producer", loglane.Batch{Producer: "ä", Lines: lines(1)}},
		{"a producer of 65 bytes", loglane.Batch{Producer: strings.Repeat("a", 65), Lines: lines(1)}},
		{"no producer and no lines", loglane.Batch{}},
		{"number 0", loglane.Batch{Producer: "alpha", Lines: lines(0)}},
		{"a number twice", loglane.Batch{Producer: "alpha", Lines: lines(1, 1)}},
		{"numbers that fall", loglane.Batch{Producer: "alpha", Lines: lines(1, 3, 2)}},
		{"a number too great", loglane.Batch{Producer: "alpha", Lines: lines(1, loglane.MaxNumber+1)}},
		{"too many lines", many},
		{"too many bytes", loglane.Batch{Producer: "alpha", Lines: large}},
		{"text", loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: 1, Record: record}, {K: 2, Record: []byte("text")}}}},
		{"an array", loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: 1, Record: []byte("[1]")}}}},
		{"a record of one byte", loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: 1, Record: []byte("{")}}}},
		{"an empty record", loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: 1, Record: nil}}}},
	}
	for _, c := range bad {
		_, err := f.Append(f.ctx, f.channel, c.batch)
		var refusal *loglane.RefusedError
		if err == nil || errors.As(err, &refusal) || errors.Is(err, loglane.ErrUnavailable) {
			f.Errorf("%s: error %v, want one that says what is wrong", c.name, err)
		}
		if page := f.read(loglane.Oldest(), 1); len(page.Entries) != 0 {
			f.Fatalf("%s: something was stored", c.name)
		}
	}
	f.append("alpha", 1, loglane.MaxBatchLines)
}
