// Package audit writes down who did what with channels that are not their own, and who came
// in or was refused: one JSON object a line, in a file of its own or among a program's own
// log lines.
//
//	log, err := audit.Open(audit.Options{Path: "/var/log/loglane/audit.jsonl"})
//	if err != nil {
//		return err
//	}
//	defer log.Close()
//	log.Note(audit.Entry{Action: "purge", Outcome: audit.Allowed, Who: "adam", Channel: "logs:User.alice"})
//
// Note never waits for the disk. What cannot be written waits, up to a bound; beyond it the
// newest lines are lost, and counted in the next one that is written.
package audit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxWaiting bounds the lines that wait to be written.
	maxWaiting = 4096
	// retryEvery is how often a file that cannot be written is tried.
	retryEvery = time.Second
	// lookEvery is how often at most it is asked whether the file was rotated away.
	lookEvery = time.Second
	// complainEvery is how often the same trouble is logged at most.
	complainEvery = time.Minute
	// closeTime bounds how long Close waits for the disk.
	closeTime = 2 * time.Second

	// Anybody can be refused: no more than so many refusals are written, then one more each
	// mutedEvery, and the rest are counted.
	mutedBurst = 200
	mutedEvery = 50 * time.Millisecond
)

// Options is what a [Log] is made of.
type Options struct {
	// Path is a file that lines are appended to; it is made with the mode 0600. "-" is Stderr,
	// "" is the Logger, whose lines say "audit".
	Path string
	// Stderr is where "-" leads.
	Stderr io.Writer
	// Logger gets the lines where there is no Path, and troubles with it; default slog.Default().
	Logger *slog.Logger

	open func(path string) (file, error) // of a test; nil is openFile
}

// A Log is an audit. Its methods may be called concurrently; [Log.Close] ends it.
type Log struct {
	log  *slog.Logger
	sink *sink // nil is the Logger

	queue    chan line
	written  atomic.Int64
	lost     atomic.Int64 // all of them
	unsaid   atomic.Int64 // those that no line has told yet
	muted    muted
	failing  atomic.Bool
	reopen   chan struct{}
	stop     context.CancelFunc
	stopped  chan struct{}
	closing  sync.RWMutex // held for reading by who sends to queue
	isClosed bool
}

// A line waits to be written; done may be nil.
type line struct {
	text []byte
	done chan<- error
}

// Open returns an audit; with a Path it starts one goroutine. It fails where the file cannot
// be opened.
func Open(o Options) (*Log, error) {
	l := &Log{log: o.Logger, reopen: make(chan struct{}, 1), muted: muted{now: time.Now}}
	if l.log == nil {
		l.log = slog.Default()
	}
	if o.Path == "" {
		return l, nil
	}
	var err error
	if l.sink, err = openSink(o); err != nil {
		return nil, err
	}
	l.queue = make(chan line, maxWaiting)
	l.stopped = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	go func() {
		defer close(l.stopped)
		l.run(ctx)
	}()
	return l, nil
}

// Stats are counts of an audit's lines.
type Stats struct{ Written, Lost, Muted int64 }

// Stats returns the counts of now.
func (l *Log) Stats() Stats {
	return Stats{Written: l.written.Load(), Lost: l.lost.Load(), Muted: l.muted.all()}
}

// Note writes an entry, or lets it wait; it does not block.
func (l *Log) Note(e Entry) { _ = l.send(e, nil) }

// ErrUnwritten says that an entry is not written.
var ErrUnwritten = errors.New("the audit log cannot be written")

// Commit writes an entry and returns once it is written, or [ErrUnwritten] where that is not
// so when ctx ends; it may be written later then.
func (l *Log) Commit(ctx context.Context, e Entry) error {
	if l.failing.Load() { // it is tried again with what waits already
		_ = l.send(e, nil)
		return ErrUnwritten
	}
	done := make(chan error, 1)
	if err := l.send(e, done); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ErrUnwritten
	}
}

func (l *Log) send(e Entry, done chan<- error) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC()
	if e.Outcome == Refused {
		if !l.muted.take() {
			return nil
		}
	}
	e.Muted = l.muted.untold()
	if l.sink == nil {
		l.log.LogAttrs(context.Background(), slog.LevelInfo, "audit", e.attrs()...)
		l.written.Add(1)
		if done != nil {
			done <- nil
		}
		return nil
	}
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // texts and numbers can be marshalled
	}
	l.closing.RLock()
	defer l.closing.RUnlock()
	if !l.isClosed {
		select {
		case l.queue <- line{text: append(text, '\n'), done: done}:
			return nil
		default:
		}
	}
	l.lost.Add(1)
	l.unsaid.Add(1)
	return ErrUnwritten
}

// Reopen lets the file be opened anew with the next line, as after a rotation. It does not
// block.
func (l *Log) Reopen() {
	select {
	case l.reopen <- struct{}{}:
	default:
	}
}

// Close writes what waits, for up to two seconds, and closes the file. Later entries are
// lost. It is not called concurrently.
func (l *Log) Close() error {
	if l.sink == nil {
		return nil
	}
	l.closing.Lock()
	if !l.isClosed {
		l.isClosed = true
		close(l.queue)
	}
	l.closing.Unlock()
	timer := time.AfterFunc(closeTime, l.stop)
	defer timer.Stop()
	<-l.stopped
	l.stop()
	return l.sink.close()
}
