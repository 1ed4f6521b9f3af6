package brokertest

import (
	"bytes"
	"fmt"

	"github.com/loglane/loglane"
)

var appendCases = []testCase{
	{"numbers and predecessors over batches", Options{}, numbers},
	{"receipts", Options{}, receipts},
	{"duplicates are dropped", Options{}, duplicates},
	{"numbers of a producer may leap", Options{}, leaps},
	{"producers have numbers of their own", Options{}, ownNumbers},
	{"channels have numbers of their own", Options{}, ownChannels},
	{"records stand byte for byte", Options{}, bytesOfRecords},
	{"a producer's greatest number and name", Options{}, greatest},
}

func numbers(f *fixture) {
	f.append("alpha", 1, 3)
	f.append("alpha", 4, 4)
	f.append("alpha", 5, 5+loglane.MaxBatchLines-1)
	entries := f.all()
	if len(entries) != 4+loglane.MaxBatchLines {
		f.Fatalf("%d entries, want %d", len(entries), 4+loglane.MaxBatchLines)
	}
	f.chained(entries)
	if first := entries[0]; !first.Prev.IsZero() || first.Cursor.N != 1 {
		f.Errorf("the first entry has number %d and the place before it is %v", first.Cursor.N, first.Prev)
	}
	for i, entry := range entries {
		k := uint64(i + 1)
		if entry.Cursor.Epoch != entries[0].Cursor.Epoch || len(entry.Cursor.Epoch) != 11 {
			f.Fatalf("entry %d: epoch %q", i, entry.Cursor.Epoch)
		}
		if entry.Cursor.Src != loglane.NewSrc("alpha", k) {
			f.Fatalf("entry %d: src %v", i, entry.Cursor.Src)
		}
		if !bytes.Equal(entry.Data, message("alpha", k)) {
			f.Fatalf("entry %d: data %q", i, entry.Data)
		}
		if c, err := loglane.ParseCursor(entry.Cursor.String()); err != nil || c != entry.Cursor {
			f.Fatalf("entry %d: cursor %+v reads back as %+v, %v", i, entry.Cursor, c, err)
		}
	}
}

func (f *fixture) wantReceipt(what string, got, want loglane.Receipt) {
	f.Helper()
	if got != want {
		f.Errorf("%s: receipt %+v, want %+v", what, got, want)
	}
}

func receipts(f *fixture) {
	f.wantReceipt("first", f.append("alpha", 1, 3), loglane.Receipt{K: 3, Stored: 3})
	f.wantReceipt("next", f.append("alpha", 4, 4), loglane.Receipt{K: 4, Stored: 1})
	f.wantReceipt("other producer", f.append("beta", 7, 8), loglane.Receipt{K: 8, Stored: 2})
	f.wantReceipt("first again", f.append("alpha", 5, 6), loglane.Receipt{K: 6, Stored: 2})
}

func duplicates(f *fixture) {
	f.append("alpha", 1, 3)
	f.wantReceipt("all of it again", f.append("alpha", 1, 3), loglane.Receipt{K: 3, Duplicates: 3})
	f.wantReceipt("partly again", f.append("alpha", 2, 5), loglane.Receipt{K: 5, Stored: 2, Duplicates: 2})
	f.wantReceipt("an old one", f.append("alpha", 1, 1), loglane.Receipt{K: 5, Duplicates: 1})
	f.wantReceipt("going on", f.append("alpha", 6, 6), loglane.Receipt{K: 6, Stored: 1})
	entries := f.all()
	f.chained(entries)
	f.wantLines(entries, "alpha 1", "alpha 2", "alpha 3", "alpha 4", "alpha 5", "alpha 6")
}

// wantLines checks the messages of entries that [message] made.
func (f *fixture) wantLines(entries []loglane.Entry, want ...string) {
	f.Helper()
	var got []string
	for _, entry := range entries {
		text, _, _ := bytes.Cut(bytes.TrimPrefix(entry.Data, []byte(`{"message":"`)), []byte(`"`))
		got = append(got, string(text))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.Fatalf("lines %q, want %q", got, want)
	}
}

