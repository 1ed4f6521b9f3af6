package redisbroker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

const (
	// storeGrace is how long after its PUBLISH a line may reach its history.
	storeGrace = 300 * time.Millisecond
	mostHeard  = 32 // channels
	// tailLooked is how many entries are compared with a payload that names no place.
	tailLooked = 256
)

// A listening hears what is published to the channels of every database: Pub/Sub knows
// none.
type listening struct {
	stop func()

	mu    sync.Mutex
	heard []rueidis.PubSubMessage // the last of each channel
}

// listen begins at once.
func listen(ctx context.Context, client rueidis.Client) (*listening, error) {
	wire, _ := client.Dedicate()
	l := &listening{stop: wire.Close}
	wire.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: l.hear})
	if err := wire.Do(ctx, wire.B().Psubscribe().Pattern(loglanePattern).Build()).Error(); err != nil {
		wire.Close()
		return nil, err
	}
	return l, nil
}

func (l *listening) hear(m rueidis.PubSubMessage) {
	if _, err := loglane.ChannelName(loglane.ContextOf(m.Channel)); err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, before := range l.heard {
		if before.Channel == m.Channel {
			l.heard[i] = m
			return
		}
	}
	if len(l.heard) < mostHeard {
		l.heard = append(l.heard, m)
	}
}

// end stops listening, and returns what was heard.
func (l *listening) end() []rueidis.PubSubMessage {
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard)
}

// stores says whether the database that client has selected holds a published line.
func stores(ctx context.Context, client rueidis.Client, m rueidis.PubSubMessage) (bool, error) {
	key := standalone.streamKey(m.Channel)
	if id, framed := loglane.FrameID([]byte(m.Message)); framed {
		entries, err := client.Do(ctx, client.B().Xrange().Key(key).Start(id.String()).End(id.String()).Build()).AsXRange()
		return len(entries) > 0, err
	}
	entries, err := client.Do(ctx, client.B().Xrevrange().Key(key).End("+").Start("-").Count(tailLooked).Build()).AsXRange()
	for _, entry := range entries {
		if entry.FieldValues["data"] == m.Message {
			return true, err
		}
	}
	return false, err
}

// waitUntil returns at a time, or when ctx ends before.
func waitUntil(ctx context.Context, at time.Time) {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
