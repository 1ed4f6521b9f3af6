package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// Limits bound the streams that are open at once; 0 is without limit.
type Limits struct {
	Streams    int // in this process
	PerUser    int
	PerAddress int // of an IPv4 address or an IPv6 /64
}

// limitRetry is what a refused viewer waits: streams end when people close pages.
const limitRetry = 10 * time.Second

// A limiter counts the open streams.
type limiter struct {
	limits Limits

	mu        sync.Mutex
	streams   int
	users     map[string]int
	addresses map[netip.Prefix]int
}

func newLimiter(limits Limits) *limiter {
	return &limiter{limits: limits, users: make(map[string]int), addresses: make(map[netip.Prefix]int)}
}

// admit counts a stream in, or says which limit is reached.
func (l *limiter) admit(r *http.Request, g loglane.Grant) (release func(), err error) {
	tag, _ := g.Tag.(streamTag)
	address := network(remoteAddress(r))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case reached(l.users[tag.user], l.limits.PerUser):
		return nil, tooMany("this user", l.limits.PerUser, "max-streams-per-user")
	case address.IsValid() && reached(l.addresses[address], l.limits.PerAddress):
		return nil, tooMany("this address", l.limits.PerAddress, "max-streams-per-address")
	case reached(l.streams, l.limits.Streams):
		return nil, tooMany("this gateway", l.limits.Streams, "max-streams")
	}
	l.streams++
	l.users[tag.user]++
	l.addresses[address]++
	return sync.OnceFunc(func() { l.release(tag.user, address) }), nil
}

func (l *limiter) release(user string, address netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams--
	if l.users[user]--; l.users[user] == 0 {
		delete(l.users, user)
	}
	if l.addresses[address]--; l.addresses[address] == 0 {
		delete(l.addresses, address)
	}
}

func reached(count, limit int) bool { return limit > 0 && count >= limit }

func tooMany(of string, limit int, setting string) error {
	return &loglane.StatusError{
		Code:       http.StatusTooManyRequests,
		Message:    fmt.Sprintf("too many open streams of %s: at most %d are allowed (%s)", of, limit, setting),
		RetryAfter: limitRetry,
	}
}

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
