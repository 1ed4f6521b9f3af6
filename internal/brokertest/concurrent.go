package brokertest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/loglane/loglane"
)

var concurrentCases = []testCase{
	{"producers make one order", Options{Retention: loglane.Retention{Lines: 10_000}}, oneOrder},
	{"a batch sent twice at once is stored once", Options{}, sentTwice},
	{"reading while others append", Options{Retention: loglane.Retention{Lines: 50}}, readWhileAppending},
}

const producers, batches, linesEach = 8, 25, 4

func oneOrder(f *fixture) {
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			name := fmt.Sprintf("producer-%d", p)
			for b := range uint64(batches) {
				first := b*linesEach + 1
				receipt, err := f.Append(f.ctx, f.channel, claim(first-1, batch(name, first, first+linesEach-1)))
				if err != nil || receipt.Stored != linesEach {
					f.Errorf("%s, batch %d: %+v, %v", name, b, receipt, err)
					return
				}
			}
		})
	}
	wg.Wait()
	entries := f.all()
	if len(entries) != producers*batches*linesEach {
		f.Fatalf("%d entries, want %d", len(entries), producers*batches*linesEach)
	}
	f.chained(entries)
	if entries[0].Cursor.N != 1 {
		f.Errorf("the first number is %d", entries[0].Cursor.N)
	}
	seen := make(map[loglane.Src]bool)
	for _, entry := range entries {
		seen[entry.Cursor.Src] = true
	}
	next := make(map[string]uint64)
	for _, entry := range entries {
		var name string
		var k uint64
		if _, err := fmt.Sscanf(string(entry.Data), `{"message":"%s %d"`, &name, &k); err != nil {
			f.Fatalf("data %q: %v", entry.Data, err)
		}
		if k != next[name]+1 {
			f.Fatalf("%s: number %d after %d", name, k, next[name])
		}
		next[name] = k
	}
	if len(seen) != len(entries) {
		f.Errorf("%d different lines, want %d", len(seen), len(entries))
	}
}

func sentTwice(f *fixture) {
	for round := range uint64(20) {
		first := round*5 + 1
		var stored, duplicates atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				receipt, err := f.Append(f.ctx, f.channel, batch("alpha", first, first+4))
				if err != nil {
					f.Errorf("Append: %v", err)
				}
				stored.Add(int64(receipt.Stored))
				duplicates.Add(int64(receipt.Duplicates))
			})
		}
		wg.Wait()
		if stored.Load() != 5 || duplicates.Load() != 15 {
			f.Fatalf("round %d: %d stored and %d duplicates, want 5 and 15", round, stored.Load(), duplicates.Load())
		}
	}
	entries := f.all()
	f.chained(entries)
	if len(entries) != 100 {
		f.Fatalf("%d entries, want 100", len(entries))
	}
}

// readWhileAppending reads pages of a history that moves: each page is of one moment.
func readWhileAppending(f *fixture) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := range uint64(100) {
			if _, err := f.Append(f.ctx, f.channel, batch("alpha", b*5+1, b*5+5)); err != nil {
				f.Errorf("Append: %v", err)
				return
			}
		}
	}()
	defer func() { <-done }()
	cursor := loglane.Cursor{}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		page := f.read(loglane.After(cursor), 7)
		f.chained(page.Entries)
		if len(page.Entries) == 0 {
			continue
		}
		first, last := page.Entries[0], page.Entries[len(page.Entries)-1]
		if page.Status == loglane.OK && !cursor.ID.IsZero() && first.Prev != cursor.ID {
			f.Fatalf("after %v comes an entry that names %v as the one before it", cursor, first.Prev)
		}
		if page.Status != loglane.OK && page.Missed != int64(first.Cursor.N-cursor.N-1) {
			f.Fatalf("from number %d to %d: %d are said to be missing", cursor.N, first.Cursor.N, page.Missed)
		}
		if page.Tail.ID.Less(last.Cursor.ID) {
			f.Fatalf("a page up to %v has tail %v", last.Cursor, page.Tail)
		}
		if page.More != (last.Cursor != page.Tail) {
			f.Fatalf("a page up to %v of a channel up to %v says more %v", last.Cursor, page.Tail, page.More)
		}
		cursor = last.Cursor
	}
}
