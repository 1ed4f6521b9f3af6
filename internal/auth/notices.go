package auth

import (
	"context"
	"sync"
)

// Notices carries short messages between all gateways of one broker, this one included.
// A message may be lost, but not without Listen's nil. Its methods may be called
// concurrently.
type Notices interface {
	// Notify sends a message to every listener.
	Notify(ctx context.Context, message []byte) error
	// Listen calls f with every message, one at a time, until stop has returned; a nil
	// message means that others may have been missed. f must not block and must not
	// call Notify, Listen or stop.
	Listen(f func(message []byte)) (stop func())
}

var _ Notices = (*MemoryNotices)(nil)

// MemoryNotices is a [Notices] for one process; Notify returns once all listeners have
// the message. Its methods may be called concurrently.
type MemoryNotices struct {
	mu        sync.Mutex
	listeners map[*func([]byte)]struct{}
}

// NewMemoryNotices returns one without listeners. It starts nothing and needs no Close.
func NewMemoryNotices() *MemoryNotices {
	return &MemoryNotices{listeners: map[*func([]byte)]struct{}{}}
}

// Notify implements [Notices]; it never fails.
func (m *MemoryNotices) Notify(_ context.Context, message []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for f := range m.listeners {
		(*f)(message)
	}
	return nil
}

// Listen implements [Notices].
func (m *MemoryNotices) Listen(f func(message []byte)) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listeners[&f] = struct{}{}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.listeners, &f)
	}
}
