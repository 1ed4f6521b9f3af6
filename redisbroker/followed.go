package redisbroker

import (
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// A followed is one Pub/Sub channel that somebody in this process listens to.
type followed struct {
	name string
	line *line // where it is subscribed, nil while nobody knows; the subscriber's lock guards it

	mu        sync.Mutex // held while events are emitted, so that they are serial
	listeners map[*listener]struct{}
	confirmed bool // Redis has confirmed the subscription

	// What the history's tail is known to be, to find out when silence is a loss.
	seen     loglane.ID // newest entry that was reported, or read by who follows
	seenAt   time.Time  // when it was last reported
	asked    loglane.ID // seen, when Redis was asked for the tail
	suspect  loglane.ID // a tail that nobody has reported yet
	tail     loglane.ID // the stream's last entry when Redis was last asked
	expires  time.Time  // when that stream was to expire at the earliest; zero is never or unknown
	nextLook time.Time
	renewed  time.Time // when meta's life was last prolonged
}

// A listener gets the events of one Follow.
type listener struct{ emit func(loglane.Event) }

// emit reports an event to every listener; mu is held.
func (c *followed) emit(event loglane.Event) {
	for l := range c.listeners {
		l.emit(event)
	}
}

// receive reports a payload.
func (c *followed) receive(payload string) {
	data := []byte(payload)
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, ok := loglane.FrameID(data); ok && c.seen.Less(id) {
		c.seen, c.seenAt = id, now()
	}
	c.emit(loglane.Event{Kind: loglane.Lines, Payloads: [][]byte{data}})
}

// confirm reports that the subscription stands. The subscriber's lock is held here and in lose:
// what is told of the line that a channel was on must not come after what is told of the next.
func (c *followed) confirm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = true
	c.nextLook = now()
	c.emit(loglane.Event{Kind: loglane.Confirmed})
}

// lose reports that the subscription is gone.
func (c *followed) lose(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirmed = false
	c.emit(loglane.Event{Kind: loglane.Broken, Err: err})
}

// learn takes what a follower's read has shown of the stream's tail.
func (c *followed) learn(tail loglane.ID, ttl time.Duration, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.seenAt.After(asked) || c.seen.Less(tail) {
		c.seen = tail
	}
	c.note(tail, ttl, asked)
}

func (c *followed) note(tail loglane.ID, ttl time.Duration, asked time.Time) {
	c.tail, c.expires = tail, time.Time{}
	if ttl > 0 {
		c.expires = asked.Add(ttl)
		if c.expires.Before(c.nextLook) {
			c.nextLook = c.expires.Add(lookAfterExpiry)
		}
	}
}

// look judges what Redis says of the stream's tail: silence is either right, or a quiet
// end of the history, or a loss that one read mends.
func (c *followed) look(tail loglane.ID, ttl time.Duration, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.confirmed {
		return
	}
	switch {
	case !tail.Less(c.asked) && !c.seen.Less(tail):
	case c.seen.Less(tail) && !c.seen.Less(c.suspect):
		c.suspect = tail // it may be under way on the other connection
		c.nextLook = now().Add(lookTwice)
	case tail.IsZero() && c.tail == c.seen && !c.expires.IsZero() && !now().Before(c.expires):
		c.seen = loglane.ID{}
		c.emit(loglane.Event{Kind: loglane.Expired})
	default:
		c.emit(loglane.Event{Kind: loglane.Broken})
	}
	c.note(tail, ttl, asked)
}
