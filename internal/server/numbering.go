package server

import (
	"sync"

	"github.com/loglane/loglane"
)

// A numbering has the producers of requests that name none. They are used again, for a
// broker remembers each for a while: but never by two requests at once, so that numbers
// rise as they are stored.
type numbering struct {
	mu   sync.Mutex
	idle []ownProducer
}

type ownProducer struct {
	producer string
	next     uint64 // number of the next line
}

func (n *numbering) take() ownProducer {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.idle) - 1; last >= 0 {
		own := n.idle[last]
		n.idle = n.idle[:last]
		return own
	}
	return ownProducer{producer: loglane.NewProducer(), next: 1}
}

func (n *numbering) put(own ownProducer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = append(n.idle, own)
}
