package loglane

import (
	"context"
	"errors"
	"fmt"
)

// A Purger is a [Broker] that can empty a channel.
type Purger interface {
	// Purge removes all lines of a channel's history for good. The numbering stays: a
	// cursor at the end goes on with the next line, an older one is [StatusTrimmed] and
	// the lines are counted as missing. Live viewers go on with the next line. A channel
	// without a history is no error.
	Purge(ctx context.Context, channel string) error
	// PurgeMark returns what is another text after each Purge, by whatever process, and
	// else stays as it is; "" where the channel was never purged. Where the broker has
	// forgotten, it may be another one too.
	PurgeMark(ctx context.Context, channel string) (mark string, err error)
}

// Purge empties a channel's history, and what this process keeps of it, so that nobody who
// comes later is shown a line from before. So it is in other processes with the same
// broker; what they keep they drop with their [Hub.Forget], or when the next viewer comes. It
// fails with [errors.ErrUnsupported] where the broker is no [Purger].
func (h *Hub) Purge(ctx context.Context, channel string) error {
	purger, ok := h.broker.(Purger)
	if !ok {
		return fmt.Errorf("this broker cannot purge: %w", errors.ErrUnsupported)
	}
	if err := purger.Purge(ctx, channel); err != nil {
		return err
	}
	h.Forget(channel)
	return nil
}

// Forget drops what this process keeps of a channel's history, after somebody has purged
// it. Viewers stay; who had not read all of it yet is told of a gap. It does not block.
func (h *Hub) Forget(channel string) {
	h.mu.Lock()
	f := h.feeds[channel]
	h.mu.Unlock()
	if f != nil {
		f.forget()
	}
}

// Doubt is for when a call of [Hub.Forget] may have been missed: as far as no viewer loses
// a line by it, what this process keeps of histories is dropped. It does not block.
func (h *Hub) Doubt() {
	for _, f := range h.byAge() {
		f.mu.Lock()
		f.doubted = true
		f.dropPages()
		if !f.reading && f.confirmed {
			f.resolveDoubt()
		}
		f.mu.Unlock()
	}
}

// forget empties the ring, now and after a read that may have begun before the purge.
func (f *feed) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
}

func (f *feed) drop() {
	if f.closed {
		return
	}
	f.older.purges.Add(1)
	f.dropPages()
	f.emptyRing(true)
	f.purged = f.reading
	f.clean = f.readsBegun + 1
	f.doorbell(false)
	f.wake()
}

// forgetAfterRead does that for the read that has ended.
func (f *feed) forgetAfterRead() {
	if f.purged {
		f.emptyRing(true)
	}
	f.purged = false
	f.resolveDoubt()
}

// resolveDoubt empties the ring once nobody loses by it.
func (f *feed) resolveDoubt() {
	if f.doubted && f.emptyRing(false) {
		f.doubted = false
	}
}
