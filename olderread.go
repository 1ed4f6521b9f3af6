package loglane

import (
	"context"
	"sync/atomic"
)

// An olderRead lets viewers who join at the same time share one read of the history, and what
// it was encoded to.
type olderRead struct {
	flight chan struct{} // holds a token while nobody reads
	asking atomic.Int64  // how many want it, the reader included
	purges atomic.Int64  // what was read before the last of them is no longer there
	shared *olderPart    // kept only while others ask
}

type olderPart struct {
	last   Cursor
	n      int
	purges int64
	items  []*item
}

func newOlderRead() *olderRead {
	o := &olderRead{flight: make(chan struct{}, 1)}
	o.flight <- struct{}{}
	return o
}

// read returns what read returns, or what it returned for the same place to another who
// asked meanwhile.
func (o *olderRead) read(ctx context.Context, last Cursor, n int, read func() ([]*item, error)) ([]*item, error) {
	o.asking.Add(1)
	defer o.asking.Add(-1)
	select {
	case <-o.flight:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() {
		if o.asking.Load() == 1 {
			o.shared = nil
		}
		o.flight <- struct{}{}
	}()
	purges := o.purges.Load()
	if p := o.shared; p != nil && p.last == last && p.n == n && p.purges == purges {
		return p.items, nil
	}
	o.shared = nil
	items, err := read()
	if err == nil {
		o.shared = &olderPart{last: last, n: n, purges: purges, items: items}
	}
	return items, err
}