func leaps(f *fixture) {
	b := loglane.Batch{Producer: "alpha"}
	for _, k := range []uint64{3, 9, 1000} {
		b.Lines = append(b.Lines, loglane.Line{K: k, Record: message("alpha", k)})
	}
	f.wantReceipt("leaping", f.accept(b), loglane.Receipt{K: 1000, Stored: 3})
	// What lies between is taken for stored: a producer's numbers rise.
	f.wantReceipt("between", f.append("alpha", 500, 500), loglane.Receipt{K: 1000, Duplicates: 1})
	f.chained(f.all())
	f.wantLines(f.all(), "alpha 3", "alpha 9", "alpha 1000")
}

func ownNumbers(f *fixture) {
	f.append("alpha", 1, 2)
	f.append("beta", 1, 2)
	f.append("alpha", 3, 3)
	f.append("beta", 3, 3)
	f.chained(f.all())
	f.wantLines(f.all(), "alpha 1", "alpha 2", "beta 1", "beta 2", "alpha 3", "beta 3")
}

func ownChannels(f *fixture) {
	f.append("alpha", 1, 2)
	first := f.all()
	f.channel = newChannel(f.T)
	f.append("alpha", 3, 3)
	f.append("alpha", 4, 4)
	entries := f.all()
	f.wantLines(entries, "alpha 3", "alpha 4")
	if entries[0].Cursor.N != 1 || !entries[0].Prev.IsZero() {
		f.Errorf("the second channel begins with number %d after %v", entries[0].Cursor.N, entries[0].Prev)
	}
	if entries[0].Cursor.Epoch == first[0].Cursor.Epoch {
		f.Error("two channels have one epoch")
	}
}

func bytesOfRecords(f *fixture) {
	records := []string{
		`{}`,
		`{"message":""}`,
		`{"message":"ünï ☃ \u2028 <&> \" \\ \u0000"}`,
		`{"a":{"_ll":"1 AAAAAAAAAAA.1.1-0 0-0 p:1"},"message":"nested"}`,
		`{"message":"` + string(bytes.Repeat([]byte("x"), 64<<10-14)) + `"}`,
		`{"message":"%s %d {} $1 KEYS[1] ARGV"}`,
	}
	b := loglane.Batch{Producer: "alpha"}
	for i, record := range records {
		b.Lines = append(b.Lines, loglane.Line{K: uint64(i + 1), Record: []byte(record)})
	}
	f.accept(b)
	entries := f.all()
	if len(entries) != len(records) {
		f.Fatalf("%d entries, want %d", len(entries), len(records))
	}
	for i, record := range records {
		if string(entries[i].Data) != record {
			f.Errorf("record %d is %.80q, want %.80q", i, entries[i].Data, record)
		}
	}
}

func greatest(f *fixture) {
	producer := "0123456789_abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := loglane.Batch{Producer: producer, Lines: []loglane.Line{
		{K: loglane.MaxNumber - 1, Record: message("x", 1)},
		{K: loglane.MaxNumber, Record: message("x", 2)},
	}}
	f.wantReceipt("first", f.accept(b), loglane.Receipt{K: loglane.MaxNumber, Stored: 2})
	f.wantReceipt("again", f.accept(b), loglane.Receipt{K: loglane.MaxNumber, Duplicates: 2})
	if got := f.last().Cursor.Src; got != loglane.NewSrc(producer, loglane.MaxNumber) {
		f.Errorf("src %v, want %v", got, loglane.NewSrc(producer, loglane.MaxNumber))
	}
	b.After = loglane.MaxNumber
	f.wantReceipt("claimed", f.accept(b), loglane.Receipt{K: loglane.MaxNumber, Duplicates: 2})
}
