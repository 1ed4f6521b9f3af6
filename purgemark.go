package loglane

import (
	"context"
	"fmt"
	"sync/atomic"
)

// errUnconfirmed is what a viewer gets whose channel does not answer in time.
var errUnconfirmed = fmt.Errorf("%w: no confirmation within %v", ErrUnavailable, confirmWait)

// purgeMarks lets viewers who join at the same time share one look at a channel's mark.
type purgeMarks struct {
	turn   chan struct{} // holds a token while nobody looks
	begun  atomic.Uint64
	latest uint64 // the last look that succeeded …
	mark   string // … and what it has found
}

func newPurgeMarks() *purgeMarks {
	m := &purgeMarks{turn: make(chan struct{}, 1)}
	m.turn <- struct{}{}
	return m
}

// look returns the mark as of a moment after the call.
func (m *purgeMarks) look(ctx context.Context, purger Purger, channel string) (string, error) {
	before := m.begun.Load()
	select {
	case <-m.turn:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { m.turn <- struct{}{} }()
	if m.latest > before {
		return m.mark, nil
	}
	number := m.begun.Add(1)
	mark, err := purger.PurgeMark(ctx, channel)
	if err == nil {
		m.latest, m.mark = number, mark
	} else if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return mark, err
}

// noteMark keeps the mark of a feed that has nothing yet. Where it cannot be had, the next
// viewer's look finds it new.
func (f *feed) noteMark(ctx context.Context) {
	purger, ok := f.hub.broker.(Purger)
	if !ok {
		return
	}
	mark, err := f.marks.look(ctx, purger, f.channel)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mark, f.marked = mark, true
}

// awaitPurged returns once the feed has nothing that was purged before the call, whoever
// purged it: a notice may still be under way.
func (f *feed) awaitPurged(ctx context.Context, s *subscription) error {
	purger, ok := f.hub.broker.(Purger)
	if !ok {
		return nil
	}
	mark, err := f.marks.look(ctx, purger, f.channel)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.marked || mark != f.mark {
		f.mark, f.marked = mark, true
		f.drop()
	}
	for wanted := f.clean; f.readsDone < wanted; {
		f.rouse(s)
		f.mu.Unlock()
		select {
		case <-s.woken:
		case <-ctx.Done():
		}
		f.mu.Lock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
