package redisbroker

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/redis/rueidis"
)

const (
	// subscribeAtOnce is how many channels are subscribed in one go.
	subscribeAtOnce  = 500
	subscribeTimeout = 5 * time.Second
	// probeEvery is how often a silent Pub/Sub connection is asked for a sign of life; after
	// two without one it is replaced, at the latest 8 s after the last.
	probeEvery = 2500 * time.Millisecond
	probeTick  = 500 * time.Millisecond
	maxMissed  = 2

	// One connection a server is tried for, so that a short bound is no burden, and viewers
	// have their lines back within 3 s of Redis' return.
	retryFirst = 250 * time.Millisecond
	retryLast  = 2 * time.Second
	steady     = 5 * time.Second // a connection that lasted so long is no failed try
)

// A line keeps one Pub/Sub connection, for all followed channels of a server.
//
// rueidis' hooks are called in its connection's read loop: what is called from there must
// be quick and must not wait for an answer from Redis.
type line struct {
	owner  *subscriber
	at     *server // nil outside a cluster
	cancel context.CancelFunc

	changed chan struct{} // there are channels to (un)subscribe
	hurried chan struct{} // a new connection is worth a try at once

	// The owner's lock guards what follows.
	probe string              // a channel of our own, for signs of life; "" where one is needed
	dirty map[string]struct{} // may have to be (un)subscribed
	later map[string]struct{} // dirty from the next tick on: another server is said to have them
	sent  map[string]struct{} // subscribed on this connection, confirmed or not
	heard time.Time           // when the connection last gave a sign of life

	probed time.Time // when it was last asked for one
	missed int       // how often that was in vain
	stands bool      // there is a connection, whether or not anything comes
	err    error     // why live lines do not come; nil again once one has come
}

func newLine(s *subscriber, at *server) *line {
	return &line{
		owner: s, at: at, changed: make(chan struct{}, 1), hurried: make(chan struct{}, 1),
		dirty: make(map[string]struct{}), later: make(map[string]struct{}), sent: make(map[string]struct{}),
	}
}

// touch lets the connection's owner look at a channel; the lock is held. No line at all is
// one that knows of nothing.
func (l *line) touch(name string) {
	if l == nil {
		return
	}
	l.dirty[name] = struct{}{}
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// untouch is for a channel that was never subscribed on this connection; the lock is held.
func (l *line) untouch(name string) {
	if l != nil {
		delete(l.dirty, name)
	}
}

// has says whether a channel is subscribed, or about to be; the lock is held.
func (l *line) has(name string) bool {
	if l == nil {
		return false
	}
	_, sent := l.sent[name]
	return sent
}

func (l *line) hurry() {
	select {
	case l.hurried <- struct{}{}:
	default:
	}
}

// run keeps a connection for as long as ctx lasts.
func (l *line) run(ctx context.Context) {
	bound := retryFirst
	for ctx.Err() == nil {
		began := now()
		err := l.connection(ctx)
		if ctx.Err() != nil {
			return
		}
		if now().Sub(began) > steady {
			bound = retryFirst
		}
		l.lose(err)
		if l.at != nil {
			l.owner.broker.nodes.hurry() // others may have its slots
		}
		select {
		case <-time.After(rand.N(bound)):
			bound = min(2*bound, retryLast)
		case <-l.hurried:
			bound = retryFirst
		case <-ctx.Done():
		}
	}
}

// client is that of the line's server.
func (l *line) client() (rueidis.Client, error) {
	if l.at == nil {
		return l.owner.broker.client, nil
	}
	return l.at.connect()
}

// connection serves one connection until it breaks.
func (l *line) connection(ctx context.Context) error {
	if !l.wanted(ctx) {
		return ctx.Err()
	}
	client, err := l.client()
	if err != nil {
		return err
	}
	wire, _ := client.Dedicate()
	defer wire.Close()
	gone := wire.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: l.onMessage, OnSubscription: l.onSubscription})
	if err := l.subscribeProbe(ctx, wire); err != nil {
		return err
	}
	l.begin()
	l.probeLife(ctx, client)
	ticker := time.NewTicker(probeTick)
	defer ticker.Stop()
	for {
		if err := l.sync(ctx, wire); err != nil {
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
		case <-l.changed:
		case <-ticker.C:
			l.retry()
			if err := l.askForLife(ctx, client); err != nil {
				return err
			}
		}
	}
}

// wanted returns once a channel is followed: who only publishes needs no connection.
func (l *line) wanted(ctx context.Context) bool {
	for {
		l.owner.mu.Lock()
		n := 0
		for _, c := range l.owner.channels {
			if c.line == l {
				n++
				break
			}
		}
		if n == 0 {
			l.err = nil // nothing is missed
		}
		l.owner.mu.Unlock()
		if n > 0 {
			return true
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			return false
		}
	}
}

// begin makes every channel one that has to be subscribed. Whether the connection brings
// what is published is yet to be seen.
func (l *line) begin() {
	l.owner.mu.Lock()
	defer l.owner.mu.Unlock()
	l.heard, l.missed, l.stands = now(), 0, true
	for name, c := range l.owner.channels {
		if c.line == l {
			l.dirty[name] = struct{}{}
		}
	}
}

