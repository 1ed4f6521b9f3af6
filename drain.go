package loglane

import (
	"context"
	"time"
)

// cutGrace is how long handlers of cut streams may take to return.
const cutGrace = time.Second

// Close drains the hub: no stream opens any more, and open ones, which go on meanwhile, get
// a bye event and end cleanly, one after the other: evenly over up to four fifths of the time
// that ctx leaves, over up to eight seconds without a deadline, and at 20 a second where that
// is sooner. When ctx ends first, they are cut. Close waits for all that the hub has started.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	closing := h.closing
	h.closing = true
	spread := min(time.Duration(len(h.streams)-1)*drainInterval, drainTime(ctx))
	var farewells []*time.Timer
	turn, last := 0, max(len(h.streams)-1, 1)
	for st := range h.streams {
		wait := spread * time.Duration(turn) / time.Duration(last)
		turn++
		farewells = append(farewells, time.AfterFunc(wait, func() { st.end("bye", "draining") }))
	}
	if !closing && len(h.streams) == 0 {
		close(h.idle)
	}
	h.mu.Unlock()

	var err error
	select {
	case <-h.idle:
	case <-ctx.Done():
		err = context.Cause(ctx)
		h.cut()
		// A cut connection lets its handler go at once. One that does not is held by
		// what stands around the handler, and that is not ours to wait for.
		select {
		case <-h.idle:
		case <-time.After(cutGrace):
		}
	}
	for _, timer := range farewells {
		timer.Stop()
	}
	h.cancel()
	h.mu.Lock()
	feeds := h.feeds
	h.feeds = nil
	h.mu.Unlock()
	for _, f := range feeds {
		f.mu.Lock()
		stop := f.close()
		f.mu.Unlock()
		if stop != nil {
			stop()
		}
	}
	h.workers.Wait()
	return err
}

// drainTime is how long streams may take to end one after the other: what is left of ctx is
// for those that do not read and for what else has to end.
func drainTime(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return drainSpread
	}
	return max(time.Until(deadline)*4/5, 0)
}

// cut ends all streams at once.
func (h *Hub) cut() {
	h.mu.Lock()
	streams := make([]*stream, 0, len(h.streams))
	for st := range h.streams {
		streams = append(streams, st)
	}
	h.mu.Unlock()
	for _, st := range streams {
		st.end("bye", "draining")
		st.writer.interrupt()
	}
}
