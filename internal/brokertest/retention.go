package brokertest

import (
	"bytes"
	"fmt"

	"github.com/loglane/loglane"
)

var retentionCases = []testCase{
	{"a history is bounded in lines", Options{Retention: loglane.Retention{Lines: 100}}, boundedLines},
	{"a history is bounded in bytes", Options{Retention: loglane.Retention{Bytes: 256 << 10}}, boundedBytes},
	{"foreign entries count", Options{Retention: loglane.Retention{Lines: 50}}, boundedForeign},
	{"the newest line is always kept", Options{Retention: loglane.Retention{Lines: 1, Bytes: 128 << 10}}, newestKept},
}

// slack is by how many entries a broker may exceed its bound: Redis trims whole nodes
// of 100.
const slack = 2 * 100

func boundedLines(f *fixture) {
	const lines = 1000
	f.fill(lines)
	all := f.all()
	f.chained(all)
	if len(all) < 100 || len(all) > 100+slack {
		f.Errorf("%d entries are kept, want about 100", len(all))
	}
	if last := all[len(all)-1]; last.Cursor.N != lines || !bytes.Equal(last.Data, message("alpha", lines)) {
		f.Errorf("the last entry is %+v", last)
	}
}

func boundedBytes(f *fixture) {
	const size, lines = 16 << 10, 100
	for k := uint64(1); k <= lines; k += 10 {
		b := loglane.Batch{Producer: "alpha"}
		for i := range uint64(10) {
			record := fmt.Appendf(nil, `{"message":"%d %s"}`, k+i, bytes.Repeat([]byte("x"), size))
			b.Lines = append(b.Lines, loglane.Line{K: k + i, Record: record})
		}
		f.accept(b)
	}
	all := f.all()
	f.chained(all)
	kept := 0
	for _, entry := range all {
		kept += len(entry.Data)
	}
	if kept < 128<<10 || kept > 512<<10 {
		f.Errorf("%d bytes are kept in %d entries, want about %d", kept, len(all), 256<<10)
	}
	if all[len(all)-1].Cursor.N != lines {
		f.Errorf("the last number is %d, want %d", all[len(all)-1].Cursor.N, lines)
	}
	// Short lines make room for as many as before, once they have pushed the long out.
	for k := uint64(lines + 1); k <= lines+1000; k += 100 {
		f.append("alpha", k, k+99)
	}
	if n := len(f.all()); n < 500 {
		f.Errorf("%d short lines are kept, want many", n)
	}
}

func boundedForeign(f *fixture) {
	for i := range 500 {
		f.Store(f.channel, fmt.Appendf(nil, "foreign %d", i))
	}
	for k := uint64(1); k <= 3; k++ {
		f.append("alpha", k, k)
	}
	all := f.all()
	f.chained(all)
	if len(all) < 50 || len(all) > 50+slack {
		f.Errorf("%d entries are kept, want about 50", len(all))
	}
}

func newestKept(f *fixture) {
	record := fmt.Appendf(nil, `{"message":"%s"}`, bytes.Repeat([]byte("x"), 60<<10))
	for k := uint64(1); k <= 5; k++ {
		f.accept(loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: k, Record: record}}})
		if last := f.last(); last.Cursor.N != k || !bytes.Equal(last.Data, record) {
			f.Fatalf("after line %d the last is number %d", k, last.Cursor.N)
		}
	}
}
