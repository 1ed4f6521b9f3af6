package logship

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// reportEvery is how often a kind of trouble is told at most.
const reportEvery = 10 * time.Second

// A trouble is a kind of the handler's own troubles.
type trouble uint8

const (
	sinkFails trouble = iota
	sinkLost
	sinkRejects
	sinkBack
	troubles
)

// A reporter tells of the handler's own troubles, and never through the handler itself.
type reporter struct {
	log *slog.Logger

	mu    sync.Mutex
	last  [troubles]time.Time
	muted [troubles]int
}

// muteContext marks what must not come back into a handler.
var muteContext = context.WithValue(context.Background(), identityKey{}, &identity{mute: true})

func (r *reporter) report(kind trouble, level slog.Level, message string, args ...any) {
	r.mu.Lock()
	now := time.Now()
	if !r.last[kind].IsZero() && now.Sub(r.last[kind]) < reportEvery {
		r.muted[kind]++
		r.mu.Unlock()
		return
	}
	if r.muted[kind] > 0 {
		args = append(args, "not_told_before", r.muted[kind])
	}
	r.last[kind], r.muted[kind] = now, 0
	r.mu.Unlock()
	r.log.Log(muteContext, level, message, args...)
}
