package logship_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// A faultSink is a memory broker behind faults: fault, if there is one, is asked before
// each call and may make it fail before or after the broker has stored the batch.
type faultSink struct {
	*loglane.MemoryBroker

	storing  sync.Mutex
	accepted []sentBatch

	mu      sync.Mutex
	fault   func(ctx context.Context, channel string, b loglane.Batch) (before, after error)
	batches []sentBatch
	calls   map[string]int // under way, by channel
	overlap bool
	running int
	most    int // calls under way at once
}

type sentBatch struct {
	channel string
	batch   loglane.Batch
	err     error
	at      time.Time
}

func newSink(t testing.TB) *faultSink {
	t.Helper()
	return &faultSink{MemoryBroker: newBroker(t), calls: make(map[string]int)}
}

func newBroker(t testing.TB) *loglane.MemoryBroker {
	t.Helper()
	b, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{
		Retention: loglane.Retention{Lines: 100_000, Bytes: 64 << 20},
		Global:    loglane.Retention{Lines: 100_000, Bytes: 64 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rewind loses the last n batches that were accepted with lines for the channel, ""
// for any, as a failover does: none that is 10 s old.
func (s *faultSink) rewind(t testing.TB, channel string, n int) {
	t.Helper()
	s.storing.Lock()
	defer s.storing.Unlock()
	for i := len(s.accepted) - 1; i >= 0 && n > 0 && time.Since(s.accepted[i].at) < 10*time.Second; i-- {
		if channel == "" || s.accepted[i].channel == channel {
			s.accepted = slices.Delete(s.accepted, i, i+1)
			n--
		}
	}
	s.MemoryBroker = newBroker(t)
	for _, a := range s.accepted {
		a.batch.After = 0
		if _, err := s.MemoryBroker.Append(t.Context(), a.channel, a.batch); err != nil {
			t.Error(err)
		}
	}
}

func (s *faultSink) store(ctx context.Context, channel string, b loglane.Batch) (loglane.Receipt, error) {
	s.storing.Lock()
	defer s.storing.Unlock()
	receipt, err := s.MemoryBroker.Append(ctx, channel, b)
	if err == nil && len(b.Lines) > 0 {
		s.accepted = append(s.accepted, sentBatch{channel: channel, batch: b, at: time.Now()})
	}
	return receipt, err
}

func (s *faultSink) setFault(f func(context.Context, string, loglane.Batch) (before, after error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *faultSink) Append(ctx context.Context, channel string, b loglane.Batch) (loglane.Receipt, error) {
	fault := s.enter(channel)
	receipt, err := s.through(ctx, fault, channel, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.calls[channel]--
	s.batches = append(s.batches, sentBatch{channel, b, err, time.Now()})
	return receipt, err
}

func (s *faultSink) enter(channel string) func(context.Context, string, loglane.Batch) (before, after error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[channel]++; s.calls[channel] > 1 {
		s.overlap = true
	}
	s.running++
	s.most = max(s.most, s.running)
	return s.fault
}

func (s *faultSink) through(ctx context.Context, fault func(context.Context, string, loglane.Batch) (before, after error), channel string, b loglane.Batch) (loglane.Receipt, error) {
	if err := b.Check(); err != nil {
		return loglane.Receipt{}, err
	}
	if fault == nil {
		return s.store(ctx, channel, b)
	}
	before, after := fault(ctx, channel, b)
	if before != nil {
		return loglane.Receipt{}, before
	}
	receipt, err := s.store(ctx, channel, b)
	return receipt, errors.Join(err, after)
}

func (s *faultSink) mostCalls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

func (s *faultSink) sent(channel string) []sentBatch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.batches), func(b sentBatch) bool { return b.channel != channel })
}

// A record is what a test looks at of a stored line.
type record struct {
	Message   string         `json:"message"`
	Level     any            `json:"level"`
	Timestamp string         `json:"timestamp"`
	Context   string         `json:"context"`
	Logger    string         `json:"logger"`
	Attrs     map[string]any `json:"attrs"`
}

// stored returns the records of a channel, oldest first.
func stored(t testing.TB, b *loglane.MemoryBroker, channel string) []record {
	t.Helper()
	page, err := b.Read(context.Background(), channel, loglane.Oldest(), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	records := make([]record, len(page.Entries))
	for i, e := range page.Entries {
		if err := json.Unmarshal(e.Data, &records[i]); err != nil {
			t.Fatalf("%s: %v", e.Data, err)
		}
	}
	return records
}

func messages(t testing.TB, b *loglane.MemoryBroker, channel string) []string {
	t.Helper()
	var list []string
	for _, r := range stored(t, b, channel) {
		list = append(list, r.Message)
	}
	return list
}

// numbered is the messages "<prefix> 0" to "<prefix> n-1".
func numbered(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s %d", prefix, i)
	}
	return list
}

func wantMessages(t testing.TB, b *loglane.MemoryBroker, channel string, want []string) {
	t.Helper()
	got := messages(t, b, channel)
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%s has %d lines, want %d; they differ at %d:\ngot  %q\nwant %q", channel, len(got), len(want), i,
				got[max(0, min(i-1, len(got))):min(i+3, len(got))], want[max(0, min(i-1, len(want))):min(i+3, len(want))])
		}
	}
}
