package redisbroker

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

// While a slot is on its way from one node to another, its keys move one by one. A node serves
// what touches several keys only where it has them all, so that a channel of which one key is
// missing, as of one that nobody has written to, could not be served before the whole slot
// has moved.

// errUnderWay is that a channel's keys are not at one node, or that one of them is missing,
// while their slot is on its way.
var errUnderWay = errors.New("redis: the channel's slot is on its way to another node")

// underWay says whether an error comes of a slot that is on its way.
func underWay(err error) bool {
	reply, answered := rueidis.IsRedisErr(err)
	if !answered {
		return false
	}
	_, ask := reply.IsAsk()
	return ask || reply.IsTryAgain()
}

// viewUnderWay asks for meta and for the stream apart, each where it is, until nothing was
// appended between the two: every append of ours changes meta, and what others store is in
// the stream alone.
func (b *Broker) viewUnderWay(ctx context.Context, channel string, from loglane.From, limit int) ([]rueidis.RedisMessage, error) {
	stream, deadline := b.layout.streamKey(channel), now().Add(settleTime)
	before, _, err := b.metaUnderWay(ctx, channel)
	if err != nil {
		return nil, err
	}
	for {
		var reply []rueidis.RedisMessage
		err := b.at(ctx, stream, func(client rueidis.Client) error {
			commands, err := streamCommands(client.B(), stream, from, limit)
			if err != nil {
				return err
			}
			reply, err = transact(ctx, client, commands)
			return err
		})
		if err != nil {
			return nil, err
		}
		after, meta, err := b.metaUnderWay(ctx, channel)
		switch {
		case err != nil:
			return nil, err
		case slices.Equal(before, after):
			return slices.Insert(reply, answerMeta, meta), nil
		case now().After(deadline):
			return nil, errUnderWay
		}
		before = after
	}
}

func (b *Broker) metaUnderWay(ctx context.Context, channel string) (fields []string, meta rueidis.RedisMessage, err error) {
	meta, err = b.do(ctx, metaKey(channel), func(build rueidis.Builder) rueidis.Completed {
		return metaCommand(build, channel)
	}).ToMessage()
	if err != nil {
		return nil, meta, err
	}
	fields, err = metaFields(meta)
	return fields, meta, err
}

// publishAgain publishes frames at the node that still has a slot: who follows the channel
// hears nothing of what is published where the slot goes to. It is at most once, as every
// PUBLISH; what is heard twice is known by its place.
func (b *Broker) publishAgain(ctx context.Context, channel string, frames rueidis.RedisMessage) error {
	payloads, err := frames.AsStrSlice()
	if err != nil || len(payloads) == 0 {
		return err
	}
	return b.at(ctx, channel, func(client rueidis.Client) error {
		commands := make(rueidis.Commands, len(payloads))
		for i, payload := range payloads {
			commands[i] = client.B().Arbitrary(b.layout.publish(), channel, payload).Build()
		}
		for _, result := range client.DoMulti(ctx, commands...) {
			if err := result.Error(); err != nil {
				return err
			}
		}
		return nil
	})
}
