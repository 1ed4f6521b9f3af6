package brokertest

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/loglane/loglane"
)

var joinCases = []testCase{
	{"following and reading give each line once", Options{Retention: loglane.Retention{Lines: 10_000}}, joins},
	{"a short history read behind its edge", Options{Retention: loglane.Retention{Lines: 5000, Bytes: 128 << 10}}, joins},
}

// joins lets viewers come at any moment while lines are appended: what one reads once it
// is confirmed, and what it is told from then on, overlap and leave nothing out.
func joins(f *fixture) {
	const writers, lines, viewers = 3, 200, 12
	joined := make(chan struct{}, writers*lines)
	var writing, joining sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			name := fmt.Sprintf("producer-%d", w)
			for k := uint64(1); k <= lines; {
				n := min(k+rand.Uint64N(4), lines)
				if _, err := f.Append(f.ctx, f.channel, batch(name, k, n)); err != nil {
					f.Errorf("Append: %v", err)
					return
				}
				for ; k <= n; k++ {
					joined <- struct{}{}
				}
			}
		})
	}
	for v := range viewers {
		wait := 1 + v*(writers*lines)/(viewers*2)/viewers
		for range wait {
			<-joined
		}
		joining.Go(func() { f.join(writers * lines) })
	}
	writing.Wait()
	joining.Wait()
}

func (f *fixture) join(last uint64) {
	r := f.record(f.channel)
	defer r.stop()
	r.wait("a Confirmed event", func() bool { return r.count(loglane.Confirmed) > 0 })
	page, err := f.Read(f.ctx, f.channel, loglane.Oldest(), 64)
	entries := page.Entries
	for err == nil && page.More {
		page, err = f.Read(f.ctx, f.channel, loglane.After(page.Entries[len(page.Entries)-1].Cursor), 64)
		if page.Status != loglane.OK { // the history's edge has passed the reader
			entries = nil
		}
		entries = append(entries, page.Entries...)
	}
	if err != nil || len(entries) == 0 {
		f.Errorf("reading gave %d entries, error %v", len(entries), err)
		return
	}
	tail := entries[len(entries)-1].Cursor
	taken := 0
	r.wait("the last line", func() bool {
		for _, payload := range r.payloads()[taken:] {
			taken++
			frame, ok := loglane.ParseFrame(payload)
			if !ok {
				f.Errorf("payload %.100q is no frame", payload)
			}
			if !tail.ID.Less(frame.Cursor.ID) {
				continue
			}
			entries, tail = append(entries, frame.Entry), frame.Cursor
		}
		return tail.N >= last
	})
	for i := 1; i < len(entries); i++ {
		if entries[i].Prev != entries[i-1].Cursor.ID || entries[i].Cursor.N != entries[i-1].Cursor.N+1 {
			f.Errorf("after %v comes %v, which names %v", entries[i-1].Cursor, entries[i].Cursor, entries[i].Prev)
			return
		}
	}
}
