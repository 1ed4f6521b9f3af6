package redisbroker

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// A questions is what servers are being asked. Its methods may be called concurrently.
type questions struct {
	mu    sync.Mutex
	ended bool
	open  sync.WaitGroup
}

// begin asks in a goroutine of its own, and returns false after end.
func (q *questions) begin(ask func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.ended {
		q.open.Go(ask)
	}
	return !q.ended
}

// end waits for all questions, and keeps further ones from beginning: a connection may look
// for its server at any time.
func (q *questions) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.open.Wait()
}

// askAll asks servers at once, and returns what was answered. Once most have answered, the
// others are not waited for; q has those that are left.
func askAll[T any](ctx context.Context, q *questions, servers []*server, ask func(context.Context, *server) (T, error)) (all []T, faults []error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	type answer struct {
		told T
		err  error
	}
	answers := make(chan answer, len(servers))
	for _, s := range servers {
		begun := q.begin(func() {
			told, err := ask(ctx, s)
			answers <- answer{told, err}
		})
		if !begun {
			answers <- answer{err: rueidis.ErrClosing}
		}
	}
	var enough <-chan time.Time
	for range servers {
		select {
		case a := <-answers:
			if a.err != nil {
				faults = append(faults, a.err)
				continue
			}
			all = append(all, a.told)
		case <-enough:
			return all, faults
		}
		if enough == nil && 2*len(all) > len(servers) {
			grace := time.NewTimer(askGrace)
			defer grace.Stop()
			enough = grace.C
		}
	}
	return all, faults
}
