package redisbroker

import (
	"context"
	_ "embed"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

//go:embed purge.lua
var purgeScript string

var _ loglane.Purger = (*Broker)(nil)

// Purge implements [loglane.Purger].
func (b *Broker) Purge(ctx context.Context, channel string) error {
	args := []string{loglane.NewProducer(), seconds(loglane.MetaTTL)}
	if err := b.run(ctx, b.purge, []string{b.layout.streamKey(channel), metaKey(channel)}, args).Error(); err != nil {
		return unavailable(err)
	}
	return nil
}

// PurgeMark implements [loglane.Purger].
func (b *Broker) PurgeMark(ctx context.Context, channel string) (string, error) {
	meta := metaKey(channel)
	ask := func(build rueidis.Builder) rueidis.Completed { return build.Hmget().Key(meta).Field("x").Build() }
	fields, err := b.do(ctx, meta, ask).ToArray()
	if err != nil {
		return "", unavailable(err)
	}
	if len(fields) != 1 || fields[0].IsNil() {
		return "", nil
	}
	mark, err := fields[0].ToString()
	if err != nil {
		return "", unavailable(err)
	}
	return mark, nil
}
