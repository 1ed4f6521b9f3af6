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

// A listening hears what is published. On one server that are the channels of every
// database: Pub/Sub knows none.
type listening struct {
	wires []rueidis.DedicatedClient // of who made it

	mu    sync.Mutex
	heard []rueidis.PubSubMessage // the last of each channel and way
}

// listen begins at once.
func listen(ctx context.Context, client rueidis.Client) (*listening, error) {
	l := &listening{}
	if err := l.hearPattern(ctx, client); err != nil {
		l.end()
		return nil, err
	}
	return l, nil
}

// hearPattern listens to what PUBLISH brings.
func (l *listening) hearPattern(ctx context.Context, client rueidis.Client) error {
	wire := l.wire(client)
	return wire.Do(ctx, wire.B().Psubscribe().Pattern(loglanePattern).Build()).Error()
}

// wire is a further connection to listen on.
func (l *listening) wire(client rueidis.Client) rueidis.DedicatedClient {
	wire, _ := client.Dedicate()
	wire.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: l.hear})
	l.wires = append(l.wires, wire)
	return wire
}

func (l *listening) hear(m rueidis.PubSubMessage) {
	if _, err := loglane.ChannelName(loglane.ContextOf(m.Channel)); err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, before := range l.heard {
		if before.Channel == m.Channel && before.Pattern == m.Pattern {
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
	for _, wire := range l.wires {
		wire.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard)
}

// hearAll listens until a time, and waits for the last line to reach its history.
func (l *listening) hearAll(ctx context.Context, until time.Time) []rueidis.PubSubMessage {
	waitUntil(ctx, until)
	heard := l.end()
	if len(heard) > 0 {
		waitUntil(ctx, now().Add(storeGrace))
	}
	return heard
}

// An asker runs a command where its key is.
type asker func(ctx context.Context, key string, build func(rueidis.Builder) rueidis.Completed) rueidis.RedisResult

// asks is the asker of the database that a client has selected.
func asks(client rueidis.Client) asker {
	return func(ctx context.Context, _ string, build func(rueidis.Builder) rueidis.Completed) rueidis.RedisResult {
		return client.Do(ctx, build(client.B()))
	}
}

// stores says whether a published line is in its history.
func stores(ctx context.Context, ask asker, keys layout, m rueidis.PubSubMessage) (bool, error) {
	key := keys.streamKey(m.Channel)
	if id, framed := loglane.FrameID([]byte(m.Message)); framed {
		entries, err := ask(ctx, key, func(b rueidis.Builder) rueidis.Completed {
			return b.Xrange().Key(key).Start(id.String()).End(id.String()).Build()
		}).AsXRange()
		return len(entries) > 0, err
	}
	entries, err := ask(ctx, key, func(b rueidis.Builder) rueidis.Completed {
		return b.Xrevrange().Key(key).End("+").Start("-").Count(tailLooked).Build()
	}).AsXRange()
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
