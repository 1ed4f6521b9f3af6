package auth

import (
	"context"
	"sync"
	"time"
)

// TokenUses keeps when API tokens were used last. Its methods may be called concurrently.
type TokenUses interface {
	// Used notes a use. An older time than the one that is kept may take its place.
	Used(ctx context.Context, tokenID string, at time.Time) error
	// LastUsed returns the last uses that are known of these tokens.
	LastUsed(ctx context.Context, tokenIDs []string) (map[string]time.Time, error)
}

var _ TokenUses = (*MemoryTokenUses)(nil)

// MemoryTokenUses is a [TokenUses] for one process, forgotten when it ends. Its methods
// may be called concurrently. The zero value is ready.
type MemoryTokenUses struct {
	mu   sync.Mutex
	uses map[string]time.Time
}

// Used implements [TokenUses]; it never fails.
func (m *MemoryTokenUses) Used(_ context.Context, tokenID string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.uses == nil {
		m.uses = map[string]time.Time{}
	}
	m.uses[tokenID] = at
	return nil
}

// LastUsed implements [TokenUses]; it never fails.
func (m *MemoryTokenUses) LastUsed(_ context.Context, tokenIDs []string) (map[string]time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]time.Time{}
	for _, id := range tokenIDs {
		if at, used := m.uses[id]; used {
			found[id] = at
		}
	}
	return found, nil
}
