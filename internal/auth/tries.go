package auth

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// Tries bounds failed logins: Burst at once, and one more Every so often.
type Tries struct {
	Burst int           // at least 1
	Every time.Duration // more than 0
}

func (t Tries) valid() bool { return t.Burst >= 1 && t.Every > 0 }

// maxBuckets bounds how many names, and how many addresses, are counted at once.
const maxBuckets = 10_000

// A tryKey is what failed logins are counted by; either part may be left out.
type tryKey struct{ account, address string }

// tries counts failed logins by a key. A bucket that is full again is forgotten.
type tries struct {
	limit   Tries
	mu      sync.Mutex
	buckets map[tryKey]time.Time // when the bucket is full again
}

func newTries(limit Tries) *tries { return &tries{limit: limit, buckets: map[tryKey]time.Time{}} }

// take takes one try of key. Where there is none left, it returns how long until there is.
func (t *tries) take(key tryKey) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	full, counted := t.buckets[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(t.limit.Every)
	if wait := full.Sub(now) - time.Duration(t.limit.Burst)*t.limit.Every; wait > 0 {
		return wait, false
	}
	if !counted && len(t.buckets) >= maxBuckets {
		t.evict(now)
	}
	t.buckets[key] = full
	return 0, true
}

// giveBack returns a try that was taken.
func (t *tries) giveBack(key tryKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	full, counted := t.buckets[key]
	if !counted {
		return
	}
	if full = full.Add(-t.limit.Every); full.After(time.Now()) {
		t.buckets[key] = full
	} else {
		delete(t.buckets, key)
	}
}

// evict makes room: of the buckets that are full again, else of the one among a few
// that is closest to it, so that nobody is let off by others' tries soon.
func (t *tries) evict(now time.Time) {
	const sample = 64
	var closest tryKey
	seen := 0
	for key, full := range t.buckets {
		if full.Before(now) {
			delete(t.buckets, key)
		} else if seen++; seen == 1 || full.Before(t.buckets[closest]) {
			closest = key
		}
		if seen == sample {
			break
		}
	}
	if len(t.buckets) >= maxBuckets {
		delete(t.buckets, closest)
	}
}

func tooManyTries(which, setting string, wait time.Duration) error {
	return &loglane.StatusError{
		Code:       http.StatusTooManyRequests,
		Message:    "Too many failed logins " + which + ". Try again later.",
		RetryAfter: wait, Limit: setting,
	}
}

// ownAddress is the address of a request's caller, or "" where many callers may stand
// behind it: those of a proxy in front come from its loopback or private one, or from a
// Unix socket.
func ownAddress(r *http.Request) string {
	address := RemoteAddress(r)
	if strings.HasPrefix(address, "@") || strings.HasPrefix(address, "/") {
		return ""
	}
	ip, err := netip.ParseAddr(address)
	if ip = ip.Unmap(); err == nil && (ip.IsLoopback() || ip.IsPrivate()) {
		return ""
	}
	return address
}

// RemoteAddress returns the address at the other end of the connection.
func RemoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// addressKey puts the addresses together that one caller has at will.
func addressKey(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		network, err := ip.Prefix(64)
		if err == nil {
			return network.String()
		}
	}
	return ip.String()
}
