package loglane

import (
	"context"
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
