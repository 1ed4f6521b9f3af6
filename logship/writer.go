package logship

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

const (
	// writerSync bounds how long [Writer.Sync] waits.
	writerSync = 5 * time.Second
	// maxWriterUsers bounds the users whose channels a Writer has at hand.
	maxWriterUsers = 1024
)

// WriterOptions are the settings of a [Writer]. nil and zero members are the defaults.
type WriterOptions struct {
	// Level is the level of a line that has none of its own; the zero value is
	// [slog.LevelInfo].
	Level slog.Level

	// UserKey names a member of JSON lines that names the user whose line it is, such
	// as "user", as text or a number. A line without it, or with two that differ, goes
	// where the Writer's context says. Whoever can write the member chooses the channel:
	// it must be the program, never what a request brings.
	UserKey string
}

// A Writer publishes each line that is written to it as a record, for logging packages
// that write to an [io.Writer]: zap, whose WriteSyncer it is, zerolog, and package log. A JSON object becomes the
// record with its members; any other line is a record's message. One Write may have many
// lines or a part of one.
//
// Lines go to the channel of the context that the Writer was made with, so a program
// makes a Writer for each request or names [WriterOptions.UserKey]. The record's context
// says that channel, also where a line claims another. They do not go to [Options.Next].
//
// A Writer never waits, unless [Options.Block] says so, and may be used concurrently;
// the parts of a line are then the caller's to keep together.
type Writer struct {
	h    *Handler
	ctx  context.Context
	id   *identity
	opts WriterOptions

	mu      sync.Mutex
	partial []byte // the beginning of a line
	cut     int    // bytes of that line that were too many to keep
	users   map[string]*identity
}

var _ io.WriteCloser = (*Writer)(nil)

// NewWriter returns a Writer that publishes through h to the channel of ctx. It starts
// nothing; [Writer.Close] publishes a last line that has no line break.
func NewWriter(ctx context.Context, h *Handler, opts *WriterOptions) *Writer {
	w := &Writer{h: h, ctx: ctx, id: identityOf(ctx)}
	if opts != nil {
		w.opts = *opts
	}
	return w
}

// Write implements [io.Writer]. Its only error is [ErrShutdown].
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	written := 0
	for written < len(p) {
		i := bytes.IndexByte(p[written:], '\n')
		if i < 0 {
			w.begin(p[written:])
			return len(p), nil
		}
		line := p[written : written+i]
		if len(w.partial)+w.cut > 0 {
			w.begin(line)
			line = w.partial
		}
		err := w.line(line)
		w.partial, w.cut = w.partial[:0], 0
		if cap(w.partial) > maxPooled {
			w.partial = nil
		}
		if err != nil {
			return written, err
		}
		written += i + 1
	}
	return len(p), nil
}

// begin keeps a part of a line, as far as it may become a record: a JSON object is cut by
// its message, so more of it is of use than a line may have.
func (w *Writer) begin(part []byte) {
	room := max(4*w.h.opts.MaxLine-len(w.partial), 0)
	if len(part) > room {
		w.cut += len(part) - room
		part = part[:room]
	}
	w.partial = append(w.partial, part...)
}

// Close publishes a last line without a line break. It waits for no acknowledgement:
// that is [Handler.Shutdown]. The Writer stays usable.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.partial)+w.cut == 0 {
		return nil
	}
	err := w.line(w.partial)
	w.partial, w.cut = nil, 0
	return err
}

// Sync is Close, and waits up to 5 s for the acknowledgement of all lines of the
// handler: zap calls it before a program ends in a panic.
func (w *Writer) Sync() error {
	ctx, cancel := context.WithTimeout(w.ctx, writerSync)
	defer cancel()
	return errors.Join(w.Close(), w.h.Flush(ctx))
}

// line publishes one line.
func (w *Writer) line(text []byte) error {
	o := w.h.opts
	text = bytes.TrimSuffix(text, []byte("\r"))
	object, isObject := parseObject(text)
	id, level := w.id, w.opts.Level
	if isObject {
		if user := object.text(w.opts.UserKey); user != "" {
			id = w.user(user)
		}
		if own, ok := loglane.RecordLevel(text); ok {
			level = slog.Level(own)
		}
	}
	if id.mute || level < o.Level.Level() {
		return nil
	}
	to, misnamed := w.h.destination(id)
	if !isObject {
		if len(text)+w.cut > o.MaxLine {
			text = o.cleanText(text)
		}
		object = textObject(text, w.cut, o.MaxLine)
	}
	record := o.recordOf(object, level, loglane.ContextOf(to))
	return w.h.ship.accept(w.ctx, record, to, level >= o.Global.Level(), misnamed)
}

// user has a user's identity at hand, for normalising a name is dearer than a line.
func (w *Writer) user(name string) *identity {
	id := w.users[name]
	if id == nil {
		if w.users == nil || len(w.users) >= maxWriterUsers {
			w.users = make(map[string]*identity)
		}
		id = &identity{user: name}
		w.users[name] = id
	}
	return id
}
