package server

import (
	"sync"
	"time"
)

// maxRateKeys bounds how many keys a rate counts at once.
const maxRateKeys = 10_000

// rates are token buckets by a key: so much a second, and a burst of what was not used. A
// bucket that is full again is forgotten, and of too many the fullest.
type rates[K comparable] struct {
	each  time.Duration // what one unit takes to come back
	burst time.Duration // what a full bucket holds, as time

	mu   sync.Mutex
	full map[K]time.Time // when the bucket is full again
}

// newRates returns nil, which is without limit, where perSecond is 0.
func newRates[K comparable](perSecond, burst float64) *rates[K] {
	if perSecond <= 0 {
		return nil
	}
	each := time.Duration(float64(time.Second) / perSecond)
	return &rates[K]{each: max(each, 1), burst: time.Duration(burst / perSecond * float64(time.Second)), full: make(map[K]time.Time)}
}

// take takes n, or nothing: then it returns how long until there is enough.
func (r *rates[K]) take(key K, n int) (wait time.Duration) {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	full := r.level(key, now).Add(time.Duration(n) * r.each)
	if wait := full.Sub(now) - r.burst; wait > 0 {
		return wait
	}
	r.keep(key, full, now)
	return 0
}

// charge takes n also where there is less: the bucket owes the rest.
func (r *rates[K]) charge(key K, n int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.keep(key, r.level(key, now).Add(time.Duration(n)*r.each), now)
}

// owes returns how long until a bucket owes nothing.
func (r *rates[K]) owes(key K) (wait time.Duration) {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	return max(r.level(key, now).Sub(now)-r.burst, 0)
}

func (r *rates[K]) level(key K, now time.Time) time.Time {
	if full := r.full[key]; full.After(now) {
		return full
	}
	return now
}

func (r *rates[K]) keep(key K, full, now time.Time) {
	if _, counted := r.full[key]; !counted && len(r.full) >= maxRateKeys {
		r.evict(now)
	}
	r.full[key] = full
}

// evict makes room: of the buckets that are full again, else of the fullest among a few, so
// that nobody is let off by others soon.
func (r *rates[K]) evict(now time.Time) {
	const sample = 64
	var fullest K
	seen := 0
	for key, full := range r.full {
		if !full.After(now) {
			delete(r.full, key)
		} else if seen++; seen == 1 || full.Before(r.full[fullest]) {
			fullest = key
		}
		if seen == sample {
			break
		}
	}
	if len(r.full) >= maxRateKeys {
		delete(r.full, fullest)
	}
}
