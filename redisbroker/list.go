package redisbroker

import (
	"context"
	_ "embed"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

//go:embed list.lua
var listScript string

var _ loglane.Lister = (*Broker)(nil)

const (
	// scanStep is how many keys Redis looks at in one go, between which it serves others.
	scanStep = 1000
	// scanTime is how long a database is searched for channels, scanNames how many of
	// them are put in order.
	scanTime  = 3 * time.Second
	scanNames = 100_000
	// listAtOnce is how many streams one script looks at.
	listAtOnce = 100
)

// List implements [loglane.Lister]. It gives up a search after 3 s or 100,000 channels:
// then it lists what it has found.
func (b *Broker) List(ctx context.Context, prefix string, limit int) (list []loglane.ChannelInfo, more bool, err error) {
	names, more, err := b.scan(ctx, prefix)
	if err != nil {
		return nil, false, unavailable(err)
	}
	for len(names) > 0 && len(list) < limit {
		n := min(len(names), listAtOnce)
		found, err := b.measure(ctx, names[:n])
		if err != nil {
			return nil, false, unavailable(err)
		}
		list, names = append(list, found...), names[n:]
	}
	if len(list) > limit {
		return list[:limit], true, nil
	}
	return list, more || len(names) > 0, nil
}

// scan returns the channels with a history, sorted. more says that it gave up.
func (b *Broker) scan(ctx context.Context, prefix string) (names []string, more bool, err error) {
	masters, err := b.masters()
	if err != nil {
		return nil, false, err
	}
	deadline := now().Add(scanTime)
	for _, client := range masters {
		found, cut, err := b.scanOne(ctx, client, prefix, deadline)
		if err != nil {
			return nil, false, err
		}
		names, more = append(names, found...), more || cut
	}
	slices.Sort(names)
	return slices.Compact(names), more, nil // SCAN may return a key twice, and a slot may move
}

func (b *Broker) scanOne(ctx context.Context, client rueidis.Client, prefix string, deadline time.Time) (names []string, more bool, err error) {
	match := b.layout.streamPattern(escapeGlob(prefix))
	for cursor := uint64(0); ; {
		entry, err := client.Do(ctx, client.B().Scan().Cursor(cursor).Match(match).Count(scanStep).Type("stream").Build()).AsScanEntry()
		if err != nil {
			return nil, false, err
		}
		for _, key := range entry.Elements {
			name := b.layout.channelOf(key)
			if _, err := loglane.ChannelName(loglane.ContextOf(name)); err == nil && strings.HasPrefix(name, loglane.ChannelPrefix) {
				names = append(names, name)
			}
		}
		if cursor = entry.Cursor; cursor == 0 || len(names) > scanNames || now().After(deadline) {
			return names, cursor != 0, nil
		}
	}
}

// measure asks for the lines of some channels; without any, a channel is left out.
func (b *Broker) measure(ctx context.Context, names []string) (list []loglane.ChannelInfo, err error) {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = b.layout.streamKey(name)
	}
	reply, err := b.runEach(ctx, b.list, listScript, keys)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		info, err := channelInfo(name, reply[i][0], reply[i][1])
		if err != nil {
			return nil, err
		}
		if info.Lines > 0 {
			list = append(list, info)
		}
	}
	return list, nil
}

func channelInfo(name string, lines, last rueidis.RedisMessage) (info loglane.ChannelInfo, err error) {
	info.Channel = name
	if info.Lines, err = lines.AsInt64(); err != nil {
		return info, err
	}
	id, err := last.ToString()
	place, _ := loglane.ParseID(id) // "" where there is none
	info.Last = place.Time()
	return info, err
}
