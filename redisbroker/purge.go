package redisbroker

import (
	"context"
	_ "embed"

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
