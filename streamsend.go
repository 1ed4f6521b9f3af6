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
	if !st.verified {
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
	for n, d := range items {
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
		frames = st.appendFrame(frames, d)
	}
	st.frames = frames
	if err := st.write(frames...); err != nil {
		return err
	}
	clear(frames) // what has left the ring is not to be kept by viewers
	if st.hidden != nil && !st.marking {
		st.marking = true
		st.marks.Reset(markEvery)
	}
	return nil
}

func (st *stream) appendFrame(frames [][]byte, d delivery) [][]byte {
	switch {
	case d.kind == statusItem && st.down:
		return frames
	case d.kind == statusItem:
		st.down = true
		return append(frames, d.frame)
	case d.isLine() && !st.shows(d):
		if d.placed() {
			st.hidden = d.mark()
		}
		return frames
	}
	if d.placed() {
		st.told, st.hidden = true, nil
	}
	if d.had {
		return append(frames, d.mark())
	}
	return append(frames, d.frame)
}

// shows says whether a line passes the grant's floor and the request's filter.
func (st *stream) shows(d delivery) bool {
	return (st.grant.Floor == nil || d.passes(*st.grant.Floor)) && (st.req.level == nil || d.passes(*st.req.level))
}

// mark moves the viewer past lines that its filter hid.
func (st *stream) mark() error {
	st.marking = false
	if st.hidden == nil {
		return nil
	}
	mark := st.hidden
	st.hidden, st.told = nil, true
	return st.write(mark)
}

func (st *stream) sayDown() error {
	if st.down {
		return nil
	}
	st.down = true
	return st.write(newStatus(true).frame)
}
