package loglane

import (
	"context"
	"fmt"
	"time"
)

// earliestTime is 2001 in Unix milliseconds: what is before it is no time.
const earliestTime = 1e12

// readLimit is how many entries a feed asks for at once.
const readLimit = 256

// read reads until no doorbell has rung since the last read began.
func (f *feed) read(ctx context.Context) {
	var retry backoff
	for {
		f.mu.Lock()
		if f.closed || !f.again || !f.confirmed {
			f.reading = false
			f.mu.Unlock()
			return
		}
		f.again = false
		f.readsBegun++
		number, returned := f.readsBegun, f.returned
		f.mu.Unlock()

		if returned {
			f.hub.returns.wait(ctx)
		}
		began := time.Now()
		err := f.readAll(ctx, began)
		f.mu.Lock()
		if err != nil {
			f.again, f.expired = true, false
			if ctx.Err() == nil {
				f.goDown(err)
			} else {
				f.closed = true
			}
			f.mu.Unlock()
			retry.wait(ctx, f.kick)
			continue
		}
		retry.reset()
		f.returned = false
		f.readsDone = number
		f.comeUp()
		f.settleBacklog(began)
		f.forgetAfterRead()
		f.wake()
		if !f.again { // under the lock of the settling: what comes from here on is taken as it comes
			f.reading = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
}

// readAll reads from the last entry taken to the newest; at the first time it fills the
// ring.
func (f *feed) readAll(ctx context.Context, began time.Time) error {
	f.mu.Lock()
	last, filled := f.last, f.filled
	f.mu.Unlock()
	if !filled {
		return f.fill(ctx, began)
	}
	for {
		from := After(last)
		from.Follower = true
		page, err := f.hub.readPage(ctx, f.channel, from, readLimit)
		if err != nil {
			return err
		}
		var had ID
		if page.Status != OK {
			if had, err = f.hadBefore(ctx); err != nil {
				return err
			}
		}
		f.mu.Lock()
		if !f.reachable() {
			f.mu.Unlock()
			return errStale
		}
		f.apply(page, had, began)
		if !page.More {
			f.rewind = nil
		}
		var again *rewind
		last, again = f.last, f.rewind
		f.mu.Unlock()
		if !page.More {
			return nil
		}
		if page.Status != OK && again != nil {
			if last, err = f.leap(ctx, last, again); err != nil {
				return err
			}
		}
	}
}

// leap goes on from the newest of the entries that were had though nobody remembers them: a
// rewind reads as much in a long history as in a short one, and leaves the oldest entries
// before they are trimmed away under it.
func (f *feed) leap(ctx context.Context, last Cursor, again *rewind) (Cursor, error) {
	if !last.ID.Less(again.before) {
		return last, nil
	}
	page, err := f.hub.readPage(ctx, f.channel, Before(Cursor{ID: again.before}), 1)
	if err != nil {
		return last, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.reachable() {
		return last, errStale
	}
	if len(page.Entries) == 0 || !last.ID.Less(page.Entries[0].Cursor.ID) {
		return last, nil
	}
	f.last = page.Entries[0].Cursor
	f.n = max(f.n, f.last.N)
	f.ring.leaveOut()
	f.push(newMark(f.last))
	return f.last, nil
}

// hadBefore returns the place before which all that the history has was had: that of a line
// which the feed remembers and which is still there. What it remembers longest may have gone
// with an earlier loss, so that a few others are tried. Else it is the zero place: a failover
// may have taken more than the feed remembers, and by a clock that is behind new lines have got
// places before those of lines that are lost.
func (f *feed) hadBefore(ctx context.Context) (ID, error) {
	f.mu.Lock()
	some := f.known.some()
	f.mu.Unlock()
	for _, line := range some {
		page, err := f.hub.readPage(ctx, f.channel, After(line), 1)
		if err != nil {
			return ID{}, err
		}
		if page.Status == OK {
			return line.ID, nil
		}
	}
	return ID{}, nil
}

// fill makes the ring out of the newest part of the history.
func (f *feed) fill(ctx context.Context, began time.Time) error {
	from := Last(ringLines + 1)
	from.Follower = true
	newest, entries, more, err := f.hub.readBack(ctx, f.channel, from)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.reachable() {
		return errStale
	}
	f.filled = true
	f.follow(newest.Epoch)
	f.stream = !newest.Tail.ID.IsZero()
	f.last, f.n = newest.Floor, newest.Floor.N
	f.ring.floor, f.ring.floorKnown = newest.Floor, true
	f.ring.complete, f.ring.full = !more, more
	switch {
	case more: // what stands before the ring is known by its newest entry
		f.ring.floor, entries = entries[0].Cursor, entries[1:]
		f.last = f.ring.floor
	case len(entries) > 0 && entries[0].Foreign():
		f.ring.floorKnown = false
	case len(entries) > 0: // the history may have been trimmed since the newest page was read
		f.ring.floor = Cursor{Epoch: newest.Epoch, N: entries[0].Cursor.N - 1, ID: entries[0].Prev}
	}
	for _, entry := range entries {
		// Of a history, only what is young may still have its payload under way. Places
		// that a foreign program chose may be no times.
		age := newest.Now - min(entry.Cursor.ID.Ms, newest.Now)
		fresh := age <= uint64(settleWindow.Milliseconds()) || entry.Cursor.ID.Ms < earliestTime
		f.takeEntry(entry, began, fresh)
	}
	return nil
}

// reachable says whether what a read brings is still to be told: meanwhile the broker may
// have gone, or the feed ended.
func (f *feed) reachable() bool { return f.confirmed && !f.closed }

var errStale = fmt.Errorf("%w: the connection broke while the history was read", ErrUnavailable)

// settleBacklog takes what came while a read was under way.
func (f *feed) settleBacklog(began time.Time) {
	backlog := f.backlog
	f.backlog, f.backlogBytes = nil, 0
	for _, p := range backlog {
		f.take(p, began)
	}
	for _, w := range f.foreign.due(began, f.epoch) {
		f.float(w)
	}
	f.scheduleLook()
	if f.expired && !f.again { // else it is the next read that tells whether lines have come since
		f.end()
	}
}

// lapse drops foreign payloads that came before a read which found their place gone.
func (f *feed) lapse(readBegan time.Time) {
	f.foreign.lapse(readBegan)
	kept := f.backlog[:0]
	for _, p := range f.backlog {
		if _, isFrame := FrameID(p.data); isFrame || p.at.After(readBegan) {
			kept = append(kept, p)
		}
	}
	clear(f.backlog[len(kept):])
	f.backlog = kept
}

// float lets a payload go out without a place.
func (f *feed) float(w waitingPayload) {
	f.foreign.float(w, f.ring.end(), time.Now())
	f.push(f.hub.encoder.line(Cursor{}, w.data, true))
}

// apply takes a page that was read after the last entry; where that does not stand, entries
// before had were had, and a rewind begins.
func (f *feed) apply(page Page, had ID, began time.Time) {
	f.comeUp() // viewers' grants are checked before the first line
	switch {
	case page.Status == OK:
	case f.last.ID.IsZero() && page.Tail.ID.IsZero() && page.Missed <= 0: // there was nothing, and there is nothing
	case f.expired && len(f.backlog) == 0 && !f.last.ID.IsZero():
		f.rewind = f.known.rewound(had)
		f.end()
	default:
		f.rewind = f.known.rewound(had)
		f.hub.stats.gaps.Add(1)
		f.gen++
		f.dropPages()
		f.ring.newReplay(false)
		f.push(newGap(page.Status.String(), page.Missed, page.Floor))
		f.lapse(began)
		f.last, f.n = page.Floor, page.Floor.N
	}
	if len(page.Entries) > 0 {
		f.expired = false
	}
	f.follow(page.Epoch)
	f.last.Epoch = page.Epoch
	f.stream = !page.Tail.ID.IsZero()
	skipped := false
	for _, entry := range page.Entries {
		if skipped = f.rewind.had(entry.Cursor); skipped {
			f.last, f.n = entry.Cursor, max(f.n, entry.Cursor.N)
			f.ring.leaveOut()
			if !entry.Cursor.ID.Less(f.rewind.before) { // it came again, and stands here now
				f.hub.charge(f.known.add(entry.Cursor))
			}
			continue
		}
		f.takeEntry(entry, began, true)
	}
	if skipped {
		f.push(newMark(f.last))
	}
}

// takeEntry takes one entry of the stream. fresh says that its payload may come yet.
func (f *feed) takeEntry(entry Entry, began time.Time, fresh bool) {
	i := f.hub.encoder.entry(entry)
	if entry.Foreign() && entry.Data != nil {
		if floated := f.foreign.entry(entry.Data, began, fresh); floated != nil {
			i.kind, i.had = lateItem, floated.position
		}
	}
	f.push(i)
	f.advance(entry.Cursor)
}

func (f *feed) advance(c Cursor) {
	f.last, f.n = c, max(f.n, c.N)
	f.hub.charge(f.known.add(c))
}

// expire notes that the history ended at its time with all of it taken: viewers move to
// the place before the next line.
func (f *feed) expire() {
	switch {
	case !f.filled:
		f.doorbell(false)
	case f.reading:
		f.expired = true
	default:
		f.end()
	}
}

func (f *feed) end() {
	f.expired = false
	if f.last.ID.IsZero() {
		return
	}
	f.dropPages()
	f.last = Cursor{Epoch: f.epoch, N: f.n}
	f.stream = false
	f.push(newMark(f.last))
	f.ring.newReplay(true)
}
