package redisbroker

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

const (
	loglanePattern = loglane.ChannelPrefix + "*"

	scanCount  = 1000
	censusMost = 10000 // channels that are looked at in one database
	censusTime = 3 * time.Second
)

// A Census is which channels have a history in one database.
type Census struct {
	Database int
	Channels []loglane.ChannelInfo // in no order
	More     bool                  // there may be more than these: it was cut short
	Newest   loglane.ChannelInfo   // whose last line is the newest; of no channel where there is none
}

// takeCensus finds the channels of the database that client has selected; after ends it is
// cut short.
func takeCensus(ctx context.Context, client rueidis.Client, keys layout, database int, ends time.Time) (Census, error) {
	census := Census{Database: database}
	seen := make(map[string]bool)
	for cursor := uint64(0); ; {
		cmd := client.B().Scan().Cursor(cursor).Match(keys.streamPattern(loglane.ChannelPrefix)).Count(scanCount).Type("stream").Build()
		page, err := client.Do(ctx, cmd).AsScanEntry()
		if err != nil {
			return census, err
		}
		var channels []string
		for _, key := range page.Elements {
			channel := keys.channelOf(key)
			if _, err := loglane.ChannelName(loglane.ContextOf(channel)); err == nil && !seen[channel] {
				seen[channel] = true
				channels = append(channels, channel)
			}
		}
		if err := census.add(ctx, client, keys, channels); err != nil {
			return census, err
		}
		if cursor = page.Cursor; cursor == 0 {
			return census, nil
		}
		if len(census.Channels) >= censusMost || now().After(ends) {
			census.More = true
			return census, nil
		}
	}
}

// add looks at channels' lengths and last lines. One that is gone meanwhile, or empty, has
// no history.
func (c *Census) add(ctx context.Context, client rueidis.Client, keys layout, channels []string) error {
	if len(channels) == 0 {
		return nil
	}
	var cmds rueidis.Commands
	for _, channel := range channels {
		cmds = append(cmds,
			client.B().Xlen().Key(keys.streamKey(channel)).Build(),
			client.B().Xrevrange().Key(keys.streamKey(channel)).End("+").Start("-").Count(1).Build())
	}
	results := client.DoMulti(ctx, cmds...)
	for i, channel := range channels {
		length, err := results[2*i].AsInt64()
		if err != nil {
			return err
		}
		tail, err := results[2*i+1].AsXRange()
		if err != nil {
			return err
		}
		if len(tail) == 0 {
			continue
		}
		id, err := loglane.ParseID(tail[0].ID)
		if err != nil {
			return err
		}
		info := loglane.ChannelInfo{Channel: channel, Lines: length, Last: time.UnixMilli(int64(id.Ms))}
		c.Channels = append(c.Channels, info)
		if newer(info, c.Newest) {
			c.Newest = info
		}
	}
	return nil
}

// newer says whether a channel's last line is. The global channel, which gets a copy of most
// lines a moment later, tells less: it has to be a second ahead.
func newer(a, b loglane.ChannelInfo) bool {
	handicap := func(info loglane.ChannelInfo) time.Time {
		if info.Channel == loglane.GlobalChannel {
			return info.Last.Add(-time.Second)
		}
		return info.Last
	}
	return b.Channel == "" || handicap(a).After(handicap(b))
}
