package logship_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// discard acknowledges everything and keeps nothing.
type discard struct{}

func (discard) Append(context.Context, string, loglane.Batch) (loglane.Receipt, error) {
	return loglane.Receipt{}, nil
}

func BenchmarkHandle(b *testing.B) {
	h := newHandler(b, discard{}, logship.Options{QueueLines: 1 << 30, QueueBytes: 1 << 40})
	benchHandle(b, slog.New(h))
}

func benchHandle(b *testing.B, log *slog.Logger) {
	log = log.With("service", "shop", "version", "1.2.3").WithGroup("request")
	ctx := logship.WithUser(b.Context(), "alice")
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(ctx, slog.LevelInfo, "GET /products/7", slog.Int("status", 200), slog.Duration("took", time.Millisecond), slog.String("query", "a=b"))
	}
}

func BenchmarkHandleParallel(b *testing.B) {
	h := newHandler(b, discard{}, logship.Options{QueueLines: 1 << 30, QueueBytes: 1 << 40})
	log := slog.New(h)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		ctx := logship.WithJob(b.Context())
		for pb.Next() {
			log.LogAttrs(ctx, slog.LevelInfo, "a step of a job", slog.Int("step", 7))
		}
	})
}

// A record costs its own bytes and its place in the queue, whatever it carries.
func TestHandleAllocations(t *testing.T) {
	hold := make(chan struct{})
	sink := newSink(t)
	sink.setFault(func(context.Context, string, loglane.Batch) (error, error) {
		<-hold
		return nil, nil
	})
	h := newHandler(t, sink, logship.Options{})
	defer close(hold)
	log := slog.New(h).With("service", "shop")
	ctx := logship.WithUser(t.Context(), "alice")
	log.InfoContext(ctx, "first")
	allocs := testing.AllocsPerRun(500, func() {
		log.LogAttrs(ctx, slog.LevelInfo, "GET /products/7", slog.Int("status", 200), slog.String("query", "a=b"))
	})
	// The race detector empties pools at random; without it there are three.
	if allocs > 8 {
		t.Errorf("%v allocations for a record", allocs)
	}
}
