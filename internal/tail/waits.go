package tail

import (
	"math/rand/v2"
	"time"
)

const (
	firstWait = 250 * time.Millisecond
	lastWait  = 5 * time.Second
	// longestRetry bounds what the stream's retry field can ask for.
	longestRetry = 30 * time.Second
	// longestAsked bounds what a Retry-After can ask for.
	longestAsked = 10 * time.Minute
	// stableAfter is how long a connection lives that was a good one.
	stableAfter = 30 * time.Second
)

// waits are the times between tries: a random part of a bound that doubles. The zero
// value is ready.
type waits struct {
	first time.Duration // the gateway's retry field; 0 is none
	bound time.Duration
}

// retry takes the first bound from the stream.
func (w *waits) retry(d time.Duration) { w.first = min(d, longestRetry) }

func (w *waits) next() time.Duration {
	first := max(w.first, firstWait)
	w.bound = min(max(2*w.bound, first), max(lastWait, first))
	return rand.N(w.bound) + time.Millisecond
}

func (w *waits) reset() { w.bound = 0 }
