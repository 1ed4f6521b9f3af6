package redisbroker

import (
	"context"
	"sync"
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
// interval, also where nothing ever came. In a cluster each server is asked for its own, so that
// one that hangs holds up no other.
func (b *Broker) watch(ctx context.Context) {
	ticker := time.NewTicker(lookTick)
	defer ticker.Stop()
	looks := looks{due: make(map[*server][]*followed), queued: make(map[*followed]struct{})}
	defer looks.under.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, c := range b.subscriber.due(now()) {
			var at *server
			if b.nodes != nil {
				at = b.nodes.owner(slotOf(b.layout.streamKey(c.name)))
			}
			looks.add(ctx, at, c, b.lookAt)
		}
	}
}

// looks are the channels that each server is to be asked for.
type looks struct {
	under sync.WaitGroup

	mu     sync.Mutex
	due    map[*server][]*followed // of the servers that are being asked
	queued map[*followed]struct{}  // all of them
}

// add has look called for a channel, after those of its server that were added before.
func (l *looks) add(ctx context.Context, at *server, c *followed, look func(context.Context, []*followed)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, queued := l.queued[c]; queued { // its server is late
		return
	}
	l.queued[c] = struct{}{}
	waiting, asked := l.due[at]
	l.due[at] = append(waiting, c)
	if !asked {
		l.under.Go(func() {
			for {
				some := l.next(at)
				if len(some) == 0 || ctx.Err() != nil {
					return
				}
				look(ctx, some)
			}
		})
	}
}

// next takes the channels that are asked for at once; none is the end.
func (l *looks) next(at *server) []*followed {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.due[at]
	some := all[:min(len(all), lookAtOnce)]
	l.due[at] = all[len(some):]
	for _, c := range some {
		delete(l.queued, c)
	}
	if len(some) == 0 {
		delete(l.due, at)
	}
	return some
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
