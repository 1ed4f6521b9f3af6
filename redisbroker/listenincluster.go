package redisbroker

import (
	"context"
	"slices"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

// listenMost is how many channels of a cluster are listened to.
const listenMost = 1000

// listenInCluster begins at once. SPUBLISH is heard only by who names the channel, at the
// master that has it: it is listened to in the channels that have a history, that somebody
// follows, and in the global one. PUBLISH is heard everywhere, in every channel.
func (b *Broker) listenInCluster(ctx context.Context, stored []loglane.ChannelInfo) (*listening, error) {
	masters, err := b.masters()
	if err != nil {
		return nil, err
	}
	l := &listening{}
	if err := l.hearPattern(ctx, masters[0]); answer(err) != nil {
		l.end()
		return nil, err
	}
	names, err := listened(ctx, masters, stored)
	if err != nil {
		l.end()
		return nil, err
	}
	at := make(map[*server][]string)
	for _, name := range names {
		if owner := b.nodes.owner(slotOf(name)); owner != nil {
			at[owner] = append(at[owner], name)
		}
	}
	for owner, names := range at {
		client, err := owner.connect()
		if err == nil {
			err = l.hearChannels(ctx, client, names)
		}
		if err != nil {
			l.end()
			return nil, err
		}
	}
	return l, nil
}

// listened are the names to listen to: global, what is followed, and the newest of those
// that have a history.
func listened(ctx context.Context, masters []rueidis.Client, stored []loglane.ChannelInfo) ([]string, error) {
	names := []string{loglane.GlobalChannel}
	for _, client := range masters {
		followed, err := client.Do(ctx, client.B().PubsubShardchannels().Pattern(loglanePattern).Build()).AsStrSlice()
		if err := answer(err); err != nil {
			return nil, err
		}
		names = append(names, followed...)
	}
	newest := slices.SortedFunc(slices.Values(stored), func(a, b loglane.ChannelInfo) int { return b.Last.Compare(a.Last) })
	for _, info := range newest[:min(len(newest), listenMost)] {
		names = append(names, info.Channel)
	}
	names = names[:min(len(names), listenMost)]
	slices.Sort(names)
	return slices.Compact(names), nil
}

// hearChannels listens to channels of one master, on a connection of its own. One that is
// on its way to another is left out, and so is what the user may not hear: rights are told
// apart.
func (l *listening) hearChannels(ctx context.Context, client rueidis.Client, names []string) error {
	wire := l.wire(client)
	var commands rueidis.Commands
	for _, name := range names {
		commands = append(commands, wire.B().Ssubscribe().Channel(name).Build())
	}
	for _, result := range wire.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil && !redirected(err) {
			if err := answer(err); err != nil {
				return err
			}
		}
	}
	return nil
}
