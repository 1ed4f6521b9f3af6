package audit

import (
	"sync"
	"time"
)

// muted counts refusals beyond what is written.
type muted struct {
	now func() time.Time

	mu    sync.Mutex
	full  time.Time // when all of the burst may be written again
	count int64     // that no line has told yet
	total int64
}

// take says whether one more refusal is written.
func (m *muted) take() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	full := m.full
	if full.Before(now) {
		full = now
	}
	if full = full.Add(mutedEvery); full.Sub(now) > mutedBurst*mutedEvery {
		m.count++
		m.total++
		return false
	}
	m.full = full
	return true
}

// untold returns how many a line is to tell of.
func (m *muted) untold() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.count
	m.count = 0
	return n
}

func (m *muted) all() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}
