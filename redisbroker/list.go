package redisbroker

import (
	"context"
	"strings"

	"github.com/loglane/loglane"
)

var _ loglane.Lister = (*Broker)(nil)

// List implements [loglane.Lister]. It looks through the names of all keys of the database,
// for some seconds at most; what it did not come to counts as more.
func (b *Broker) List(ctx context.Context, prefix string, limit int) (list []loglane.ChannelInfo, more bool, err error) {
	census, err := takeCensus(ctx, b.client, 0, now().Add(censusTime))
	if err != nil {
		return nil, false, unavailable(err)
	}
	more = census.More
	for _, info := range census.Channels {
		if !strings.HasPrefix(info.Channel, prefix) {
			continue
		}
		if len(list) == limit {
			return list, true, nil
		}
		list = append(list, info)
	}
	return list, more, nil
}
