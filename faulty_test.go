package loglane_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/loglane/loglane"
)

// A faultyBroker is a memory broker that can be away, and whose reports can be tampered
// with on their way.
type faultyBroker struct {
	*loglane.MemoryBroker

	mu        sync.Mutex
	away      bool                                // reads fail, nothing is reported
	silent    bool                                // followers are not confirmed
	tamper    func(loglane.Event) []loglane.Event // nil leaves all as it is
	onRead    func(page *loglane.Page)            // sees each page
	onMark    func(context.Context)               // is there whenever the mark is asked for
	reads     int
	followers map[*follower]struct{}
}

type follower struct {
	mu   sync.Mutex // events come one at a time
	emit func(loglane.Event)
}

func newFaultyBroker(memory *loglane.MemoryBroker) *faultyBroker {
	return &faultyBroker{MemoryBroker: memory, followers: make(map[*follower]struct{})}
}

var errAway = fmt.Errorf("%w: connection refused", loglane.ErrUnavailable)

func (b *faultyBroker) Read(ctx context.Context, channel string, from loglane.From, limit int) (loglane.Page, error) {
	b.mu.Lock()
	away, onRead := b.away, b.onRead
	b.reads++
	b.mu.Unlock()
	if away {
		return loglane.Page{}, errAway
	}
	page, err := b.MemoryBroker.Read(ctx, channel, from, limit)
	if onRead != nil {
		onRead(&page)
	}
	if ctx.Err() != nil {
		return loglane.Page{}, context.Cause(ctx)
	}
	return page, err
}

func (b *faultyBroker) PurgeMark(ctx context.Context, channel string) (string, error) {
	b.mu.Lock()
	onMark := b.onMark
	b.mu.Unlock()
	if onMark != nil {
		onMark(ctx)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return b.MemoryBroker.PurgeMark(ctx, channel)
}

func (b *faultyBroker) Follow(channel string, emit func(loglane.Event)) (stop func()) {
	f := &follower{emit: emit}
	b.mu.Lock()
	b.followers[f] = struct{}{}
	away := b.away
	b.mu.Unlock()
	if away {
		f.send(loglane.Event{Kind: loglane.Broken, Err: errAway})
	}
	stopMemory := b.MemoryBroker.Follow(channel, func(event loglane.Event) { b.report(f, event) })
	return func() {
		stopMemory()
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, f)
	}
}

func (b *faultyBroker) report(f *follower, event loglane.Event) {
	b.mu.Lock()
	events := []loglane.Event{event}
	switch {
	case b.away, b.silent && event.Kind == loglane.Confirmed:
		events = nil
	case b.tamper != nil:
		events = b.tamper(event)
	}
	b.mu.Unlock()
	f.send(events...)
}

func (f *follower) send(events ...loglane.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, event := range events {
		f.emit(event)
	}
}

// set changes what the broker does.
func (b *faultyBroker) set(change func(*faultyBroker)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

// tell reports an event to all followers.
func (b *faultyBroker) tell(event loglane.Event) {
	b.mu.Lock()
	followers := make([]*follower, 0, len(b.followers))
	for f := range b.followers {
		followers = append(followers, f)
	}
	b.mu.Unlock()
	for _, f := range followers {
		f.send(event)
	}
}

// leave takes the broker away; come brings it back.
func (b *faultyBroker) leave() {
	b.set(func(b *faultyBroker) { b.away = true })
	b.tell(loglane.Event{Kind: loglane.Broken, Err: errAway})
}

func (b *faultyBroker) come() {
	b.set(func(b *faultyBroker) { b.away = false })
	b.tell(loglane.Event{Kind: loglane.Confirmed})
}

// dropPayloads loses what is published until the returned function is called.
func (b *faultyBroker) dropPayloads() (end func()) {
	b.set(func(b *faultyBroker) {
		b.tamper = func(event loglane.Event) []loglane.Event {
			if event.Kind == loglane.Lines {
				return nil
			}
			return []loglane.Event{event}
		}
	})
	return func() { b.set(func(b *faultyBroker) { b.tamper = nil }) }
}

func (b *faultyBroker) readCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reads
}

func (b *faultyBroker) followerCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.followers)
}
