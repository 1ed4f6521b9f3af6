package logship

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/loglane/loglane"
)

const (
	// appendTimeout bounds one call of a sink that is not [Timed].
	appendTimeout = 5 * time.Second
	// maxRetryAfter bounds what a [Delayed] error may ask for.
	maxRetryAfter = time.Minute
)

// work sends ready queues until there is none.
func (s *shipper) work() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.halted {
		q := s.take()
		if q == nil {
			break
		}
		s.send(q)
		if q.probing {
			q.probing = false
			s.probing--
		}
		q.activity = resting
		s.settle(q)
	}
	s.workers--
	s.endIfIdle()
}

// take returns the next queue for a worker, nil for none.
func (s *shipper) take() (q *queue) {
	switch {
	case len(s.retry) > 0 && s.probing < maxProbing:
		q, s.retry = s.retry[0], s.retry[1:]
		q.probing = true
		s.probing++
	case len(s.ready) > 0:
		q, s.ready = s.ready[0], s.ready[1:]
	default:
		return nil
	}
	q.activity = sending
	return q
}

// send makes one call of the sink, without the lock.
func (s *shipper) send(q *queue) {
	again := q.batch != nil
	if !again && s.flows(q) {
		s.tellDropped(q)
	}
	batch := q.next(s.producer)
	if batch == nil {
		return
	}
	if again {
		s.stats.Resent += uint64(len(batch.Lines))
	}
	q.sentAt = s.now()
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.halting, s.timeout)
	_, err := s.sink.Append(ctx, q.channel, *batch)
	cancel()
	s.mu.Lock()
	if err == nil {
		s.acknowledge(q, nil)
		return
	}
	if rejection, ok := errors.AsType[*RejectedError](err); ok {
		s.acknowledge(q, rejection.Lines)
		return
	}
	if refusal, ok := errors.AsType[*loglane.RefusedError](err); ok && batch.After > 0 {
		s.goBack(q, refusal.After)
		return
	}
	s.fail(q, err)
}

// flows says whether a queue that was full has room enough for it to last.
func (s *shipper) flows(q *queue) bool {
	return q.waiting() == 0 ||
		q.waiting() <= s.opts.QueueLines/2 && q.bytes <= s.opts.QueueBytes/4 && s.load.waiting <= s.opts.QueueBytes/2
}

// acknowledge keeps the lines of the batch but those that are rejected, and lets go those
// that this batch has shown to be there still.
func (s *shipper) acknowledge(q *queue, rejected []RejectedLine) {
	now, batch := s.now(), q.batch
	s.giveUp(q, rejected)
	q.round++
	for i := q.acked; i < q.acked+q.flying; i++ {
		e := &q.lines[i]
		e.acked, e.round = now, q.round
		s.load.unwait(q, e.line)
		s.load.keep(e.line)
	}
	s.stats.Sent += uint64(q.flying)
	q.acked += q.flying
	q.flying, q.batch, q.retryAt = 0, nil, 0
	q.pause.reset()
	shown := 0
	for shown < q.acked && q.lines[shown].line.k <= batch.After && q.lines[shown].acked <= q.sentAt-keepFor {
		shown++
	}
	s.letGo(q, shown)
	for s.load.kept > maxKept {
		oldest := s.keeping.first()
		s.letGo(oldest, 1)
		if oldest != q {
			s.settle(oldest)
		}
	}
	if len(batch.Lines) > 0 {
		q.flushed(batch.Lines[len(batch.Lines)-1].K)
		s.makeRoom()
	}
	if s.failing {
		s.failing = false
		s.tell(sinkBack, slog.LevelInfo, "the sink takes log lines again")
	}
}

// letGo forgets the n oldest kept lines.
func (s *shipper) letGo(q *queue, n int) {
	for i := range n {
		q.gone.add(q.lines[i])
		s.load.unkeep(q.lines[i].line)
		q.lines[i] = entry{}
	}
	q.lines = q.lines[n:]
	q.acked -= n
	s.sortKept(q)
}

func (s *shipper) sortKept(q *queue) {
	if q.acked == 0 {
		s.keeping.remove(q)
	} else {
		s.keeping.put(q)
	}
}

// goBack makes every kept line above number after wait again, for the sink has lost it.
func (s *shipper) goBack(q *queue, after uint64) {
	from := q.above(after)
	again := q.acked - from
	for i := from; i < q.acked; i++ {
		s.load.unkeep(q.lines[i].line)
		s.load.wait(q, q.lines[i].line)
	}
	q.acked, q.flying, q.batch = from, 0, nil
	s.sortKept(q)
	s.stats.Refused++
	s.stats.Resent += uint64(again)
	upTo := q.gone.k
	lost, exact := q.gone.since(after)
	if lost > 0 {
		s.tellLost(q, upTo, lost, exact)
	}
	q.pause.reset()
	q.retryAt = 0
	s.tell(sinkLost, slog.LevelWarn, "the sink lost log lines that it had acknowledged",
		"channel", q.channel, "sent_again", again, "lost", lost)
}

// tellLost puts a line where lines up to number upTo are missing that are no longer kept.
func (s *shipper) tellLost(q *queue, upTo, lost uint64, exact bool) {
	s.stats.Lost += lost
	count := countLines(lost)
	if !exact {
		count = fmt.Sprintf("an unknown number of log lines, at least %d,", lost)
	}
	text := count + " lost here: the broker lost them after it had acknowledged them, and they were no longer kept"
	place := upTo // consecutive numbers leave none free; who had that line has lost nothing
	if len(q.lines) > 0 && !s.copies {
		place = q.lines[0].line.k - 1
	}
	if len(q.lines) == 0 || place <= upTo && !s.copies { // its place is taken
		s.pushNote(q, slog.LevelError, text)
		return
	}
	note := &line{
		k:      place,
		record: noteRecord(slog.LevelError, loglane.ContextOf(q.channel), text),
		note:   true,
	}
	q.lines = slices.Insert(q.lines, 0, entry{line: note})
	s.load.wait(q, note)
}

// fail leaves the batch to be sent again: whether it was stored is unknown.
func (s *shipper) fail(q *queue, err error) {
	wait := q.pause.next()
	if d, ok := errors.AsType[Delayed](err); ok {
		wait = max(wait, min(d.RetryAfter(), maxRetryAfter)+rand.N(firstPause))
	}
	q.retryAt = s.now() + wait
	if s.halted {
		return
	}
	s.failing = true
	s.tell(sinkFails, slog.LevelError, "the sink does not take log lines, they are kept and sent again",
		"channel", q.channel, "error", err)
}

// tell reports a trouble without the lock, for the reporter may write to a slow disk.
func (s *shipper) tell(kind trouble, level slog.Level, message string, args ...any) {
	s.mu.Unlock()
	defer s.mu.Lock()
	s.report.report(kind, level, message, args...)
}
