package loglane

import (
	"context"
	"time"
)

// cutGrace is how long handlers of cut streams may take to return.
const cutGrace = time.Second

// Close drains the hub: no stream opens any more, and open ones, which go on meanwhile, get
// a bye event and end cleanly, one after the other: evenly over up to four fifths of the time
// that ctx leaves, over up to sixteen seconds without a deadline, and at ten a second where
// that is sooner. A process that is held up ends them later, and then at up to twice that
// pace, never many at once. When ctx ends first, they are cut. Close waits for all that the
// hub has started.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	var open []*stream
	if !h.closing { // else another Close is at it
		h.closing = true
		for st := range h.streams {
			open = append(open, st)
		}
		if len(open) == 0 {
			close(h.idle)
		}
	}
	h.mu.Unlock()

	err := h.drain(ctx, open)
	if err != nil {
		h.cut()
		// A cut connection lets its handler go at once. One that does not is held by
		// what stands around the handler, and that is not ours to wait for.
		select {
		case <-h.idle:
		case <-time.After(cutGrace):
		}
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

// drain ends streams one after the other, and returns once none is open any more, or with
// why ctx ended before.
func (h *Hub) drain(ctx context.Context, open []*stream) error {
	pace := newDrainPace(len(open), drainTime(ctx), time.Now())
	turn := time.NewTimer(0)
	defer turn.Stop()
	for {
		select {
		case <-h.idle:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-turn.C:
		}
		for ended := false; len(open) > 0 && !ended; open = open[1:] {
			ended = open[0].end("bye", "draining")
		}
		if len(open) > 0 {
			turn.Reset(pace.wait(len(open), time.Now()))
		}
	}
}

// drainTime is how long streams may take to end one after the other: what is left of ctx is
// for those that are late or do not read and for what else has to end.
func drainTime(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return drainSpread
	}
	return max(time.Until(deadline)*4/5, 0)
}

// A drainPace is when streams end that end one after the other. Those of a gateway that
// catches up with its plan would come to the others all at once.
type drainPace struct {
	until time.Time     // the last is to end
	least time.Duration // from one end to the next, however late they are
}

func newDrainPace(streams int, within time.Duration, now time.Time) drainPace {
	waits := max(streams-1, 1)
	spread := min(time.Duration(streams-1)*drainInterval, within)
	return drainPace{until: now.Add(spread), least: spread / time.Duration(2*waits)}
}

// wait is how long from now the next of the streams that are left is to end.
func (p drainPace) wait(left int, now time.Time) time.Duration {
	return max(p.until.Sub(now)/time.Duration(left), p.least)
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
