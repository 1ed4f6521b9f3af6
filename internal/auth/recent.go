package auth

import (
	"container/list"
	"sync"
	"time"
)

// recent is a bounded set of keys: the one that was added longest ago gives way.
type recent struct {
	most int
	life time.Duration // how long a key stays after it was added; 0 is until it gives way

	mu    sync.Mutex
	keys  map[string]*list.Element
	order *list.List // of recentKey, the one that was added longest ago first
}

type recentKey struct {
	key   string
	added time.Time
}

func newRecent(most int, life time.Duration) *recent {
	return &recent{most: most, life: life, keys: map[string]*list.Element{}, order: list.New()}
}

// add adds a key, or makes it the newest.
func (r *recent) add(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.remove(key)
	r.keys[key] = r.order.PushBack(recentKey{key: key, added: now})
	for first := r.order.Front(); len(r.keys) > r.most || r.over(first, now); first = r.order.Front() {
		r.remove(first.Value.(recentKey).key)
	}
}

func (r *recent) has(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	element, found := r.keys[key]
	return found && !r.over(element, time.Now())
}

func (r *recent) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(key)
}

func (r *recent) over(element *list.Element, now time.Time) bool {
	return r.life > 0 && now.Sub(element.Value.(recentKey).added) >= r.life
}

func (r *recent) remove(key string) {
	if element, found := r.keys[key]; found {
		r.order.Remove(element)
		delete(r.keys, key)
	}
}
