package loglane

import (
	"context"
	"sync"
)

// patterns are those that viewers look for now, each once.
type patterns struct {
	mu   sync.Mutex
	all  map[string]*pattern
	last uint64
}

// look gives a viewer its pattern; release is to be called when it has gone. Without a
// query there is none.
func (h *Hub) look(q *query) (p *pattern, release func()) {
	if q == nil {
		return nil, func() {}
	}
	h.patterns.mu.Lock()
	defer h.patterns.mu.Unlock()
	p = h.patterns.all[q.source]
	if p == nil {
		h.patterns.last++
		p = &pattern{query: q, id: h.patterns.last, hub: h, running: make(map[*item]*evaluation)}
		p.ctx, p.end = context.WithCancel(h.ctx)
		h.patterns.all[q.source] = p
	}
	p.users++
	return p, func() { h.leave(p) }
}

func (h *Hub) leave(p *pattern) {
	h.patterns.mu.Lock()
	defer h.patterns.mu.Unlock()
	if p.users--; p.users == 0 {
		delete(h.patterns.all, p.source)
		p.end()
	}
}

// A filter is what a viewer wants to see of what it may see.
type filter struct {
	floors  []Level // all have to be passed
	pattern *pattern
}

func newFilter(pattern *pattern, floors ...*Level) filter {
	f := filter{pattern: pattern}
	for _, floor := range floors {
		if floor != nil {
			f.floors = append(f.floors, *floor)
		}
	}
	return f
}

// judge says whether an item is shown, or gives what is to be waited for.
func (f filter) judge(i *item) (shows bool, pending *evaluation) {
	if !i.isLine() {
		return true, nil
	}
	for _, floor := range f.floors {
		if !i.passes(floor) {
			return false, nil
		}
	}
	if f.pattern == nil {
		return true, nil
	}
	return f.pattern.judge(i)
}
