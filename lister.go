package loglane

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Lister is a [Broker] that can tell which channels have a history.
type Lister interface {
	// List returns at most limit of the channels whose name begins with prefix, "" is
	// any, and whether there are more.
	List(ctx context.Context, prefix string, limit int) (list []ChannelInfo, more bool, err error)
}

// A ChannelInfo is a channel that has a history.
type ChannelInfo struct {
	Channel string    // full name
	Lines   int64     // that are kept
	Last    time.Time // of the newest line; zero is unknown
}

var _ Lister = (*MemoryBroker)(nil)

// List implements [Lister].
func (b *MemoryBroker) List(_ context.Context, prefix string, limit int) (list []ChannelInfo, more bool, err error) {
	b.mu.Lock()
	channels := maps.Clone(b.channels)
	b.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		c := channels[name]
		c.mu.Lock()
		info := ChannelInfo{Channel: name, Lines: int64(len(c.entries)), Last: time.UnixMilli(int64(c.newest.Ms))}
		c.mu.Unlock()
		if info.Lines == 0 || !strings.HasPrefix(name, prefix) {
			continue
		}
		if len(list) == limit {
			return list, true, nil
		}
		list = append(list, info)
	}
	return list, false, nil
}
