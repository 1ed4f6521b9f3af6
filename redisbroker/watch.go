package redisbroker

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

const (
	// lookEvery is how often silence is checked, so that with a second look a loss is
	// found within 5 s. Where histories live shorter than a
	// few of these, they are looked at more often: what expired must not pass for lost.
	lookEvery       = 4500 * time.Millisecond
	lookTwice       = 100 * time.Millisecond
	lookTick        = 50 * time.Millisecond
	lookAfterExpiry = 5 * time.Millisecond
	// lookAtOnce is how many channels one script looks at.
	lookAtOnce = 100
	// metaRenewal is how often a followed channel's meta gets its life prolonged.
	metaRenewal = time.Hour
)

// watch checks silence: the last entry of every followed channel, spread over the
// interval, also where nothing ever came.
func (b *Broker) watch(ctx context.Context) {
	ticker := time.NewTicker(lookTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for channels := b.subscriber.due(now()); len(channels) > 0; {
			n := min(len(channels), lookAtOnce)
			b.lookAt(ctx, channels[:n])
			channels = channels[n:]
		}
	}
}

// due returns the channels whose turn it is, and sets their next.
func (s *subscriber) due(at time.Time) []*followed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []*followed
	for name, c := range s.channels {
		if name == controlChannel {
			continue
		}
		c.mu.Lock()
		if c.confirmed && !c.nextLook.After(at) {
			c.nextLook = at.Add(min(lookEvery, s.broker.retentionOf(name).TTL/3))
			c.asked = c.seen
			due = append(due, c)
		}
		c.mu.Unlock()
	}
	return due
}

// lookAt asks for the tails of some channels. An error needs no telling: the connection
// that it broke tells, and the next turn comes.
func (b *Broker) lookAt(ctx context.Context, channels []*followed) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	keys := make([]string, len(channels))
	for i, c := range channels {
		keys[i] = b.layout.streamKey(c.name)
	}
	asked := now()
	reply, err := b.runEach(ctx, b.check, checkScript, keys)
	if err != nil {
		b.log.Debug("redis: the check of silent channels failed", "error", err)
	}
	for i, c := range channels {
		if i >= len(reply) || reply[i] == nil {
			continue
		}
		id, err := reply[i][0].ToString()
		ttl, errTTL := reply[i][1].AsInt64()
		if err != nil || errTTL != nil {
			continue
		}
		tail, _ := loglane.ParseID(id) // "" where the stream is gone
		c.look(tail, time.Duration(ttl)*time.Millisecond, asked)
		b.renew(ctx, c, asked)
	}
}

// renew prolongs the life of a followed channel's numbering.
func (b *Broker) renew(ctx context.Context, c *followed, at time.Time) {
	c.mu.Lock()
	due := at.Sub(c.renewed) > metaRenewal
	if due {
		c.renewed = at
	}
	c.mu.Unlock()
	if !due {
		return
	}
	err := b.do(ctx, metaKey(c.name), func(build rueidis.Builder) rueidis.Completed {
		return build.Expire().Key(metaKey(c.name)).Seconds(int64(loglane.MetaTTL / time.Second)).Build()
	}).Error()
	if err != nil {
		b.log.Debug("redis: a channel's meta could not be renewed", "channel", c.name, "error", err)
	}
}
