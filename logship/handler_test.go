package logship_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

var quiet = slog.New(slog.DiscardHandler)

// newHandler ends the handler with the test.
func newHandler(t testing.TB, sink logship.Sink, opts logship.Options) *logship.Handler {
	t.Helper()
	if opts.ErrorLog == nil {
		opts.ErrorLog = quiet
	}
	h := logship.NewHandler(sink, &opts)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = h.Shutdown(ctx) // the tests of Shutdown look at its error
	})
	return h
}

func flush(t testing.TB, h *logship.Handler) {
	t.Helper()
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// slogView is a record as slogtest expects it: the built-in members under slog's keys,
// and the attributes beside them.
func slogView(data []byte) (map[string]any, error) {
	var raw map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	view, _ := raw["attrs"].(map[string]any)
	if view == nil {
		view = make(map[string]any)
	}
	for member, key := range map[string]string{"message": slog.MessageKey, "level": slog.LevelKey, "timestamp": slog.TimeKey, "source": slog.SourceKey} {
		if value, ok := raw[member]; ok {
			view[key] = value
		}
	}
	return view, nil
}

func TestSlogtest(t *testing.T) {
	var sink *faultSink
	var h *logship.Handler
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		sink = newSink(t)
		h = newHandler(t, sink, logship.Options{AddSource: true})
		return h
	}, func(t *testing.T) map[string]any {
		flush(t, h)
		page, err := sink.Read(t.Context(), loglane.GlobalChannel, loglane.Last(1), 1)
		if err != nil || len(page.Entries) != 1 {
			t.Fatalf("%d entries, %v", len(page.Entries), err)
		}
		view, err := slogView(page.Entries[0].Data)
		if err != nil {
			t.Fatal(err)
		}
		return view
	})
}

func TestChannels(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Logger: "shop", Pod: "web-1"})
	log := slog.New(h)
	ctx := t.Context()
	alice := logship.WithUser(ctx, "alice")
	job := logship.WithJob(ctx)
	log.InfoContext(alice, "of alice")
	log.InfoContext(logship.WithUser(ctx, "bob smith"), "of bob")
	log.InfoContext(job, "of a job")
	log.InfoContext(job, "of the same job")
	log.InfoContext(ctx, "of nobody")
	log.InfoContext(logship.WithUser(alice, ""), "of nobody again")
	log.InfoContext(logship.WithJob(alice), "of another job")
	flush(t, h)

	wantMessages(t, sink.MemoryBroker, "logs:User.alice", []string{"of alice"})
	wantMessages(t, sink.MemoryBroker, "logs:User.bob%20smith", []string{"of bob"})
	if !strings.HasPrefix(h.Context(job), "job_") || h.Context(job) == h.Context(ctx) {
		t.Errorf("the job's context is %q, the process's own %q", h.Context(job), h.Context(ctx))
	}
	wantMessages(t, sink.MemoryBroker, loglane.ChannelPrefix+h.Context(job), []string{"of a job", "of the same job"})
	wantMessages(t, sink.MemoryBroker, loglane.ChannelPrefix+h.Context(ctx), []string{"of nobody", "of nobody again"})
	wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, []string{
		"of alice", "of bob", "of a job", "of the same job", "of nobody", "of nobody again", "of another job",
	})
	global := stored(t, sink.MemoryBroker, loglane.GlobalChannel)[0]
	own := stored(t, sink.MemoryBroker, "logs:User.alice")[0]
	if global.Context != "User.alice" || own.Context != "User.alice" || own.Logger != "shop" {
		t.Errorf("alice's records are %+v and %+v", own, global)
	}
}

// A line is the same line in both of its channels.
func TestOneSrc(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{})
	slog.New(h).InfoContext(logship.WithUser(t.Context(), "alice"), "x")
	flush(t, h)
	a, _ := sink.Read(t.Context(), "logs:User.alice", loglane.Last(1), 1)
	g, _ := sink.Read(t.Context(), loglane.GlobalChannel, loglane.Last(1), 1)
	if a.Entries[0].Cursor.Src != g.Entries[0].Cursor.Src {
		t.Errorf("src %v and %v", a.Entries[0].Cursor.Src, g.Entries[0].Cursor.Src)
	}
}

