package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

const (
	// subscribeAtOnce is how many channels one SUBSCRIBE names.
	subscribeAtOnce  = 500
	subscribeTimeout = 5 * time.Second
	// probeEvery is how often a silent Pub/Sub connection is asked for a sign of life; after
	// two without one it is replaced.
	probeEvery = 5 * time.Second

	retryFirst = 250 * time.Millisecond
	retryLast  = 5 * time.Second
)

// A subscriber keeps the one Pub/Sub connection of a process, for all its channels.
//
// rueidis' hooks are called in its connection's read loop: what is called from there must
// be quick and must not wait for an answer from Redis.
type subscriber struct {
	broker *Broker
	probe  string // a channel of our own, for signs of life

	changed chan struct{} // there are channels to (un)subscribe
	hurried chan struct{} // a new connection is worth a try at once

	mu       sync.Mutex
	channels map[string]*followed
	dirty    map[string]struct{} // may have to be (un)subscribed
	sent     map[string]struct{} // subscribed on this connection, confirmed or not
	heard    time.Time           // when the connection last gave a sign of life
	err      error               // why there is no connection
}

func newSubscriber(b *Broker) *subscriber {
	return &subscriber{
		broker: b, probe: probePrefix + loglane.NewProducer(), changed: make(chan struct{}, 1), hurried: make(chan struct{}, 1),
		channels: make(map[string]*followed), dirty: make(map[string]struct{}), sent: make(map[string]struct{}),
	}
}

// Follow implements [loglane.Broker].
func (b *Broker) Follow(channel string, emit func(loglane.Event)) (stop func()) {
	return b.subscriber.follow(channel, emit)
}

func (s *subscriber) follow(name string, emit func(loglane.Event)) (stop func()) {
	l := &listener{emit: emit}
	s.mu.Lock()
	c := s.channels[name]
	if c == nil {
		c = &followed{name: name, listeners: make(map[*listener]struct{})}
		s.channels[name] = c
	}
	c.mu.Lock()
	c.listeners[l] = struct{}{}
	if c.confirmed {
		emit(loglane.Event{Kind: loglane.Confirmed})
	}
	c.mu.Unlock()
	s.touch(name)
	s.mu.Unlock()
	var once sync.Once
	return func() { once.Do(func() { s.unfollow(c, l) }) }
}

func (s *subscriber) unfollow(c *followed, l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	delete(c.listeners, l)
	c.mu.Unlock()
	s.touch(c.name)
}

// touch lets the connection's owner look at a channel.
func (s *subscriber) touch(name string) {
	s.dirty[name] = struct{}{}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// run keeps a connection for as long as ctx lasts.
func (s *subscriber) run(ctx context.Context) {
	bound := retryFirst
	for ctx.Err() == nil {
		began := now()
		err := s.connection(ctx)
		if ctx.Err() != nil {
			return
		}
		if now().Sub(began) > retryLast {
			bound = retryFirst
		}
		s.lose(err)
		select {
		case <-time.After(rand.N(bound)):
			bound = min(2*bound, retryLast)
		case <-s.hurried:
			bound = retryFirst
		case <-ctx.Done():
		}
	}
}

// hurry lets a connection be tried at once: what it failed for is likely over.
func (s *subscriber) hurry() {
	select {
	case s.hurried <- struct{}{}:
	default:
	}
}

// connection serves one connection until it breaks.
func (s *subscriber) connection(ctx context.Context) error {
	if !s.wanted(ctx) {
		return ctx.Err()
	}
	wire, _ := s.broker.client.Dedicate()
	defer wire.Close()
	gone := wire.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: s.onMessage, OnSubscription: s.onSubscription})
	if err := s.subscribe(ctx, wire, []string{s.probe}); err != nil {
		return err
	}
	s.begin()
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		if err := s.sync(ctx, wire); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-gone:
			if err == nil {
				err = io.EOF
			}
			return fmt.Errorf("the Pub/Sub connection broke: %w", err)
		case <-s.changed:
		case <-ticker.C:
			if err := s.askForLife(ctx); err != nil {
				return err
			}
		}
	}
}

// wanted returns once a channel is followed: who only publishes needs no connection.
func (s *subscriber) wanted(ctx context.Context) bool {
	for {
		s.mu.Lock()
		n := len(s.channels)
		s.mu.Unlock()
		if n > 0 {
			return true
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return false
		}
	}
}

// begin makes every channel one that has to be subscribed.
func (s *subscriber) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.err = now(), nil
	for name := range s.channels {
		s.dirty[name] = struct{}{}
	}
}

