package logship

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// ErrShutdown says that a record came after [Handler.Shutdown].
var ErrShutdown = errors.New("logship: the handler is shut down")

const (
	maxWorkers = 8
	// maxProbing bounds the workers that try queues whose last try failed, so that
	// channels that are stuck leave workers to the others.
	maxProbing = 4
	// maxKept bounds the records that are kept after their acknowledgement, in bytes.
	maxKept = 1 << 20
	// maxQueues bounds the channels whose only news is that lines were dropped.
	maxQueues = 16384
)

// A shipper brings lines to the sink: each channel in order and one batch at a time, the
// channels beside each other. Workers run only while a queue is ready for them.
type shipper struct {
	sink     Sink
	opts     *Options
	producer string
	own      string // the channel of the process's own lines
	started  time.Time
	report   reporter
	copies   bool          // the sink brings lines to the global channel itself
	timeout  time.Duration // of one call of the sink

	// halt ends the calls of the sink; the workers, which start at any time, share it.
	halting context.Context
	halt    context.CancelFunc

	mu     sync.Mutex
	queues map[string]*queue
	k      uint64
	load   load
	stats  Stats

	ready   []*queue // first come, first served
	retry   []*queue // ready too, and failed the last time
	workers int
	probing int

	wakes   agenda // resting queues by the time when they want to be sent
	keeping agenda // queues that keep lines, by the time of the oldest
	alarm   *time.Timer
	alarmAt time.Duration
	armed   bool

	failing bool          // a call of the sink failed since the last that did not
	room    chan struct{} // closed when a full queue may have room; nil where nobody waits
	closed  bool          // no further records
	halted  bool          // no further calls of the sink
	ended   chan struct{}
}

func newShipper(sink Sink, opts *Options) *shipper {
	halting, halt := context.WithCancel(context.Background())
	s := &shipper{
		sink: sink, opts: opts, producer: loglane.NewProducer(),
		own:     loglane.ChannelPrefix + loglane.NewJobContext(),
		started: time.Now(),
		report:  reporter{log: opts.ErrorLog},
		halting: halting, halt: halt,
		queues:  make(map[string]*queue),
		wakes:   agenda{at: func(q *queue) time.Duration { return q.wakeAt }, pos: func(q *queue) *int { return &q.wakePos }},
		keeping: agenda{at: (*queue).firstKeptAt, pos: func(q *queue) *int { return &q.keptPos }},
		ended:   make(chan struct{}),
		timeout: appendTimeout,
	}
	if c, ok := sink.(GlobalCopier); ok {
		s.copies = c.CopiesGlobal()
	}
	if t, ok := sink.(Timed); ok {
		s.timeout = t.Timeout()
	}
	return s
}

// now is the time since the start, on the monotonic clock.
func (s *shipper) now() time.Duration { return time.Since(s.started) }

// number returns the next line's number. Every other number stays free, for a line that
// must come before one that has its number already; not so where the sink wants them
// consecutive within a channel, which goes on above all that any channel had, for it is
// forgotten when it is quiet.
func (s *shipper) number(q *queue) uint64 {
	if !s.copies {
		s.k += 2
		return s.k
	}
	q.k++
	s.k = max(s.k, q.k)
	return q.k
}

// accept takes a record for a channel and, where wanted, for the global one.
func (s *shipper) accept(ctx context.Context, record []byte, channel string, global bool, misnamed error) error {
	global = global && channel != loglane.GlobalChannel && !s.copies
	l := &line{record: record}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.Block {
		s.awaitRoom(ctx, l, channel, global)
	}
	if s.closed {
		s.stats.Dropped++
		return ErrShutdown
	}
	if misnamed != nil {
		s.warnMisnamed(misnamed)
	}
	queues := [2]*queue{s.admit(channel, l)}
	if global {
		queues[1] = s.admit(loglane.GlobalChannel, l)
	}
	for _, q := range queues {
		if q == nil {
			continue
		}
		if l.k == 0 { // after the notes that admit may have written before it
			l.k = s.number(q)
		}
		s.push(q, l)
	}
	return nil
}

// warnMisnamed tells the first time, and then ever more rarely, that lines stand in the
// process's own channel because of their user's name.
func (s *shipper) warnMisnamed(why error) {
	s.stats.Misnamed++
	if n := math.Log10(float64(s.stats.Misnamed)); n != math.Trunc(n) {
		return
	}
	text := fmt.Sprintf("log lines whose user's name cannot be a channel stand here, %d so far: %v", s.stats.Misnamed, why)
	s.pushNote(s.queueOf(s.own), slog.LevelWarn, text)
}

