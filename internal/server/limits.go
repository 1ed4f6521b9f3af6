package server

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// Limits bound what callers have at once and how fast they come; 0 is without limit, but
// where a default is named.
type Limits struct {
	Streams         int // open at once in this process
	PerUser         int
	PerAddress      int // of an IPv4 address or an IPv6 /64
	ChannelsPerUser int // that one user follows at once

	Opens           int // streams a second in this process: further ones wait their turn
	OpensPerUser    int // streams and searches a second …
	OpensPerAddress int // … of which a burst is ten times as many
	Replays         int // streams that are sent what is stored at once; default 4 a core
	SearchesPerUser int // at once; default 4

	WrongTokens int // of an address a minute

	Ingest IngestLimits
}

const (
	// limitRetry is what a refused viewer waits: streams end when people close pages.
	limitRetry = 10 * time.Second

	// openBurst is how many seconds' worth of streams may be opened at once.
	openBurst = 10

	// openWait is how long a stream waits for its turn, and searchWait a search. openHold is
	// when a stream that is still being sent what is stored gives its turn on: it is the
	// viewer's reading that takes long by then.
	openWait   = 15 * time.Second
	searchWait = 5 * time.Second
	openHold   = 500 * time.Millisecond

	replaysPerCore = 4
	maxSearches    = 32 // as many as a hub lets search at once

	defaultSearchesPerUser = 4
)

// A limiter counts the open streams, and those that come.
type limiter struct {
	limits    Limits
	crowded   func() error // whether there is memory for a stream; nil is always
	replays   *queue
	searches  *queue
	perUser   *rates[string]
	perNet    *rates[netip.Prefix]
	perWrong  *rates[netip.Prefix]
	mu        sync.Mutex
	streams   int
	users     map[string]*userStreams
	addresses map[netip.Prefix]int
}

// userStreams are those of one user.
type userStreams struct {
	streams  int
	channels map[string]int // streams of each
}

func newLimiter(limits Limits) *limiter {
	l := &limiter{
		limits: limits, users: make(map[string]*userStreams), addresses: make(map[netip.Prefix]int),
		perUser:  newRates[string](float64(limits.OpensPerUser), openBurst*float64(limits.OpensPerUser)),
		perNet:   newRates[netip.Prefix](float64(limits.OpensPerAddress), openBurst*float64(limits.OpensPerAddress)),
		perWrong: newRates[netip.Prefix](float64(limits.WrongTokens)/60, float64(limits.WrongTokens)),
	}
	places := cmp.Or(limits.Replays, replaysPerCore*runtime.GOMAXPROCS(0))
	l.replays = &queue{
		places: places, each: max(places/4, 1), hold: openHold, wait: openWait,
		full: func() error { return busy("streams are opened", "max-replays", "max-opens-per-second") },
	}
	if limits.Opens > 0 {
		l.replays.pace = time.Second / time.Duration(limits.Opens)
		l.replays.burst = time.Second / 4
	}
	l.searches = &queue{
		places: maxSearches, each: cmp.Or(limits.SearchesPerUser, defaultSearchesPerUser), wait: searchWait,
		full: func() error { return busy("searches are under way", "max-searches-per-user", "") },
	}
	return l
}

// open waits until a stream may be sent what is stored: so that those who come back
// together do not hold up those who are there.
func (l *limiter) open(ctx context.Context, g loglane.Grant) (release func(), err error) {
	return l.replays.take(ctx, userOf(g))
}

// search waits until a user may search.
func (l *limiter) search(ctx context.Context, g loglane.Grant) (release func(), err error) {
	return l.searches.take(ctx, userOf(g))
}

func userOf(g loglane.Grant) string {
	tag, _ := g.Tag.(streamTag)
	return tag.user
}