// lose tells everybody that the connection is gone.
func (l *line) lose(err error) {
	s := l.owner
	s.mu.Lock()
	first := l.err == nil
	clear(l.sent)
	l.err, l.stands = err, false
	for _, c := range s.channels {
		if c.line == l {
			c.lose(err)
		}
	}
	s.mu.Unlock()
	if first {
		s.broker.log.Warn("redis: live lines are interrupted", "error", err)
	}
}

// sync subscribes what is newly followed, and unsubscribes what nobody follows any more.
func (l *line) sync(ctx context.Context, wire rueidis.DedicatedClient) error {
	l.owner.mu.Lock()
	probed := l.probe != ""
	l.owner.mu.Unlock()
	if !probed {
		if err := l.subscribeProbe(ctx, wire); err != nil {
			return err
		}
	}
	for {
		joins, leaves := l.plan()
		if len(joins)+len(leaves) == 0 {
			return nil
		}
		if len(joins) > 0 {
			if err := l.subscribe(ctx, wire, joins); err != nil {
				return err
			}
		}
		if len(leaves) > 0 {
			if err := l.unsubscribe(ctx, wire, leaves); err != nil {
				return err
			}
			l.release(leaves)
		}
	}
}

// retry lets channels be tried that another server was said to have, and that are still here.
func (l *line) retry() {
	l.owner.mu.Lock()
	defer l.owner.mu.Unlock()
	maps.Copy(l.dirty, l.later)
	clear(l.later)
}

// plan takes the next channels to be dealt with.
func (l *line) plan() (joins, leaves []string) {
	s := l.owner
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range noticesFirst(l.dirty) {
		if len(joins)+len(leaves) >= subscribeAtOnce {
			break
		}
		delete(l.dirty, name)
		_, sent := l.sent[name]
		c := s.channels[name]
		followers := 0
		if c != nil && c.line == l {
			c.mu.Lock()
			if followers = len(c.listeners); followers == 0 {
				c.confirmed = false // who follows again is to wait for the next subscription
			}
			c.mu.Unlock()
		}
		switch {
		case followers > 0 && !sent:
			l.sent[name] = struct{}{}
			joins = append(joins, name)
		case followers == 0 && sent:
			delete(l.sent, name)
			leaves = append(leaves, name)
		case followers == 0 && c != nil && c.line == l:
			delete(s.channels, name)
		}
	}
	return joins, leaves
}

// noticesFirst yields names, first the channel of the notices: who hears of an interruption
// is to know of its end before a line goes out that came after it.
func noticesFirst(names map[string]struct{}) iter.Seq[string] {
	return func(yield func(string) bool) {
		if _, has := names[controlChannel]; has && !yield(controlChannel) {
			return
		}
		for name := range names {
			if name != controlChannel && !yield(name) {
				return
			}
		}
	}
}

// release forgets channels that nobody has followed again meanwhile.
func (l *line) release(names []string) {
	s := l.owner
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		c := s.channels[name]
		if c == nil || c.line != l {
			continue
		}
		c.mu.Lock()
		empty := len(c.listeners) == 0
		c.mu.Unlock()
		if empty {
			delete(s.channels, name)
		} else {
			l.dirty[name] = struct{}{}
		}
	}
}

// askForLife probes a silent connection. Where two probes were in vain, the connection is
// as good as broken.
func (l *line) askForLife(ctx context.Context, client rueidis.Client) error {
	l.owner.mu.Lock()
	at := now()
	silence, since, missed := at.Sub(l.heard), at.Sub(l.probed), l.missed
	l.owner.mu.Unlock()
	switch {
	case silence < probeEvery || since < probeEvery:
		return nil
	case missed >= maxMissed:
		return fmt.Errorf("the Pub/Sub connection gave no sign of life for %v", silence.Round(time.Second))
	}
	l.probeLife(ctx, client)
	return nil
}

// probeLife sends a message that must come back.
func (l *line) probeLife(ctx context.Context, client rueidis.Client) {
	l.owner.mu.Lock()
	l.probed = now()
	l.missed++
	probe := l.probe
	l.owner.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, probeEvery)
	defer cancel()
	// A failure shows as silence: what counts is what comes back on the other connection.
	_ = client.Do(ctx, client.B().Arbitrary(l.owner.broker.layout.publish(), probe, "").Build()).Error()
}

func (l *line) onMessage(m rueidis.PubSubMessage) {
	s := l.owner
	s.mu.Lock()
	l.heard, l.missed = now(), 0
	if l.stands {
		l.err = nil
	}
	c := s.channels[m.Channel]
	s.mu.Unlock()
	if c != nil {
		c.receive(m.Message)
	}
}

func (l *line) onSubscription(e rueidis.PubSubSubscription) {
	s := l.owner
	s.mu.Lock()
	defer s.mu.Unlock()
	l.heard = now()
	c := s.channels[e.Channel]
	_, wanted := l.sent[e.Channel]
	wanted = wanted && c != nil && c.line == l
	gone := e.Kind == "sunsubscribe" // by Redis where we still want it: the slot moved
	if gone && e.Channel == l.probe {
		l.probe = ""
		l.touch(e.Channel)
	}
	if gone {
		delete(l.sent, e.Channel) // whoever has the channel now: it may come back
	}
	switch {
	case !wanted:
	case gone:
		l.touch(e.Channel) // the next try tells where it is now
		c.lose(errMoved)
	case e.Kind == "subscribe", e.Kind == "ssubscribe":
		c.confirm()
	}
}
