package loglane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loglane/loglane/internal/vt"
)

// HubOptions are the settings of a [Hub]; nil and zero members are the defaults.
type HubOptions struct {
	Keepalive    time.Duration // silence before a keepalive comment, ±20 %; default 15 s, at least 1 s
	Linger       time.Duration // how long a channel is followed after its last viewer; default 30 s
	RingMemory   int           // bytes of all rings together; default 256 MiB, at least 1 MiB
	MaxChannels  int           // followed at once; 0 is without limit
	MaxLine      int           // bytes of a foreign line; default DefaultMaxLine, at least MinMaxLine
	EscapePolicy string        // which control sequences pass: "sgr" (default), "strip" or "none"
	Logger       *slog.Logger  // default: slog.Default()
}

const (
	confirmWait   = 2 * time.Second  // a stream that opens waits for the broker so long
	readTimeout   = 5 * time.Second  // of one read
	checkEvery    = 30 * time.Second // a grant that stands no more is found out at the latest then …
	checkSlack    = 3 * time.Second  // … for it is asked so much earlier, up to twice, that streams do not ask together
	writeTimeout  = 10 * time.Second // a write that stalls so long closes its stream
	sweepEvery    = 15 * time.Second
	ringIdle      = time.Minute
	maxLingering  = 4096                   // channels that are followed though nobody watches them any more
	returnsPace   = 5 * time.Millisecond   // feeds that return after an outage: 200 a second
	leavesPace    = 500 * time.Microsecond // streams whose viewers have gone are put away: 2,000 a second …
	leavesBurst   = 50 * time.Millisecond  // … after 100 at once
	drainSpread   = 16 * time.Second       // streams end over this time when a hub closes …
	drainInterval = 100 * time.Millisecond // … or over this time each, where that is less
)

// A Hub joins what a [Broker] stores and what it reports into exact streams, for any
// number of viewers at the cost of one Follow a channel. Its methods may be called
// concurrently.
type Hub struct {
	broker  Broker
	opts    HubOptions
	encoder encoder
	log     *slog.Logger

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	workers sync.WaitGroup
	returns pace
	leaves  pace

	evaluating evaluations
	patterns   patterns
	searches   chan struct{} // a token for each that is under way

	ringCost  atomic.Int64
	lingering atomic.Int64
	pressure  chan struct{}
	stats     hubStats

	mu      sync.Mutex
	feeds   map[string]*feed
	streams map[*stream]struct{}
	opened  uint64 // streams there ever were
	closing bool
	idle    chan struct{} // closed once closing and without streams
}

type hubStats struct{ heals, gaps, reads, evaluations atomic.Int64 }

// Stats are counts for tests and metrics.
type Stats struct {
	Streams  int   // open now
	Channels int   // followed now
	Reads    int64 // of the broker
	Heals    int64 // reads because a frame did not chain
	Gaps     int64 // that viewers were told of
	RingCost int64 // bytes
	// Evaluations is how often a line was looked through for a viewer's ?q=.
	Evaluations int64
}

// NewHub starts one goroutine, which [Hub.Close] ends. It fails with all that is wrong
// with opts.
func NewHub(broker Broker, opts *HubOptions) (*Hub, error) {
	h := &Hub{
		broker: broker, feeds: make(map[string]*feed), streams: make(map[*stream]struct{}),
		pressure: make(chan struct{}, 1), idle: make(chan struct{}), returns: pace{interval: returnsPace}, leaves: pace{interval: leavesPace, burst: leavesBurst},
		evaluating: newEvaluations(), patterns: patterns{all: make(map[string]*pattern)}, searches: make(chan struct{}, maxSearches),
	}
	if opts != nil {
		h.opts = *opts
	}
	if err := h.opts.complete(); err != nil {
		return nil, err
	}
	policy, _ := vt.ParsePolicy(h.opts.EscapePolicy) // complete has checked it
	h.encoder = encoder{policy: policy, maxLine: h.opts.MaxLine}
	h.log = h.opts.Logger
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.spawn(h.sweep)
	return h, nil
}