// admit counts a stream in, or says which limit is reached.
func (l *limiter) admit(r *http.Request, g loglane.Grant) (release func(), err error) {
	user, address := userOf(g), network(remoteAddress(r))
	if l.crowded != nil {
		if err := l.crowded(); err != nil {
			return nil, err
		}
	}
	if wait := l.perUser.take(user, 1); wait > 0 {
		return nil, tooFast("this user", l.limits.OpensPerUser, "max-opens-per-second-per-user", wait)
	}
	if address.IsValid() {
		if wait := l.perNet.take(address, 1); wait > 0 {
			return nil, tooFast("this address", l.limits.OpensPerAddress, "max-opens-per-second-per-address", wait)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.reached(user, address, g.Channel); err != nil {
		return nil, err
	}
	l.streams++
	u := l.users[user]
	if u == nil {
		u = &userStreams{channels: make(map[string]int)}
		l.users[user] = u
	}
	u.streams++
	u.channels[g.Channel]++
	l.addresses[address]++
	return sync.OnceFunc(func() { l.release(user, address, g.Channel) }), nil
}

// reached says which limit one more stream would be beyond.
func (l *limiter) reached(user string, address netip.Prefix, channel string) error {
	var own userStreams
	if u := l.users[user]; u != nil {
		own = *u
	}
	switch limits := l.limits; {
	case reached(own.streams, limits.PerUser):
		return tooMany("this user", limits.PerUser, "max-streams-per-user")
	case own.channels[channel] == 0 && reached(len(own.channels), limits.ChannelsPerUser):
		return tooMany("this user in other channels", limits.ChannelsPerUser, "max-channels-per-user")
	case address.IsValid() && reached(l.addresses[address], limits.PerAddress):
		return tooMany("this address", limits.PerAddress, "max-streams-per-address")
	case reached(l.streams, limits.Streams):
		return tooMany("this gateway", limits.Streams, "max-streams")
	}
	return nil
}

func (l *limiter) release(user string, address netip.Prefix, channel string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams--
	u := l.users[user]
	if u.channels[channel]--; u.channels[channel] == 0 {
		delete(u.channels, channel)
	}
	if u.streams--; u.streams == 0 {
		delete(l.users, user)
	}
	if l.addresses[address]--; l.addresses[address] == 0 {
		delete(l.addresses, address)
	}
}

// wrongToken is the answer to a token that does not stand, once an address has shown many:
// those that stand go on.
func (l *limiter) wrongToken(r *http.Request) error {
	address := network(remoteAddress(r))
	if !address.IsValid() {
		return nil
	}
	wait := l.perWrong.take(address, 1)
	if wait == 0 {
		return nil
	}
	return &loglane.StatusError{
		Code:       http.StatusTooManyRequests,
		Message:    fmt.Sprintf("too many tokens from this address that are not valid: at most %d a minute are looked at (max-wrong-tokens-per-minute)", l.limits.WrongTokens),
		RetryAfter: later(wait), Limit: "max-wrong-tokens-per-minute",
	}
}

func reached(count, limit int) bool { return limit > 0 && count >= limit }

func tooMany(of string, limit int, setting string) error {
	return &loglane.StatusError{
		Code:       http.StatusTooManyRequests,
		Message:    fmt.Sprintf("too many open streams of %s: at most %d are allowed (%s)", of, limit, setting),
		RetryAfter: limitRetry, Limit: setting,
	}
}

func tooFast(of string, limit int, setting string, wait time.Duration) error {
	return &loglane.StatusError{
		Code:       http.StatusTooManyRequests,
		Message:    fmt.Sprintf("%s opens streams too fast: at most %d a second are allowed, after a burst of ten times as many (%s)", of, limit, setting),
		RetryAfter: later(wait), Limit: setting,
	}
}

// busy is the answer to who has waited in vain.
func busy(what, setting, beside string) error {
	names := setting
	if beside != "" {
		names += ", " + beside
	}
	return &loglane.StatusError{
		Code:       http.StatusServiceUnavailable,
		Message:    fmt.Sprintf("too many %s at the moment (%s): try again", what, names),
		RetryAfter: later(time.Second), Limit: setting,
	}
}

// later is when to come again: not together with the others who were refused.
func later(wait time.Duration) time.Duration { return wait + rand.N(wait+4*time.Second) }

// network is what an address is counted as: whoever has one IPv6 address has its /64.
func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
