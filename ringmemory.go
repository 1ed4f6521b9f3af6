package loglane

import (
	"context"
	"slices"
	"time"
)

// sweep frees the rings of idle channels, and the oldest ones when all together are too
// large.
func (h *Hub) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, f := range h.byAge() {
				f.dropRing(ringIdle, false)
			}
		case <-h.pressure:
		}
		h.relieve()
	}
}

func (h *Hub) relieve() {
	for _, forced := range []bool{false, true} {
		if h.ringCost.Load() <= int64(h.opts.RingMemory) {
			return
		}
		for _, f := range h.byAge() {
			if h.ringCost.Load() <= int64(h.opts.RingMemory)*3/4 {
				return
			}
			f.dropRing(0, forced)
		}
	}
}

// charge counts what the rings cost.
func (h *Hub) charge(cost int) {
	if h.ringCost.Add(int64(cost)) > int64(h.opts.RingMemory) {
		select {
		case h.pressure <- struct{}{}:
		default:
		}
	}
}

// byAge returns the feeds, the longest silent first.
func (h *Hub) byAge() []*feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	type aged struct {
		*feed
		last time.Time
	}
	all := make([]aged, 0, len(h.feeds))
	for _, f := range h.feeds {
		f.mu.Lock()
		all = append(all, aged{f, f.lastItem})
		f.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b aged) int { return a.last.Compare(b.last) })
	feeds := make([]*feed, len(all))
	for i, a := range all {
		feeds[i] = a.feed
	}
	return feeds
}
