package logship

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/loglane/loglane"
)

// A Handler is a [slog.Handler] that publishes each record to the channel of the
// context's user or job and to the global one. Its methods may be called concurrently.
// Handlers made of it by WithAttrs and WithGroup share its queue; Flush, Shutdown and
// Stats of any of them are those of all.
type Handler struct {
	opts   *Options
	ship   *shipper
	next   slog.Handler
	prefix prefix
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a handler that publishes to sink as a new producer. It starts
// nothing; the first record starts a goroutine, and at most eight run, only while there
// is something to send. [Handler.Shutdown] ends them.
func NewHandler(sink Sink, opts *Options) *Handler {
	o := opts.settled()
	p := emptyPrefix
	p.lifted = liftedOf(o.Logger, o.Pod)
	return &Handler{opts: &o, ship: newShipper(sink, &o), next: o.Next, prefix: p}
}

func liftedOf(logger, pod string) (l lifted) {
	for i, value := range []string{logger, pod} {
		if value != "" {
			l[i] = string(appendString(nil, value))
		}
	}
	return l
}

// Enabled implements [slog.Handler]: whether the level is published or Options.Next
// wants it.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.opts.Level.Level() || h.next != nil && h.next.Enabled(ctx, level)
}

// Handle implements [slog.Handler]. It puts the record into the queue and never waits
// for the sink, unless Options.Block says so. Its errors are [ErrShutdown] and those of
// Options.Next; [slog.Logger] discards them. A full queue is no error: the drop is
// counted, and told in the channel.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if h.next == nil {
		return h.publish(ctx, r)
	}
	var err, nextErr error
	if r.Level >= h.opts.Level.Level() {
		err = h.publish(ctx, r)
	}
	if h.next.Enabled(ctx, r.Level) {
		nextErr = h.next.Handle(ctx, r.Clone())
	}
	return errors.Join(err, nextErr)
}

func (h *Handler) publish(ctx context.Context, r slog.Record) error {
	id := identityOf(ctx)
	if id.mute {
		return nil
	}
	to, misnamed := h.destination(id)
	record := h.opts.encode(r, &h.prefix, loglane.ContextOf(to))
	return h.ship.accept(ctx, record, to, r.Level >= h.opts.Global.Level(), misnamed)
}

// destination returns the channel of an identity, and why it is not the user's own.
func (h *Handler) destination(id *identity) (channel string, misnamed error) {
	switch {
	case id.channel != "":
		return id.channel, nil
	case id.user == "":
		return h.ship.own, nil
	}
	p := id.placeFor(h.opts.Template)
	if p.err != nil {
		return h.ship.own, p.err
	}
	return p.channel, nil
}

// WithAttrs implements [slog.Handler].
func (h *Handler) WithAttrs(list []slog.Attr) slog.Handler {
	if len(list) == 0 {
		return h
	}
	c := *h
	c.prefix = h.prefix.withAttrs(list, 2*h.opts.MaxLine, h.opts.ReplaceAttr)
	if h.next != nil {
		c.next = h.next.WithAttrs(list)
	}
	return &c
}

// WithGroup implements [slog.Handler].
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix = h.prefix.withGroup(name)
	if h.next != nil {
		c.next = h.next.WithGroup(name)
	}
	return &c
}

// Context returns the context, the channel's name without "logs:", that lines logged
// with ctx go to.
func (h *Handler) Context(ctx context.Context) string {
	channel, _ := h.destination(identityOf(ctx))
	return loglane.ContextOf(channel)
}

// Flush waits until every line that was logged before is acknowledged by the sink in
// each of its channels. It fails with ctx's error when ctx ends first, and with
// [ErrShutdown] when Shutdown gave up on them.
func (h *Handler) Flush(ctx context.Context) error {
	err := h.ship.flush(ctx)
	if err == nil || errors.Is(err, ErrShutdown) {
		return err
	}
	return fmt.Errorf("logship: log lines are not yet acknowledged: %w", err)
}

// Shutdown refuses further records, waits as Flush does, and then for all that the
// handler started. When ctx ends first, it gives up the lines that are left, says in the
// error how many, and waits for nothing more: calling it again waits for a sink that
// does not return. What the sink acknowledged in the last 10 s is no longer kept for
// sending it again.
func (h *Handler) Shutdown(ctx context.Context) error { return h.ship.shutdown(ctx) }

// Stats tells what became of the records so far.
func (h *Handler) Stats() Stats { return h.ship.statsNow() }
