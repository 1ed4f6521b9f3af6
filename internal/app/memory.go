package app

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

const (
	// leastMemory is the least --memory-limit.
	leastMemory = 64 << 20

	// Of the limit, the collector is to keep within collectAt, no further streams are taken
	// from refuseAt on, and the newest end from shedAt on, a fiftieth each second.
	collectAt = 0.92
	refuseAt  = 0.90
	shedAt    = 0.95
	shedEvery = time.Second
	shedPart  = 50

	memoryRetry = 10 * time.Second
	memoryAge   = 100 * time.Millisecond // of a figure that is used again
)

// containerLimits are where the kernel tells a container's limit, of both kinds of cgroups.
var containerLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// containerMemory is the container's limit in bytes, 0 for none.
func containerMemory(files []string) int {
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
		if err == nil && n < 1<<50 { // without a limit it is "max", or about 2^63
			return int(n)
		}
	}
	return 0
}

// A headroom knows how much of the memory's limit is used.
type headroom struct {
	limit float64 // bytes; 0 is without limit

	mu   sync.Mutex
	used float64
	at   time.Time
	read func() float64
}

// newHeadroom takes the container's limit where limit is 0.
func newHeadroom(limit int) *headroom {
	if limit == 0 {
		limit = containerMemory(containerLimits)
	}
	return &headroom{limit: float64(limit), read: memoryUsed}
}

// memoryUsed is what the process needs, in bytes: not what the collector would free.
func memoryUsed() float64 {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/memory/classes/os-stacks:bytes"},
		{Name: "/memory/classes/metadata/mspan/inuse:bytes"}, {Name: "/memory/classes/metadata/other:bytes"}, {Name: "/memory/classes/other:bytes"},
	}
	metrics.Read(samples)
	var sum float64
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += float64(s.Value.Uint64())
		}
	}
	return sum
}

// share is how much of the limit is used; 0 without one.
func (h *headroom) share() float64 {
	if h.limit == 0 {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); now.Sub(h.at) >= memoryAge {
		h.used, h.at = h.read(), now
	}
	return h.used / h.limit
}

// crowded is the answer to who wants more memory than there is.
func (h *headroom) crowded() error {
	if h.share() < refuseAt {
		return nil
	}
	return &loglane.StatusError{
		Code:       http.StatusServiceUnavailable,
		Message:    fmt.Sprintf("this gateway has used %d %% of its memory (memory-limit): no further streams and lines are taken", int(refuseAt*100)),
		RetryAfter: memoryRetry, Limit: "memory-limit",
	}
}

// tellCollector lets the collector keep within the limit, unless GOMEMLIMIT says otherwise.
func (h *headroom) tellCollector() {
	if h.limit > 0 && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(int64(h.limit * collectAt))
	}
}

// watch ends the newest streams while the memory is all but used up, until ctx ends.
func (h *headroom) watch(ctx context.Context, shed func(n int), streams func() int) error {
	if h.limit == 0 {
		return nil
	}
	ticker := time.NewTicker(shedEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if h.share() >= shedAt {
				shed(max(streams()/shedPart, 1))
			}
		}
	}
}
