package auth

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// Sessions is the store of sessions. Its methods may be called concurrently. Keys are
// made of lower-case hex digits.
type Sessions interface {
	// Load returns what Save has kept under key; found is false once that was deleted
	// or its time is over. An error means that the store could not be asked.
	Load(ctx context.Context, key string) (data []byte, found bool, err error)
	// Save keeps data under key for ttl, in place of what was there.
	Save(ctx context.Context, key string, data []byte, ttl time.Duration) error
	// Delete forgets key, and says whether there was one.
	Delete(ctx context.Context, key string) (existed bool, err error)
}

// A SessionList is a [Sessions] that knows how many sessions each owner has. Its methods may
// be called concurrently.
type SessionList interface {
	// Enlist notes a session as its owner's newest for ttl, and takes those from the list that
	// are beyond the most newest ones: the caller is to end them.
	Enlist(ctx context.Context, owner, key string, ttl time.Duration, most int) (surplus []string, err error)
}

var (
	_ Sessions    = (*MemorySessions)(nil)
	_ SessionList = (*MemorySessions)(nil)
)

// MemorySessions is a [Sessions] for one process, forgotten when it ends. Its methods
// may be called concurrently.
type MemorySessions struct {
	mu       sync.Mutex
	sessions map[string]memorySession
	owners   map[string][]string // keys, the oldest first
	sweepAt  int
}

type memorySession struct {
	data []byte
	ends time.Time
}

// minSweep is how many sessions there must be before expired ones are looked for.
const minSweep = 1024

// NewMemorySessions returns an empty store. It starts nothing and needs no Close.
func NewMemorySessions() *MemorySessions {
	return &MemorySessions{sessions: map[string]memorySession{}, sweepAt: minSweep}
}

// Load implements [Sessions]; it never fails.
func (m *MemorySessions) Load(_ context.Context, key string) (data []byte, found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.sessions[key]
	if !found || !time.Now().Before(s.ends) {
		delete(m.sessions, key)
		return nil, false, nil
	}
	return bytes.Clone(s.data), true, nil
}

// Save implements [Sessions]; it never fails.
func (m *MemorySessions) Save(_ context.Context, key string, data []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.sessions[key] = memorySession{data: bytes.Clone(data), ends: now.Add(ttl)}
	if len(m.sessions) < m.sweepAt {
		return nil
	}
	for key, s := range m.sessions {
		if !now.Before(s.ends) {
			delete(m.sessions, key)
		}
	}
	m.sweepAt = max(minSweep, 2*len(m.sessions))
	return nil
}

// Delete implements [Sessions]; it never fails.
func (m *MemorySessions) Delete(_ context.Context, key string) (existed bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.sessions[key]
	delete(m.sessions, key)
	return found && time.Now().Before(s.ends), nil
}

// Enlist implements [SessionList]; it never fails.
func (m *MemorySessions) Enlist(_ context.Context, owner, key string, _ time.Duration, most int) (surplus []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owners == nil {
		m.owners = map[string][]string{}
	}
	all := append(m.owners[owner], key)
	beyond := max(len(all)-most, 0)
	m.owners[owner] = append([]string(nil), all[beyond:]...)
	return all[:beyond], nil
}
