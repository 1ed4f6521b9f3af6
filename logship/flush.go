package logship

import (
	"context"
	"fmt"
	"slices"
)

// A flush waits for a number of queues.
type flush struct {
	left int
	done chan struct{}
}

// A flushMark is the last line of a queue that a flush waits for.
type flushMark struct {
	k     uint64
	flush *flush
}

// flushed tells the flushes that wait for lines up to k.
func (q *queue) flushed(k uint64) {
	n := 0
	for n < len(q.flushes) && q.flushes[n].k <= k {
		f := q.flushes[n].flush
		if f.left--; f.left == 0 {
			close(f.done)
		}
		n++
	}
	q.flushes = slices.Delete(q.flushes, 0, n)
}

// flush fails with ctx's cause or ErrShutdown.
func (s *shipper) flush(ctx context.Context) error {
	f := s.beginFlush()
	select {
	case <-f.done:
		return nil
	case <-s.halting.Done():
		select {
		case <-f.done:
			return nil
		default:
			return ErrShutdown
		}
	case <-ctx.Done():
		s.abandon(f)
		return context.Cause(ctx)
	}
}

func (s *shipper) beginFlush() *flush {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &flush{done: make(chan struct{})}
	for _, q := range s.queues {
		s.tellDropped(q)
		if q.waiting() > 0 {
			f.left++
			q.flushes = append(q.flushes, flushMark{k: q.lines[len(q.lines)-1].line.k, flush: f})
		}
	}
	if f.left == 0 {
		close(f.done)
	}
	return f
}

// abandon takes a flush that nobody waits for out of the queues.
func (s *shipper) abandon(f *flush) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.queues {
		q.flushes = slices.DeleteFunc(q.flushes, func(m flushMark) bool { return m.flush == f })
	}
}

func (s *shipper) shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.makeRoom() // who waits for room is refused
	s.mu.Unlock()
	err := s.flush(ctx)
	for err == nil && s.waits() { // notes of the handler's own came meanwhile
		err = s.flush(ctx)
	}
	left := s.stop()
	select {
	case <-s.ended:
	case <-ctx.Done():
		if err == nil {
			err = context.Cause(ctx)
		}
	}
	switch {
	case left > 0:
		return fmt.Errorf("logship: %d log lines were not acknowledged: %w", left, err)
	case err != nil && err != ErrShutdown:
		return fmt.Errorf("logship: a call of the sink has not returned: %w", err)
	}
	return nil
}

func (s *shipper) waits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.queues {
		if q.waiting() > 0 {
			return true
		}
	}
	return false
}

// stop lets no further call of the sink begin, ends those under way, and returns how
// many lines are given up.
func (s *shipper) stop() (left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.queues {
		left += q.waiting()
	}
	s.halted = true
	s.halt()
	if s.armed && s.alarm.Stop() {
		s.armed = false
	}
	s.endIfIdle()
	return left
}
