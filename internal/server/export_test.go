package server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// Patterns are those of all routes, for the test that demands a row for each.
func (s *Server) Patterns() []string {
	var patterns []string
	for _, r := range s.routes() {
		patterns = append(patterns, r.Pattern)
	}
	return patterns
}

// SetReadTime changes how long a body may take.
func (o *Options) SetReadTime(limit time.Duration) { o.readTime = limit }

// ClientOf is the caller that trusted proxies tell of.
func ClientOf(trusted []netip.Prefix, header http.Header) netip.Addr {
	return proxies(trusted).client(header)
}

// Watchers are counts of who watches, without a server.
type Watchers struct{ *watchers }

// NewWatchers returns some.
func NewWatchers(notices auth.Notices, tell func(channel string, n int)) Watchers {
	return Watchers{newWatchers(notices, tell)}
}

// Run speaks with the other gateways.
func (w Watchers) Run(ctx context.Context) { w.run(ctx) }

// Channels is how many channels of other gateways are counted.
func (w Watchers) Channels() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.there)
}

// A Queue is a queue for tests.
type Queue struct{ queue }

// NewQueue makes one; see queue.
func NewQueue(places, each int, pace, wait time.Duration) *Queue {
	return &Queue{queue{places: places, each: each, pace: pace, wait: wait, full: func() error { return errors.New("full") }}}
}

// Take is take.
func (q *Queue) Take(ctx context.Context, user string) (release func(), err error) {
	return q.take(ctx, user)
}

// Rates are rates for tests.
type Rates struct{ *rates[string] }

// NewRates makes some; see rates.
func NewRates(perSecond, burst float64) Rates { return Rates{newRates[string](perSecond, burst)} }

// Take is take.
func (r Rates) Take(key string, n int) time.Duration { return r.take(key, n) }

// Charge is charge.
func (r Rates) Charge(key string, n int) { r.charge(key, n) }

// Owes is owes.
func (r Rates) Owes(key string) time.Duration { return r.owes(key) }

// Len is how many keys are remembered.
func (r Rates) Len() int { return len(r.full) }

// CountedUsers is how many users have streams.
func CountedUsers(s *Server) int {
	s.limiter.mu.Lock()
	defer s.limiter.mu.Unlock()
	return len(s.limiter.users)
}

// Memory is a memory for tests.
type Memory struct{ memory *memory }

// NewMemory makes one; see memory.
func NewMemory(total int) Memory { return Memory{newMemory(total)} }

// Held is held.
type Held struct{ held *held }

// Hold is hold.
func (m Memory) Hold(token string) Held { return Held{m.memory.hold(token)} }

// Grow is grow.
func (h Held) Grow(ctx context.Context, bytes int) error { return h.held.grow(ctx, bytes) }

// Release is release.
func (h Held) Release() { h.held.release() }

// Turns are how streams and searches of a user wait for their turn, with such limits.
func Turns(limits Limits) (open, search func(ctx context.Context, user string) (release func(), err error)) {
	l := newLimiter(limits)
	grant := func(user string) loglane.Grant { return loglane.Grant{Tag: streamTag{user: user}} }
	return func(ctx context.Context, user string) (func(), error) { return l.open(ctx, grant(user)) },
		func(ctx context.Context, user string) (func(), error) { return l.search(ctx, grant(user)) }
}

// Names are names for tests.
type Names struct{ names }

// Has is has.
func (n *Names) Has(name string) bool { return n.has(name) }

// Add is add.
func (n *Names) Add(name string) { n.add(name) }

// Len is how many are remembered.
func (n *Names) Len() int { return len(n.now) + len(n.older) }
