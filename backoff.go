package loglane

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	backoffFirst = 250 * time.Millisecond
	backoffLast  = 5 * time.Second
)

// A backoff spreads tries with full jitter, from 250 ms up to 5 s. The zero value is
// ready.
type backoff struct{ bound time.Duration }

// next returns a random part of the bound, which doubles.
func (b *backoff) next() time.Duration {
	b.bound = min(max(2*b.bound, backoffFirst), backoffLast)
	return rand.N(b.bound) + time.Millisecond
}

// wait waits for the next try; a receive from kick or the end of ctx ends the wait.
func (b *backoff) wait(ctx context.Context, kick <-chan struct{}) {
	timer := time.NewTimer(b.next())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-kick:
	case <-ctx.Done():
	}
}

func (b *backoff) reset() { b.bound = 0 }

// A pace lets at most one pass each interval.
type pace struct {
	interval time.Duration
	burst    time.Duration // how much of it may be caught up at once

	mu   sync.Mutex
	next time.Time
}

// wait returns when it is the caller's turn, or when ctx has ended.
func (p *pace) wait(ctx context.Context) {
	p.mu.Lock()
	now := time.Now()
	turn := p.next
	if earliest := now.Add(-p.burst); turn.Before(earliest) {
		turn = earliest
	}
	p.next = turn.Add(p.interval)
	p.mu.Unlock()
	if !turn.After(now) {
		return
	}
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
