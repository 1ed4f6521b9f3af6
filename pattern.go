package loglane

import (
	"context"
	"sync"
	"time"
)

const (
	// patternShare of one processor is what all viewers of one pattern get for it, and
	// patternBurst what they may use at once after a pause.
	patternShare = 0.1
	patternBurst = 250 * time.Millisecond
	// patternSlice is for how long an evaluation goes on before others have their turn.
	patternSlice = 5 * time.Millisecond
	// inlineCost is what a viewer looks through by itself: some milliseconds at the most.
	inlineCost = 100_000
)

// A pattern is a query with all viewers who ask it. A line is looked through once, whoever
// asks, within a budget of time; a pattern that has used it up makes its own viewers wait
// and nobody else.
type pattern struct {
	*query
	id    uint64
	hub   *Hub
	ctx   context.Context // ends with the last viewer
	end   context.CancelFunc
	users int // guarded by the hub's patterns

	mu      sync.Mutex
	budget  budget
	running map[*item]*evaluation
	queue   []*evaluation
	working bool
}

// An evaluation is a line being looked through.
type evaluation struct {
	item  *item
	done  chan struct{} // closed once shows holds
	shows bool
}

// over says whether shows holds.
func (e *evaluation) over() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// judge says whether the line matches, or gives what is to be waited for.
func (p *pattern) judge(i *item) (shows bool, pending *evaluation) {
	if shows, known := i.verdict(p.id); known {
		return shows, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if shows, known := i.verdict(p.id); known {
		return shows, nil
	}
	if e := p.running[i]; e != nil {
		return false, e
	}
	if shows, done := p.judgeAtOnce(i); done {
		return shows, nil
	}
	e := &evaluation{item: i, done: make(chan struct{})}
	p.running[i] = e
	p.queue = append(p.queue, e)
	if !p.working {
		p.working = true
		p.hub.spawn(func(context.Context) { p.work() })
	}
	return false, e
}

// judgeAtOnce looks through a line where that is cheap and nobody has to wait for it.
func (p *pattern) judgeAtOnce(i *item) (shows, done bool) {
	if p.working || p.budget.wait(time.Now()) > 0 || !p.hub.evaluating.try() {
		return false, false
	}
	defer p.hub.evaluating.leave()
	began := time.Now()
	text := searchedText(i)
	if p.cost(text) > inlineCost {
		return false, false
	}
	p.hub.stats.evaluations.Add(1)
	shows = p.matches(text)
	p.budget.spend(time.Now(), time.Since(began))
	i.remember(p.id, shows)
	return shows, true
}

// work looks through the lines of the queue.
func (p *pattern) work() {
	for {
		p.mu.Lock()
		if len(p.queue) == 0 || p.ctx.Err() != nil {
			p.working = false
			p.mu.Unlock()
			return
		}
		e := p.queue[0]
		p.queue = p.queue[1:]
		p.mu.Unlock()
		shows, err := p.evaluate(e.item)
		if err != nil { // nobody is left who waits
			continue
		}
		e.item.remember(p.id, shows)
		e.shows = shows
		p.mu.Lock()
		delete(p.running, e.item)
		p.mu.Unlock()
		close(e.done)
	}
}

// evaluate looks through one line within the budget, for as long as it takes.
func (p *pattern) evaluate(i *item) (bool, error) {
	t := &turn{pattern: p}
	if err := t.begin(); err != nil {
		return false, err
	}
	defer func() { t.end() }()
	text := searchedText(i)
	p.hub.stats.evaluations.Add(1)
	if p.expression == nil || p.cost(text) <= inlineCost {
		return p.matches(text), nil
	}
	reader := &pacedText{text: text, turn: t}
	shows := p.expression.MatchReader(reader)
	return shows, reader.err
}

// verdict is whether an item matches a pattern.
type verdict struct {
	pattern uint64
	shows   bool
}

// maxVerdicts bounds what an item remembers; further patterns displace the oldest.
const maxVerdicts = 32

func (i *item) verdict(pattern uint64) (shows, known bool) {
	all := i.verdicts.Load()
	if all == nil {
		return false, false
	}
	for _, v := range *all {
		if v.pattern == pattern {
			return v.shows, true
		}
	}
	return false, false
}

func (i *item) remember(pattern uint64, shows bool) {
	for {
		old := i.verdicts.Load()
		var all []verdict
		if old != nil {
			all = *old
			all = all[max(len(all)-maxVerdicts+1, 0):]
		}
		grown := append(append(make([]verdict, 0, len(all)+1), all...), verdict{pattern, shows})
		if i.verdicts.CompareAndSwap(old, &grown) {
			return
		}
	}
}