func TestGlobalFloor(t *testing.T) {
	for _, tt := range []struct {
		name   string
		global slog.Leveler
		want   []string
	}{
		{"on", nil, []string{"debug", "info", "warn"}},
		{"floor", slog.LevelWarn, []string{"warn"}},
		{"off", logship.GlobalOff, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink := newSink(t)
			h := newHandler(t, sink, logship.Options{Global: tt.global, Level: slog.LevelDebug})
			log, ctx := slog.New(h), logship.WithUser(t.Context(), "alice")
			log.DebugContext(ctx, "debug")
			log.InfoContext(ctx, "info")
			log.WarnContext(ctx, "warn")
			log.Log(ctx, slog.LevelDebug-1, "too low")
			flush(t, h)
			wantMessages(t, sink.MemoryBroker, "logs:User.alice", []string{"debug", "info", "warn"})
			wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, tt.want)
		})
	}
}

func TestMisnamedUser(t *testing.T) {
	sink := newSink(t)
	template, err := loglane.ParseTemplate("g{username}")
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, sink, logship.Options{Template: template})
	log := slog.New(h)
	for _, name := range []string{strings.Repeat("x", 201), "a\xff", "lobal"} {
		log.InfoContext(logship.WithUser(t.Context(), name), "kept")
	}
	flush(t, h)
	got := messages(t, sink.MemoryBroker, loglane.ChannelPrefix+h.Context(t.Context()))
	if len(got) != 4 || !strings.Contains(got[0], "cannot be a channel stand here, 1 so far") || got[1] != "kept" || got[3] != "kept" {
		t.Errorf("the process's own channel has %q", got)
	}
	wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, []string{"kept", "kept", "kept"})
	if n := h.Stats().Misnamed; n != 3 {
		t.Errorf("%d misnamed", n)
	}
}

func TestNext(t *testing.T) {
	sink := newSink(t)
	var out strings.Builder
	h := newHandler(t, sink, logship.Options{Next: slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})})
	log := slog.New(h).With("a", 1).WithGroup("g")
	log.Debug("only next", "b", 2)
	log.Info("both", "b", 2)
	flush(t, h)
	if s := out.String(); !strings.Contains(s, `msg="only next" a=1 g.b=2`) || !strings.Contains(s, "msg=both a=1 g.b=2") {
		t.Errorf("next got %s", s)
	}
	wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, []string{"both"})
}

type failingHandler struct{ slog.Handler }

func (failingHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (failingHandler) Handle(context.Context, slog.Record) error { return io.ErrClosedPipe }
func (f failingHandler) WithAttrs([]slog.Attr) slog.Handler      { return f }
func (f failingHandler) WithGroup(string) slog.Handler           { return f }

func TestNextErrorIsReturned(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Next: failingHandler{}})
	if err := h.Handle(t.Context(), slog.Record{Message: "x"}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("err = %v", err)
	}
	flush(t, h)
	wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, []string{"x"})
}

// What slog's default handler writes comes back to the handler that is the default:
// neither Next nor ErrorLog may be led there.
func TestDefaultLoggerDoesNotLoop(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	sink := newSink(t)
	sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errors.New("down"), nil })
	h := newHandler(t, sink, logship.Options{Next: before.Handler(), ErrorLog: before})
	slog.SetDefault(slog.New(h))
	slog.Info("this line is expected on standard error")
	sink.setFault(nil)
	flush(t, h)
	wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, []string{"this line is expected on standard error"})
}

// An ErrorLog that forwards to the default logger, which is the handler, publishes nothing.
func TestErrorLogIntoItself(t *testing.T) {
	sink := newSink(t)
	failed := make(chan struct{})
	var h *logship.Handler
	sink.setFault(func(_ context.Context, channel string, _ loglane.Batch) (error, error) {
		if channel == loglane.GlobalChannel {
			return nil, nil
		}
		select {
		case <-failed:
			return nil, nil
		default:
			close(failed)
			return errors.New("down"), nil
		}
	})
	h = newHandler(t, sink, logship.Options{ErrorLog: slog.New(forward{&h})})
	slog.New(h).Info("x")
	<-failed
	flush(t, h)
	wantMessages(t, sink.MemoryBroker, loglane.GlobalChannel, []string{"x"})
}

type forward struct{ to **logship.Handler }

func (f forward) Enabled(context.Context, slog.Level) bool { return true }
func (f forward) Handle(ctx context.Context, r slog.Record) error {
	return (*f.to).Handle(ctx, r)
}
func (f forward) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f forward) WithGroup(string) slog.Handler      { return f }
