package loglane

import (
	"context"
	"math"
	"time"
)

// markEvery is how often at most a viewer whose filter hides lines is moved on.
const markEvery = time.Second

// step sends what there is for the viewer; false means nothing now.
func (st *stream) step() (progress bool, err error) {
	if !st.verified || st.judging != nil && !st.judging.over() {
		return false, nil
	}
	if held := st.held; held != nil {
		st.held = nil
		return true, st.send(held)
	}
	if !st.sub.live {
		return st.catchUp()
	}
	items, ok := st.sub.next(st.items[:0], math.MaxInt64)
	st.items = items
	if len(items) > 0 {
		err = st.send(items)
		clear(items)
		return true, err
	}
	return !ok, nil
}

// catchUp sends a part of the history. While the broker cannot be asked, the viewer is
// told so and stays.
func (st *stream) catchUp() (progress bool, err error) {
	if st.down && st.sub.feedDown() { // the feed's return wakes the viewer
		return false, nil
	}
	ctx, cancel := context.WithTimeout(st.ctx, readTimeout)
	defer cancel()
	items, err := st.sub.catchUp(ctx)
	if cause := context.Cause(st.ctx); cause != nil {
		return false, cause
	}
	if err != nil {
		st.again.Reset(st.retry.next())
		return false, st.sayDown()
	}
	st.retry.reset()
	if st.down && !st.sub.feedDown() {
		st.held = append(st.held, items...)
		return true, st.comeBack()
	}
	return true, st.send(items)
}

// send writes items in order. What follows the broker's return waits until the grant has
// been found to stand.
func (st *stream) send(items []delivery) error {
	frames := st.frames[:0]
	for n := range items {
		may := st.see(&items[n])
		d := items[n]
		if d.kind == statusItem && !d.down {
			if err := st.write(frames...); err != nil {
				return err
			}
			if !st.down {
				return st.send(items[n+1:])
			}
			st.held = append([]delivery(nil), items[n+1:]...)
			return st.comeBack()
		}
		shows, pending := st.judge(d, may)
		if pending != nil {
			st.held = append([]delivery(nil), items[n:]...)
			break
		}
		frames = st.appendFrame(frames, d, shows)
	}
	st.frames = frames
	if err := st.write(frames...); err != nil {
		return err
	}
	clear(frames) // what has left the ring is not to be kept by viewers
	if st.hides && !st.marking {
		st.marking = true
		st.marks.Reset(markEvery)
	}
	return nil
}

func (st *stream) appendFrame(frames [][]byte, d delivery, shows bool) [][]byte {
	switch {
	case d.kind == statusItem && st.down:
		return frames
	case d.kind == statusItem:
		st.down = true
		return joined(frames, st.format.item(d.item))
	case !shows:
		if d.placed() {
			st.hides, st.hidden = true, d.cursor
		}
		return frames
	}
	if d.placed() {
		st.told, st.hides = true, false
	}
	if d.had {
		return append(frames, st.format.mark(d.cursor))
	}
	if d.isLine() {
		st.sent++
	}
	return joined(frames, st.format.item(d.item))
}

// see leaves of a line what the viewer may see of it; false means nothing.
func (st *stream) see(d *delivery) bool {
	if !st.filter.may(d.item) {
		return false
	}
	if st.filter.members == nil || !d.isLine() {
		return true
	}
	seen := st.sub.feed.seen(d.item, st.filter.members)
	if seen == nil {
		return false
	}
	d.item = seen
	return true
}

// judge says whether an item is shown, or what is waited for until that is known.
func (st *stream) judge(d delivery, may bool) (shows bool, pending *evaluation) {
	if !may {
		return false, nil
	}
	if e := st.judging; e != nil && e.item == d.item {
		if !e.over() {
			return false, e
		}
		st.judging = nil
		return e.shows, nil
	}
	shows, st.judging = st.filter.judge(d.item)
	return shows, st.judging
}

// judged tells when what is waited for is known, as long as lines may be sent.
func (st *stream) judged() <-chan struct{} {
	if st.judging == nil || !st.verified {
		return nil
	}
	return st.judging.done
}

// mark moves the viewer past lines that were hidden from it.
func (st *stream) mark() error {
	st.marking = false
	if !st.hides {
		return nil
	}
	st.hides, st.told = false, true
	return st.write(st.format.mark(st.hidden))
}

func (st *stream) sayDown() error {
	if st.down {
		return nil
	}
	st.down = true
	return st.write(st.format.item(newStatus(true)))
}
