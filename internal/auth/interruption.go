package auth

import (
	"context"
	"sync"
	"time"
)

// settleFor is how long after an interruption sessions with open streams are not asked
// after: whoever signed out meanwhile did so at another gateway, which has just come back
// too, and is to tell the store first. It is well above maxRetry.
const settleFor = time.Second

// An interruption is when notices may last have been missed. The zero value is never. Its
// methods may be called concurrently.
type interruption struct {
	mu      sync.Mutex
	began   bool // notices are heard
	settled time.Time
}

// over notes that notices are heard from now on; again says that they were heard before, so that
// streams may have missed one.
func (i *interruption) over() (again bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	again, i.began = i.began, true
	if again {
		i.settled = time.Now().Add(settleFor)
	}
	return again
}

// left is how long sessions are not to be asked after.
func (i *interruption) left() time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	return max(time.Until(i.settled), 0)
}

// settle returns once sessions may be asked after, or with ctx's error.
func (i *interruption) settle(ctx context.Context) error {
	left := i.left()
	if left == 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
