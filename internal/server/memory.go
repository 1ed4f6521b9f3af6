package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// memory is what the bodies of requests may take together, in bytes. Those who wait for it
// get it in their turn, but who has their token's share already is passed over.
type memory struct {
	total int
	share int // of one token

	mu      sync.Mutex
	free    int
	tokens  map[string]int
	waiting []*wanted
}

// wanted is what somebody waits for; ready is closed with it.
type wanted struct {
	token string
	bytes int
	ready chan struct{}
}

// newMemory lets no two tokens have all of it.
func newMemory(total int) *memory {
	return &memory{total: total, share: total*3/8 + 4*memoryStep, free: total, tokens: make(map[string]int)}
}

// held is what one request has of the memory. It is used by one goroutine.
type held struct {
	memory *memory
	token  string
	bytes  int
}

func (m *memory) hold(token string) *held { return &held{memory: m, token: token} }

func (h *held) size() int { return h.bytes }

// grow waits until the request has so many bytes, which may be fewer than it has already.
func (h *held) grow(ctx context.Context, bytes int) error {
	more := bytes - h.bytes
	if more <= 0 {
		return nil
	}
	if err := h.memory.take(ctx, h.token, more); err != nil {
		return err
	}
	h.bytes = bytes
	return nil
}

// shrink gives back all but so many bytes.
func (h *held) shrink(bytes int) {
	if bytes >= h.bytes {
		return
	}
	h.memory.put(h.token, h.bytes-bytes)
	h.bytes = bytes
}

func (h *held) release() { h.shrink(0) }

func (m *memory) take(ctx context.Context, token string, bytes int) error {
	w := &wanted{token: token, bytes: bytes, ready: make(chan struct{})}
	m.mu.Lock()
	m.waiting = append(m.waiting, w)
	m.give()
	m.mu.Unlock()
	timeout := time.NewTimer(turnTime)
	defer timeout.Stop()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	case <-timeout.C:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, other := range m.waiting {
		if other == w {
			m.waiting = append(m.waiting[:i], m.waiting[i+1:]...)
			m.give() // it may have stood before others
			return m.full()
		}
	}
	return nil // it came just then
}

func (m *memory) put(token string, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free += bytes
	if m.tokens[token] -= bytes; m.tokens[token] == 0 {
		delete(m.tokens, token)
	}
	m.give()
}

// give lets those go on for whom there is room, in their turn.
func (m *memory) give() {
	left := m.waiting[:0]
	full := false
	for _, w := range m.waiting {
		switch {
		case full || m.tokens[w.token]+w.bytes > m.share:
			left = append(left, w)
		case w.bytes > m.free:
			full = true // nobody smaller overtakes
			left = append(left, w)
		default:
			m.free -= w.bytes
			m.tokens[w.token] += w.bytes
			close(w.ready)
		}
	}
	clear(m.waiting[len(left):])
	m.waiting = left
}

func (m *memory) full() error {
	return &loglane.StatusError{
		Code:       http.StatusServiceUnavailable,
		Message:    fmt.Sprintf("the bodies of requests take %d MiB of memory already, or this token its share of them (ingest-memory): send it again", m.total>>20),
		RetryAfter: later(turnRetry), Limit: "ingest-memory",
	}
}
