package server

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A queue gives out a few places, to one user after the other however many of each wait.
type queue struct {
	places int           // at once
	each   int           // of them one user's at most
	pace   time.Duration // between two places given out; 0 is none
	burst  time.Duration // how much of the pace may be caught up at once
	hold   time.Duration // a place is given back after so long; 0 is never
	wait   time.Duration // at most
	full   func() error  // the answer to who has waited so long

	mu    sync.Mutex
	taken int
	users map[string]*queued
	order []*queued // those with somebody waiting, in their turn
	last  time.Time // when the pace is kept again
	timer *time.Timer
}

// queued are a user's places, and who waits for one.
type queued struct {
	user    string
	taken   int
	waiting []chan struct{} // closed with the place
}

// take waits for a place. release gives it back, and may be called more than once. How many
// wait is up to who bounds the requests.
func (q *queue) take(ctx context.Context, user string) (release func(), err error) {
	turn := q.join(user)
	timeout := time.NewTimer(q.wait)
	defer timeout.Stop()
	select {
	case <-turn:
		return q.placed(user), nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timeout.C:
		err = q.full()
	}
	q.leave(user, turn)
	return nil, err
}

// placed returns what gives a place back.
func (q *queue) placed(user string) (release func()) {
	once := sync.OnceFunc(func() { q.release(user) })
	if q.hold == 0 {
		return once
	}
	timer := time.AfterFunc(q.hold, once)
	return func() {
		timer.Stop()
		once()
	}
}

func (q *queue) join(user string) (turn chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.users == nil {
		q.users = make(map[string]*queued)
	}
	u := q.users[user]
	if u == nil {
		u = &queued{user: user}
		q.users[user] = u
	}
	turn = make(chan struct{})
	if u.waiting = append(u.waiting, turn); len(u.waiting) == 1 {
		q.order = append(q.order, u)
	}
	q.give()
	return turn
}

// leave ends a wait, or gives back the place that came just then.
func (q *queue) leave(user string, turn chan struct{}) {
	q.mu.Lock()
	u := q.users[user]
	at := -1
	if u != nil {
		at = slices.Index(u.waiting, turn)
	}
	if at < 0 {
		q.mu.Unlock()
		q.release(user)
		return
	}
	defer q.mu.Unlock()
	u.waiting = slices.Delete(u.waiting, at, at+1)
	if len(u.waiting) == 0 {
		q.order = slices.DeleteFunc(q.order, func(o *queued) bool { return o == u })
	}
	q.forget(u)
}

func (q *queue) release(user string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken--
	u := q.users[user]
	u.taken--
	q.forget(u)
	q.give()
}

func (q *queue) forget(u *queued) {
	if u.taken == 0 && len(u.waiting) == 0 {
		delete(q.users, u.user)
	}
}

// give gives out the places that are free, as the pace allows.
func (q *queue) give() {
	for q.taken < q.places {
		next := slices.IndexFunc(q.order, func(u *queued) bool { return u.taken < q.each })
		if next < 0 || !q.paced() {
			return
		}
		u := q.order[next]
		q.order = slices.Delete(q.order, next, next+1)
		close(u.waiting[0])
		u.waiting = u.waiting[1:]
		u.taken++
		q.taken++
		if len(u.waiting) > 0 {
			q.order = append(q.order, u)
		}
	}
}

// paced says whether a place may be given out now, and sees to it that it will be.
func (q *queue) paced() bool {
	if q.pace == 0 {
		return true
	}
	now := time.Now()
	if earliest := now.Add(-q.burst); q.last.Before(earliest) {
		q.last = earliest
	}
	if wait := q.last.Sub(now); wait > 0 {
		if q.timer != nil {
			q.timer.Stop()
		}
		q.timer = time.AfterFunc(wait, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.give()
		})
		return false
	}
	q.last = q.last.Add(q.pace)
	return true
}
