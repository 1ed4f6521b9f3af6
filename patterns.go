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
	floor   *Level   // of the grant, and judged by the whole line
	members *Members // of the grant; what follows is judged by what they leave of a line
	level   *Level
	pattern *pattern
}

// may says whether a viewer may see anything of an item, by its level.
func (f filter) may(i *item) bool {
	return f.floor == nil || !i.isLine() || i.whole != nil || i.reaches(*f.floor)
}

// judge says whether an item that the viewer may see is shown, or gives what is to be waited
// for.
func (f filter) judge(i *item) (shows bool, pending *evaluation) {
	switch {
	case !i.isLine():
		return true, nil
	case f.level != nil && !i.passes(*f.level):
		return false, nil
	case f.pattern == nil:
		return true, nil
	}
	return f.pattern.judge(i)
}
