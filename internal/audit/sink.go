package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// file is what lines are appended to.
type file interface {
	io.WriteCloser
	Stat() (fs.FileInfo, error)
}

// A sink is an open file and where to find it again.
type sink struct {
	path   string // "" is never opened anew
	open   func(path string) (file, error)
	file   file // nil after it could not be opened anew
	out    io.Writer
	looked time.Time
	torn   bool // the last line was written in part
}

func openSink(o Options) (*sink, error) {
	if o.Path == "-" {
		return &sink{out: o.Stderr}, nil
	}
	s := &sink{path: o.Path, open: openFile}
	if o.open != nil {
		s.open = o.open
	}
	return s, s.renew()
}

// openFile opens a file for appending. Others than regular ones may block for ever.
func openFile(path string) (file, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

func (s *sink) renew() error {
	opened, err := s.open(s.path)
	if err != nil {
		return err
	}
	if s.file != nil {
		_ = s.file.Close() // what was written to it is there
	}
	s.file, s.out, s.torn = opened, opened, false
	return nil
}

// rotated says whether the path leads elsewhere by now, or nowhere.
func (s *sink) rotated(now time.Time) bool {
	if s.path == "" || now.Sub(s.looked) < lookEvery {
		return false
	}
	s.looked = now
	here, err := s.file.Stat()
	if err != nil {
		return true
	}
	there, err := os.Stat(s.path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(here, there)
}

// write appends a line, whole or, after an error, to be written again.
func (s *sink) write(text []byte, again bool) error {
	if s.path != "" && (again || s.rotated(time.Now())) {
		if err := s.renew(); err != nil {
			return err
		}
	}
	if s.torn {
		text = append([]byte{'\n'}, text...)
	}
	n, err := s.out.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err != nil {
		s.torn = s.torn || n > 0
		return err
	}
	s.torn = false
	return nil
}

func (s *sink) close() error {
	if s.file == nil {
		return nil
	}
	opened := s.file
	s.file = nil
	return opened.Close()
}

// run writes what comes until the queue is closed, or ctx ends.
func (l *Log) run(ctx context.Context) {
	for next := range l.queue {
		l.keepAt(ctx, next)
	}
	if n := l.unsaid.Load(); n > 0 {
		l.log.Error("lines of the audit log are lost", "lost", n)
	}
}

// keepAt writes one line, however often that takes.
func (l *Log) keepAt(ctx context.Context, next line) {
	var complained time.Time
	for {
		err := l.writeOne(next.text)
		if err == nil {
			l.written.Add(1)
			if l.failing.Swap(false) {
				l.log.Info("the audit log is written again", "lost", l.lost.Load())
			}
			next.answer(nil)
			return
		}
		l.failing.Store(true)
		next.answer(ErrUnwritten)
		next.done = nil
		if time.Since(complained) >= complainEvery {
			complained = time.Now()
			l.log.Error("the audit log cannot be written (audit-log): lines wait, and beyond a bound they are lost",
				"error", err, "waiting", len(l.queue)+1, "most", maxWaiting, "lost", l.lost.Load())
		}
		select {
		case <-ctx.Done():
			l.lost.Add(1)
			l.unsaid.Add(1)
			return
		case <-time.After(retryEvery):
		}
	}
}

func (n line) answer(err error) {
	if n.done != nil {
		n.done <- err
	}
}

func (l *Log) writeOne(text []byte) error {
	again := false
	select {
	case <-l.reopen:
		again = true
	default:
	}
	if lost := l.unsaid.Load(); lost > 0 {
		told, err := json.Marshal(Entry{Time: time.Now().UTC(), Action: "lost", Lost: lost})
		if err != nil {
			return err
		}
		if err := l.sink.write(append(told, '\n'), again); err != nil {
			return err
		}
		l.unsaid.Add(-lost)
		again = false
	}
	return l.sink.write(text, again)
}
