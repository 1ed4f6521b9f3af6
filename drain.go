package loglane

import (
	"context"
	"math/rand/v2"
	"time"
)

// cutGrace is how long handlers of cut streams may take to return.
const cutGrace = time.Second

// Close drains the hub: no stream opens any more, open ones get a bye event spread over
// up to two seconds and end cleanly. When ctx ends first, they are cut. Close waits for
// all that the hub has started.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	closing := h.closing
	h.closing = true
	spread := min(time.Duration(len(h.streams))*drainInterval, drainSpread)
	var farewells []*time.Timer
	for st := range h.streams {
		wait := time.Duration(0)
		if spread > drainInterval {
			wait = rand.N(spread)
		}
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