// lose tells everybody that the connection is gone.
func (s *subscriber) lose(err error) {
	s.mu.Lock()
	channels := make([]*followed, 0, len(s.channels))
	for _, c := range s.channels {
		channels = append(channels, c)
	}
	clear(s.sent)
	first := s.err == nil
	s.err = err
	s.mu.Unlock()
	if first {
		s.broker.log.Warn("redis: live lines are interrupted", "error", err)
	}
	for _, c := range channels {
		c.lose(err)
	}
}

func (s *subscriber) healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return fmt.Errorf("redis: no live lines: %w", s.err)
	case len(s.sent) > 0 && now().Sub(s.heard) > 2*probeEvery+time.Second:
		return errors.New("redis: the Pub/Sub connection gives no sign of life")
	default:
		return nil
	}
}

// sync subscribes what is newly followed, and unsubscribes what nobody follows any more.
func (s *subscriber) sync(ctx context.Context, wire rueidis.DedicatedClient) error {
	for {
		joins, leaves := s.plan()
		if len(joins)+len(leaves) == 0 {
			return nil
		}
		if len(joins) > 0 {
			if err := s.subscribe(ctx, wire, joins); err != nil {
				return err
			}
		}
		if len(leaves) > 0 {
			if err := s.do(ctx, wire, wire.B().Unsubscribe().Channel(leaves...).Build()); err != nil {
				return err
			}
			s.release(leaves)
		}
	}
}

// plan takes the next channels to be dealt with.
func (s *subscriber) plan() (joins, leaves []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.dirty {
		if len(joins)+len(leaves) >= subscribeAtOnce {
			break
		}
		delete(s.dirty, name)
		c := s.channels[name]
		if c == nil {
			continue
		}
		_, sent := s.sent[name]
		c.mu.Lock()
		followers := len(c.listeners)
		if followers == 0 {
			c.confirmed = false // who follows again is to wait for the next subscription
		}
		c.mu.Unlock()
		switch {
		case followers > 0 && !sent:
			s.sent[name] = struct{}{}
			joins = append(joins, name)
		case followers == 0 && sent:
			delete(s.sent, name)
			leaves = append(leaves, name)
		case followers == 0:
			delete(s.channels, name)
		}
	}
	return joins, leaves
}

// release forgets channels that nobody has followed again meanwhile.
func (s *subscriber) release(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		c := s.channels[name]
		c.mu.Lock()
		empty := len(c.listeners) == 0
		c.mu.Unlock()
		if empty {
			delete(s.channels, name)
		} else {
			s.dirty[name] = struct{}{}
		}
	}
}

func (s *subscriber) subscribe(ctx context.Context, wire rueidis.DedicatedClient, names []string) error {
	return s.do(ctx, wire, wire.B().Subscribe().Channel(names...).Build())
}

func (s *subscriber) do(ctx context.Context, wire rueidis.DedicatedClient, cmd rueidis.Completed) error {
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	return wire.Do(ctx, cmd).Error()
}

// askForLife sends a message that must come back. Where none came for two rounds, the
// connection is as good as broken.
func (s *subscriber) askForLife(ctx context.Context) error {
	s.mu.Lock()
	silence := now().Sub(s.heard)
	s.mu.Unlock()
	if silence < probeEvery {
		return nil
	}
	if silence > 2*probeEvery+probeEvery/2 {
		return fmt.Errorf("the Pub/Sub connection gave no sign of life for %v", silence.Round(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	// A failure shows as silence: what counts is what comes back on the other connection.
	client := s.broker.client
	_ = client.Do(ctx, client.B().Publish().Channel(s.probe).Message("").Build()).Error()
	return nil
}

func (s *subscriber) onMessage(m rueidis.PubSubMessage) {
	s.mu.Lock()
	s.heard = now()
	c := s.channels[m.Channel]
	s.mu.Unlock()
	if c != nil {
		c.receive(m.Message)
	}
}

func (s *subscriber) onSubscription(e rueidis.PubSubSubscription) {
	s.mu.Lock()
	s.heard = now()
	c := s.channels[e.Channel]
	_, wanted := s.sent[e.Channel]
	s.mu.Unlock()
	if c != nil && wanted && e.Kind == "subscribe" {
		c.confirm()
	}
}

// learn takes what a read has shown of a channel that may be followed.
func (s *subscriber) learn(channel string, tail loglane.ID, ttl time.Duration, asked time.Time) {
	s.mu.Lock()
	c := s.channels[channel]
	s.mu.Unlock()
	if c != nil {
		c.learn(tail, ttl, asked)
	}
}