func (o *HubOptions) complete() error {
	var errs []error
	o.Keepalive = orDefault(o.Keepalive, 15*time.Second)
	o.Linger = orDefault(o.Linger, 30*time.Second)
	o.RingMemory = orDefault(o.RingMemory, 256<<20)
	o.MaxLine = orDefault(o.MaxLine, DefaultMaxLine)
	o.EscapePolicy = orDefault(o.EscapePolicy, vt.SGR.String())
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Keepalive < time.Second || o.Keepalive > time.Hour {
		errs = append(errs, fmt.Errorf("keepalive %v: take 1s to 1h, such as 15s", o.Keepalive))
	}
	if o.MaxChannels < 0 {
		errs = append(errs, fmt.Errorf("max channels %d: take 0 or more", o.MaxChannels))
	}
	if o.Linger < 0 {
		errs = append(errs, fmt.Errorf("linger %v: take 0s or more, such as 30s", o.Linger))
	}
	if o.RingMemory < ringBytes {
		errs = append(errs, fmt.Errorf("ring memory %d: take at least %d bytes", o.RingMemory, ringBytes))
	}
	if o.MaxLine < MinMaxLine || o.MaxLine > 1<<20 {
		errs = append(errs, fmt.Errorf("max line %d: take %d to %d bytes, such as %d", o.MaxLine, MinMaxLine, 1<<20, DefaultMaxLine))
	}
	if _, err := vt.ParsePolicy(o.EscapePolicy); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Stats returns the counts of now.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{
		Streams: len(h.streams), Channels: len(h.feeds),
		Reads: h.stats.reads.Load(), Heals: h.stats.heals.Load(), Gaps: h.stats.gaps.Load(),
		RingCost: h.ringCost.Load(), Evaluations: h.stats.evaluations.Load(),
	}
}

// spawn runs f until it returns; Close waits for it.
func (h *Hub) spawn(f func(context.Context)) { h.workers.Go(func() { f(h.ctx) }) }

// subscribe gives a viewer a place in a channel's feed, once the feed is live. It fails
// with [ErrUnavailable] where that takes more than 2 s.
func (h *Hub) subscribe(ctx context.Context, channel string) (*subscription, error) {
	s, fresh, err := h.enter(channel)
	if err != nil {
		return nil, err
	}
	f := s.feed
	ctx, cancel := context.WithTimeoutCause(ctx, confirmWait, errUnconfirmed)
	defer cancel()
	if fresh {
		f.noteMark(ctx)
		stop := h.broker.Follow(channel, f.emit)
		f.mu.Lock()
		f.stop = stop
		f.mu.Unlock()
	}
	err = f.await(ctx)
	if err == nil {
		err = f.awaitPurged(ctx, s)
	}
	if err != nil {
		s.leave()
		return nil, err
	}
	return s, nil
}

// await returns once the feed is live.
func (f *feed) await(ctx context.Context) error {
	f.mu.Lock()
	settled := f.settled
	f.mu.Unlock()
	select {
	case <-settled:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return fmt.Errorf("%w: %v", ErrUnavailable, f.err)
	}
	return nil
}

// leave ends a subscription; the channel is followed a while longer.
func (s *subscription) leave() {
	f, h := s.feed, s.feed.hub
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, s)
	f.unrouse(s)
	s.catchesUp()
	if len(f.subs) > 0 || f.closed {
		return
	}
	wait := h.opts.Linger
	f.lingers = true
	if h.lingering.Add(1) > maxLingering {
		wait = 0
	}
	if f.linger == nil {
		f.linger = time.AfterFunc(wait, func() { h.unfollow(f) })
		return
	}
	f.linger.Reset(wait)
}

func (f *feed) endLinger() {
	if f.lingers {
		f.lingers = false
		f.hub.lingering.Add(-1)
	}
}

// unfollow ends a feed that nobody watches.
func (h *Hub) unfollow(f *feed) {
	h.mu.Lock()
	f.mu.Lock()
	if h.closing || len(f.subs) > 0 || f.closed || f.stop == nil {
		f.mu.Unlock()
		h.mu.Unlock()
		return
	}
	h.workers.Add(1)
	defer h.workers.Done()
	delete(h.feeds, f.channel)
	stop := f.close()
	f.mu.Unlock()
	h.mu.Unlock()
	stop()
}

// close ends a feed's own doing and returns what ends the broker's.
func (f *feed) close() (stop func()) {
	f.closed = true
	f.endLinger()
	if f.lookAgain != nil {
		f.lookAgain.Stop()
	}
	if f.linger != nil {
		f.linger.Stop()
	}
	f.dropPages()
	f.hub.ringCost.Add(-int64(f.ring.cost + f.known.cost()))
	f.ring = ring{}
	return f.stop
}

// End ends the streams whose grant's tag matches: with an auth event that names the
// reason, and at the latest after half a second, also where a viewer does not read. It
// returns how many there were.
func (h *Hub) End(match func(tag any) bool, reason string) int {
	h.mu.Lock()
	var matching []*stream
	for st := range h.streams {
		if match(st.grant.Tag) {
			matching = append(matching, st)
		}
	}
	h.mu.Unlock()
	for _, st := range matching {
		st.end("auth", reason)
	}
	return len(matching)
}

// admit counts a stream in; false means that the hub is closing.
func (h *Hub) admit(st *stream) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.opened++
	st.number = h.opened
	h.streams[st] = struct{}{}
	return true
}

func (h *Hub) dismiss(st *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, st)
	if h.closing && len(h.streams) == 0 {
		close(h.idle)
	}
}
