package logship

import (
	"container/heap"
	"time"
)

// An agenda has queues in the order of a time that each has.
type agenda struct {
	queues []*queue
	at     func(*queue) time.Duration
	pos    func(*queue) *int
}

func (a *agenda) Len() int           { return len(a.queues) }
func (a *agenda) Less(i, j int) bool { return a.at(a.queues[i]) < a.at(a.queues[j]) }

func (a *agenda) Swap(i, j int) {
	a.queues[i], a.queues[j] = a.queues[j], a.queues[i]
	*a.pos(a.queues[i]), *a.pos(a.queues[j]) = i, j
}

// Push implements [heap.Interface]; the agenda's users call put.
func (a *agenda) Push(x any) {
	q := x.(*queue)
	*a.pos(q) = len(a.queues)
	a.queues = append(a.queues, q)
}

// Pop implements [heap.Interface]; the agenda's users call remove.
func (a *agenda) Pop() any {
	last := len(a.queues) - 1
	q := a.queues[last]
	a.queues[last] = nil
	a.queues = a.queues[:last]
	*a.pos(q) = -1
	return q
}

// put brings q to its place after its time has changed, or adds it.
func (a *agenda) put(q *queue) {
	if i := *a.pos(q); i >= 0 {
		heap.Fix(a, i)
		return
	}
	heap.Push(a, q)
}

func (a *agenda) remove(q *queue) {
	if i := *a.pos(q); i >= 0 {
		heap.Remove(a, i)
	}
}

// first is the queue with the earliest time, nil for none.
func (a *agenda) first() *queue {
	if len(a.queues) == 0 {
		return nil
	}
	return a.queues[0]
}
