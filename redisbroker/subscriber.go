package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// A subscriber keeps the channels that a process follows, each on the line of the server
// that has it: one Pub/Sub connection, or in a cluster one for each master.
type subscriber struct {
	broker *Broker

	mu       sync.Mutex // guards the lines' members, too
	ctx      context.Context
	channels map[string]*followed
	lines    map[*server]*line // outside a cluster one, of nil
	ended    bool
}

func newSubscriber(b *Broker) *subscriber {
	return &subscriber{broker: b, channels: make(map[string]*followed), lines: make(map[*server]*line)}
}

// Follow implements [loglane.Broker].
func (b *Broker) Follow(channel string, emit func(loglane.Event)) (stop func()) {
	return b.subscriber.follow(channel, emit)
}

// begin lets lines run for as long as ctx lasts.
func (s *subscriber) begin(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = ctx
	if s.broker.nodes == nil {
		s.line(nil)
	}
}

// end keeps further lines from beginning.
func (s *subscriber) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// line is the line of a server, a new one where there is none; mu is held.
func (s *subscriber) line(at *server) *line {
	l := s.lines[at]
	if l == nil && !s.ended {
		l = newLine(s, at)
		s.lines[at] = l
		ctx, cancel := context.WithCancel(s.ctx)
		l.cancel = cancel
		s.broker.workers.Go(func() { l.run(ctx) })
	}
	return l
}

// lineOf is the line that a channel belongs on, nil while nobody knows; mu is held.
func (s *subscriber) lineOf(name string) *line {
	if s.broker.nodes == nil {
		return s.line(nil)
	}
	at := s.broker.nodes.owner(slotOf(name))
	if at == nil {
		return nil
	}
	return s.line(at)
}

func (s *subscriber) follow(name string, emit func(loglane.Event)) (stop func()) {
	l := &listener{emit: emit}
	s.mu.Lock()
	c := s.channels[name]
	if c == nil {
		c = &followed{name: name, listeners: make(map[*listener]struct{}), line: s.lineOf(name)}
		s.channels[name] = c
	}
	c.mu.Lock()
	c.listeners[l] = struct{}{}
	if c.confirmed {
		emit(loglane.Event{Kind: loglane.Confirmed})
	}
	c.mu.Unlock()
	c.line.touch(name)
	s.mu.Unlock()
	var once sync.Once
	return func() { once.Do(func() { s.unfollow(c, l) }) }
}

func (s *subscriber) unfollow(c *followed, l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	delete(c.listeners, l)
	empty := len(c.listeners) == 0
	c.mu.Unlock()
	if empty && !c.line.has(c.name) { // also while there is no connection for a long time
		delete(s.channels, c.name)
		c.line.untouch(c.name)
		return
	}
	c.line.touch(c.name)
}

// errMoved is why a channel is interrupted whose slot has a new master.
var errMoved = errors.New("redis: the channel's slot moved to another node of the cluster")

// assign puts every channel on the line where it belongs now, and ends the lines of
// servers that have no slots any more. Of a channel that changes its line something may
// have been missed.
func (s *subscriber) assign() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.ctx == nil {
		return
	}
	for name, c := range s.channels {
		to := s.lineOf(name)
		if to == c.line || to == nil {
			continue
		}
		from := c.line
		c.line = to
		// It may be subscribed there from before it went: only a new confirmation says so.
		delete(to.sent, name)
		from.touch(name)
		to.touch(name)
		if from != nil {
			c.lose(errMoved)
		}
	}
	owns := make(map[*server]bool)
	for _, at := range s.broker.nodes.owns() {
		owns[at] = true
	}
	used := make(map[*line]bool)
	for _, c := range s.channels {
		used[c.line] = true
	}
	for at, l := range s.lines {
		if !owns[at] && !used[l] {
			l.cancel()
			delete(s.lines, at)
		}
	}
}

// hurry lets every line that has no connection try at once: what it failed for is likely
// over.
func (s *subscriber) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		l.hurry()
	}
}

func (s *subscriber) healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		switch {
		case l.err != nil:
			return fmt.Errorf("redis: no live lines: %w", l.err)
		case len(l.sent) > 0 && now().Sub(l.heard) > (maxMissed+1)*probeEvery+2*probeTick:
			return errors.New("redis: the Pub/Sub connection gives no sign of life")
		}
	}
	return nil
}

// learn takes what a follower's read has shown of its channel.
func (s *subscriber) learn(channel string, tail loglane.ID, ttl time.Duration, asked time.Time) {
	s.mu.Lock()
	c := s.channels[channel]
	s.mu.Unlock()
	if c != nil {
		c.learn(tail, ttl, asked)
	}
}
