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
	about string // what whoever added it says of it
	added time.Time
}

func newRecent(most int, life time.Duration) *recent {
	return &recent{most: most, life: life, keys: map[string]*list.Element{}, order: list.New()}
}

// add adds a key, or makes it the newest.
func (r *recent) add(key string) { r.note(key, "") }

// note is add with something to say of the key.
func (r *recent) note(key, about string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(key, about)
}

// addNew adds a key unless it is there.
func (r *recent) addNew(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if element, found := r.keys[key]; found && !r.over(element, time.Now()) {
		return false
	}
	r.put(key, "")
	return true
}

// where returns the keys of which something is said that matches.
func (r *recent) where(match func(about string) bool) map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := map[string]bool{}
	for key, element := range r.keys {
		if about := element.Value.(recentKey).about; about != "" && match(about) {
			keys[key] = true
		}
	}
	return keys
}

func (r *recent) put(key, about string) {
	now := time.Now()
	r.remove(key)
	r.keys[key] = r.order.PushBack(recentKey{key: key, about: about, added: now})
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