// admit returns the queue that l may enter; nil where it is full, and l is counted.
func (s *shipper) admit(channel string, l *line) *queue {
	q := s.queues[channel]
	limit := s.fullFor(q, l)
	if limit == "" {
		if q == nil {
			q = s.queueOf(channel)
		}
		s.tellDropped(q)
		return q
	}
	if q == nil && len(s.queues) >= maxQueues {
		channel = s.own
	}
	q = s.queueOf(channel)
	q.dropped++
	q.limit = limit
	s.stats.Dropped++
	s.settle(q)
	return nil
}

// fullFor returns the option that keeps l out of q, "" where it may enter.
func (s *shipper) fullFor(q *queue, l *line) string {
	bytes, lines := 0, 0
	if q != nil {
		bytes, lines = q.bytes, q.waiting()
	}
	switch {
	case lines >= s.opts.QueueLines:
		return "QueueLines"
	case bytes+l.size() > s.opts.QueueBytes/2, s.load.waiting+l.size() > s.opts.QueueBytes:
		return "QueueBytes"
	}
	return ""
}

// tellDropped puts the count of lines that were dropped where they are missing.
func (s *shipper) tellDropped(q *queue) {
	if q.dropped == 0 {
		return
	}
	text := fmt.Sprintf("%s dropped: the queue was full (Options.%s)", countLines(q.dropped), q.limit)
	q.dropped = 0
	s.pushNote(q, slog.LevelWarn, text)
}

func countLines(n uint64) string {
	if n == 1 {
		return "1 log line"
	}
	return fmt.Sprintf("%d log lines", n)
}

// pushNote adds a line of the handler's own, also to a full queue.
func (s *shipper) pushNote(q *queue, level slog.Level, text string) {
	record := noteRecord(level, loglane.ContextOf(q.channel), text)
	s.push(q, &line{k: s.number(q), record: record, note: true})
}

func (s *shipper) push(q *queue, l *line) {
	q.lines = append(q.lines, entry{line: l})
	s.load.wait(q, l)
	s.settle(q)
}

func (s *shipper) queueOf(channel string) *queue {
	q := s.queues[channel]
	if q == nil {
		q = newQueue(channel)
		q.k = s.k
		s.queues[channel] = q
	}
	return q
}

// settle finds what a queue does next after something about it has changed.
func (s *shipper) settle(q *queue) {
	if q.activity != resting || s.halted {
		return
	}
	at, wakes := q.wake()
	switch {
	case !wakes:
		s.wakes.remove(q)
		delete(s.queues, q.channel)
	case at <= s.now():
		s.wakes.remove(q)
		s.makeReady(q)
	case q.wakePos < 0 || q.wakeAt != at:
		q.wakeAt = at
		s.wakes.put(q)
		s.arm()
	}
}

func (s *shipper) makeReady(q *queue) {
	q.activity = ready
	if q.pause.failing() {
		s.retry = append(s.retry, q)
	} else {
		s.ready = append(s.ready, q)
	}
	if s.workers < maxWorkers {
		s.workers++
		go s.work()
	}
}

// arm sets the alarm to the earliest wake time. One that is too early does no harm.
func (s *shipper) arm() {
	q := s.wakes.first()
	if q == nil || s.armed && s.alarmAt <= q.wakeAt {
		return
	}
	if s.armed && !s.alarm.Stop() {
		return // it is ringing, and arms itself again
	}
	s.armed, s.alarmAt = true, q.wakeAt
	s.alarm = time.AfterFunc(q.wakeAt-s.now(), s.ring)
}

func (s *shipper) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	for q := s.wakes.first(); q != nil && q.wakeAt <= s.now() && !s.halted; q = s.wakes.first() {
		s.wakes.remove(q)
		s.settle(q)
	}
	if !s.halted {
		s.arm()
	}
	s.endIfIdle()
}

// endIfIdle tells Shutdown that nothing runs any more.
func (s *shipper) endIfIdle() {
	if s.halted && s.workers == 0 && !s.armed {
		select {
		case <-s.ended:
		default:
			close(s.ended)
		}
	}
}
