package logship

import (
	"slices"
	"time"

	"github.com/loglane/loglane"
)

// keepFor is how long an acknowledged line is kept, at least, for sending it again.
const keepFor = 10 * time.Second

// What a queue is doing.
type activity uint8

const (
	resting activity = iota // until its wake time, if it has one
	ready                   // waits for a worker
	sending                 // a worker has it
)

// A queue has one channel's lines in the order of their numbers: first those that are
// acknowledged and kept, then those in flight, then those that wait. Its owner's lock
// guards it.
type queue struct {
	channel string
	k       uint64 // the highest number given, where each channel counts its own
	lines   []entry
	acked   int // how many of lines are kept
	flying  int // how many after these are in flight
	bytes   int // of the lines that are not acknowledged, with their overhead

	dropped uint64 // since the last line that was let in
	limit   string // the option that dropped them
	gone    gone

	activity activity
	round    uint64         // counts acknowledged batches
	batch    *loglane.Batch // in flight, or to be sent again as it is
	sentAt   time.Duration
	pause    pause
	retryAt  time.Duration
	probing  bool // counted among the workers that are on failing queues

	flushes []flushMark
	wakeAt  time.Duration
	wakePos int // in the shipper's agenda, -1 for none
	keptPos int // in the shipper's list of queues that keep lines, -1 for none
}

func newQueue(channel string) *queue {
	return &queue{channel: channel, wakePos: -1, keptPos: -1}
}

// waiting is how many lines are not acknowledged, those in flight too.
func (q *queue) waiting() int { return len(q.lines) - q.acked }

// lastKept is the number that the next batch claims, 0 for none.
func (q *queue) lastKept() uint64 {
	if q.acked == 0 {
		return 0
	}
	return q.lines[q.acked-1].line.k
}

func (q *queue) firstKeptAt() time.Duration { return q.lines[0].acked }

// wake returns when the queue wants to be sent next; false is never.
func (q *queue) wake() (time.Duration, bool) {
	switch {
	case q.waiting() > 0, q.dropped > 0, q.batch != nil:
		return q.retryAt, true
	case q.acked > 0: // a batch without lines, whose After says that all is there
		return max(q.lines[q.acked-1].acked+keepFor, q.retryAt), true
	}
	return 0, false
}

// next is the batch to be sent: the same again after an unknown outcome. It is nil
// where there is nothing to say.
func (q *queue) next(producer string) *loglane.Batch {
	if q.batch != nil {
		return q.batch
	}
	b := &loglane.Batch{Producer: producer, After: q.lastKept()}
	size := 0
	for _, e := range q.lines[q.acked:] {
		size += len(e.line.record)
		if len(b.Lines) == loglane.MaxBatchLines || size > loglane.MaxBatchBytes && len(b.Lines) > 0 {
			break
		}
		b.Lines = append(b.Lines, loglane.Line{K: e.line.k, Record: e.line.record})
	}
	if len(b.Lines) == 0 && b.After == 0 {
		return nil
	}
	q.batch, q.flying = b, len(b.Lines)
	return b
}

// above returns the index of the first kept line whose number is above k.
func (q *queue) above(k uint64) int {
	i := slices.IndexFunc(q.lines[:q.acked], func(e entry) bool { return e.line.k > k })
	if i < 0 {
		return q.acked
	}
	return i
}

// A gone tells how many lines of a queue were let go after a number, as far as known.
type gone struct {
	k     uint64 // of the last one
	total uint64
	marks []goneMark // oldest first
}

// A goneMark is the end of lines that were acknowledged together: a broker that loses
// writes loses whole batches.
type goneMark struct {
	k     uint64
	total uint64 // up to and with k
	round uint64
}

const maxGoneMarks = 64

func (g *gone) add(e entry) {
	g.k = e.line.k
	g.total++
	mark := goneMark{k: g.k, total: g.total, round: e.round}
	if last := len(g.marks) - 1; last >= 0 && g.marks[last].round == e.round {
		g.marks[last] = mark
		return
	}
	if len(g.marks) == maxGoneMarks {
		g.marks = append(g.marks[:0], g.marks[1:]...)
	}
	g.marks = append(g.marks, mark)
}

// since returns how many were let go after number k, and whether it is exact or the
// least that it can be. It forgets them, for they will have been told.
func (g *gone) since(k uint64) (n uint64, exact bool) {
	if k >= g.k {
		return 0, true
	}
	i := len(g.marks)
	for i > 0 && g.marks[i-1].k > k {
		i--
	}
	switch {
	case i > 0 && g.marks[i-1].k == k:
		n, exact = g.total-g.marks[i-1].total, true
	case i < len(g.marks):
		n = g.total - g.marks[i].total + 1
	default: // what was told before reached back to here, and no mark is left of what was let go then
		n = min(g.total, 1)
	}
	g.k, g.total, g.marks = k, g.total-n, g.marks[:i]
	return n, exact
}
