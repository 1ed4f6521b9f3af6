package demo

import "sync"

const (
	fullShelf = 12
	lowShelf  = 3
)

// A stock counts what is left of each product. Its methods may be called concurrently.
type stock struct {
	mu   sync.Mutex
	left map[string]int
}

func newStock() *stock {
	s := &stock{left: make(map[string]int)}
	s.refill()
	return s
}

func (s *stock) of(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left[id]
}

// take takes n of a product, if there are so many, and returns what is left.
func (s *stock) take(id string, n int) (left int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left[id] < n {
		return s.left[id], false
	}
	s.left[id] -= n
	return s.left[id], true
}

func (s *stock) putBack(id string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left[id] += n
}

// refill fills every shelf, and returns how many pieces that took.
func (s *stock) refill() (pieces int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range catalog {
		if missing := fullShelf - s.left[p.ID]; missing > 0 {
			pieces += missing
			s.left[p.ID] = fullShelf
		}
	}
	return pieces
}
