package loglane

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// MemoryOptions are the settings of a [MemoryBroker]; nil and zero members are the defaults.
type MemoryOptions struct {
	Retention Retention // of every channel but the global one
	Global    Retention // of the global channel
}

// A MemoryBroker is a [Broker] within one process: the embedded broker, and the model
// that the suite holds every other broker to. Its histories end with it; each start
// makes new epochs, so that viewers learn of the loss. Places follow the wall clock and
// never go back within a channel.
//
// PublishForeign and StoreForeign do what other programs do to a broker.
type MemoryBroker struct {
	retention, global Retention

	mu       sync.Mutex
	channels map[string]*memoryChannel
	purges   atomic.Int64
}

var (
	_ Broker = (*MemoryBroker)(nil)
	_ Purger = (*MemoryBroker)(nil)
	_ Lister = (*MemoryBroker)(nil)
)

// NewMemoryBroker starts nothing that has to be ended. It fails for a [Retention] out of
// range.
func NewMemoryBroker(opts *MemoryOptions) (*MemoryBroker, error) {
	if opts == nil {
		opts = &MemoryOptions{}
	}
	b := &MemoryBroker{
		retention: opts.Retention.WithDefaults(DefaultHistoryTTL),
		global:    opts.Global.WithDefaults(DefaultGlobalHistoryTTL),
		channels:  make(map[string]*memoryChannel),
	}
	if err := b.retention.Check(); err != nil {
		return nil, err
	}
	if err := b.global.Check(); err != nil {
		return nil, err
	}
	return b, nil
}

// with calls f with the channel, which it makes where there is none, under its lock.
func (b *MemoryBroker) with(channel string, f func(*memoryChannel)) {
	for {
		b.mu.Lock()
		c := b.channels[channel]
		if c == nil {
			c = &memoryChannel{retention: b.retentionOf(channel), followers: make(map[*follower]struct{})}
			c.forget = func() { b.forget(channel, c) }
			b.channels[channel] = c
		}
		b.mu.Unlock()
		c.mu.Lock()
		if !c.forgotten {
			f(c)
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// forget drops a channel that has been silent for [MetaTTL], unless it is followed.
func (b *MemoryBroker) forget(channel string, c *memoryChannel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.followers) == 0 && len(c.entries) == 0 && !c.forgotten {
		c.forgotten = true
		delete(b.channels, channel)
	}
}

// Append implements [Broker].
func (b *MemoryBroker) Append(_ context.Context, channel string, batch Batch) (receipt Receipt, err error) {
	if err := batch.Check(); err != nil {
		return Receipt{}, err
	}
	b.with(channel, func(c *memoryChannel) { receipt, err = c.append(channel, batch) })
	return receipt, err
}

// Read implements [Broker].
func (b *MemoryBroker) Read(_ context.Context, channel string, from From, limit int) (Page, error) {
	b.mu.Lock()
	c := b.channels[channel]
	b.mu.Unlock()
	if c == nil { // reading a channel that nobody wrote to must not make it
		c = &memoryChannel{retention: b.retentionOf(channel)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read(from, max(limit, 1)), nil
}

func (b *MemoryBroker) retentionOf(channel string) Retention {
	if channel == GlobalChannel {
		return b.global
	}
	return b.retention
}

// Follow implements [Broker].
func (b *MemoryBroker) Follow(channel string, emit func(Event)) (stop func()) {
	f := &follower{emit: emit}
	b.with(channel, func(c *memoryChannel) {
		c.followers[f] = struct{}{}
		emit(Event{Kind: Confirmed})
	})
	var once sync.Once
	return func() {
		once.Do(func() { b.with(channel, func(c *memoryChannel) { c.unfollow(f) }) })
	}
}

// Purge implements [Purger]; it never fails.
func (b *MemoryBroker) Purge(_ context.Context, channel string) error {
	b.mu.Lock()
	c := b.channels[channel]
	b.mu.Unlock()
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.purge()
		c.purgeMark = strconv.FormatInt(b.purges.Add(1), 10)
	}
	return nil
}

// PurgeMark implements [Purger]; it never fails.
func (b *MemoryBroker) PurgeMark(_ context.Context, channel string) (string, error) {
	b.mu.Lock()
	c := b.channels[channel]
	b.mu.Unlock()
	if c == nil {
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.purgeMark, nil
}

// List implements [Lister]; it never fails.
func (b *MemoryBroker) List(_ context.Context, prefix string, limit int) (list []ChannelInfo, more bool, err error) {
	b.mu.Lock()
	channels := make(map[string]*memoryChannel)
	for name, c := range b.channels {
		if strings.HasPrefix(name, prefix) {
			channels[name] = c
		}
	}
	b.mu.Unlock()
	for name, c := range channels {
		c.mu.Lock()
		if n := len(c.entries); n > 0 {
			list = append(list, ChannelInfo{Channel: name, Lines: int64(n), Last: c.entries[n-1].Cursor.ID.Time()})
		}
		c.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b ChannelInfo) int { return strings.Compare(a.Channel, b.Channel) })
	if len(list) > limit {
		return list[:limit], true, nil
	}
	return list, false, nil
}

// PublishForeign reports a payload to the channel's followers and stores nothing, as a
// PUBLISH of another program does.
func (b *MemoryBroker) PublishForeign(channel string, payload []byte) {
	b.with(channel, func(c *memoryChannel) {
		c.emit(Event{Kind: Lines, Payloads: [][]byte{payload}})
	})
}

// StoreForeign stores an entry and reports nothing, as an XADD of another program does.
// nil is an entry without data.
func (b *MemoryBroker) StoreForeign(channel string, data []byte) ID {
	var id ID
	b.with(channel, func(c *memoryChannel) {
		id = c.nextID(time.Now())
		c.store(Entry{Cursor: Cursor{ID: id}, Data: data}, producerLine{})
		c.trim()
		c.expireAfter(c.retention.TTL)
	})
	return id
}
