package loglane

import (
	"context"
	"io"
	"runtime"
	"time"
	"unicode/utf8"
)

// A budget is time that comes back at patternShare.
type budget struct {
	used time.Duration // at the moment at
	at   time.Time
}

// wait returns how long it takes until there is something to spend again.
func (b *budget) wait(now time.Time) time.Duration {
	b.refill(now)
	if b.used < patternBurst {
		return 0
	}
	return time.Duration(float64(b.used-patternBurst)/patternShare) + time.Millisecond
}

func (b *budget) spend(now time.Time, d time.Duration) {
	b.refill(now)
	b.used += d
}

func (b *budget) refill(now time.Time) {
	b.used = max(b.used-time.Duration(float64(now.Sub(b.at))*patternShare), 0)
	b.at = now
}

// evaluations bound how many lines are looked through at once in a hub.
type evaluations chan struct{}

func newEvaluations() evaluations { return make(evaluations, max(runtime.GOMAXPROCS(0)/2, 1)) }

func (e evaluations) try() bool {
	select {
	case e <- struct{}{}:
		return true
	default:
		return false
	}
}

func (e evaluations) enter(ctx context.Context) error {
	select {
	case e <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e evaluations) leave() { <-e }

// A turn is an evaluation's time with the processor.
type turn struct {
	pattern *pattern
	began   time.Time
	held    bool
}

// begin waits until the pattern's budget and the others allow it.
func (t *turn) begin() error {
	p := t.pattern
	for {
		p.mu.Lock()
		wait := p.budget.wait(time.Now())
		p.mu.Unlock()
		if wait == 0 {
			break
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-p.ctx.Done():
			timer.Stop()
			return context.Cause(p.ctx)
		}
	}
	if err := p.hub.evaluating.enter(p.ctx); err != nil {
		return err
	}
	t.began, t.held = time.Now(), true
	return nil
}

func (t *turn) end() {
	if !t.held {
		return
	}
	t.held = false
	p := t.pattern
	p.hub.evaluating.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget.spend(time.Now(), time.Since(t.began))
}

// yield lets others have their turn once the slice is used up.
func (t *turn) yield() error {
	if time.Since(t.began) < patternSlice {
		return nil
	}
	t.end()
	return t.begin()
}

// pacedRunes is how often a long evaluation looks at the clock.
const pacedRunes = 32

// A pacedText gives an expression its text, and keeps it within its turn. When that is
// over for good, err says why, and what the expression found does not count.
type pacedText struct {
	text string
	at   int
	n    int
	turn *turn
	err  error
}

func (r *pacedText) ReadRune() (rune, int, error) {
	if r.n++; r.n%pacedRunes == 0 && r.err == nil {
		r.err = r.turn.yield()
	}
	if r.err != nil || r.at == len(r.text) {
		return 0, 0, io.EOF
	}
	c, size := utf8.DecodeRuneInString(r.text[r.at:])
	r.at += size
	return c, size, nil
}
