package loglane

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A ChannelInfo is what a broker keeps of a channel.
type ChannelInfo struct {
	Channel string    // full name
	Lines   int64     // entries that are kept
	Last    time.Time // of the last entry by the broker's clock; zero where that is unknown
}

// A Lister is a [Broker] that can tell its channels.
type Lister interface {
	// List returns at most limit channels that have a history and whose full names begin
	// with prefix, sorted by name. more says that there are others, or that the search was
	// given up before its end.
	List(ctx context.Context, prefix string, limit int) (list []ChannelInfo, more bool, err error)
}

// List asks the broker for its channels. It fails with [errors.ErrUnsupported] where the
// broker is no [Lister].
func (h *Hub) List(ctx context.Context, prefix string, limit int) (list []ChannelInfo, more bool, err error) {
	lister, ok := h.broker.(Lister)
	if !ok {
		return nil, false, fmt.Errorf("this broker cannot list its channels: %w", errors.ErrUnsupported)
	}
	return lister.List(ctx, prefix, limit)
}
