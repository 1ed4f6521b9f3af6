package brokertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// patience is how long a case waits for what must come.
const patience = 30 * time.Second

// A fixture is one case's broker with a channel of its own.
type fixture struct {
	*testing.T
	Subject
	ctx     context.Context
	channel string
}

func newFixture(t *testing.T, s Subject) *fixture {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	return &fixture{T: t, Subject: s, ctx: ctx, channel: newChannel(t)}
}

func newChannel(t *testing.T) string {
	t.Helper()
	channel, err := loglane.ChannelName(loglane.NewJobContext())
	if err != nil {
		t.Fatal(err)
	}
	return channel
}

// message is the record of a producer's line.
func message(producer string, k uint64) []byte {
	return fmt.Appendf(nil, `{"message":"%s %d","level":"info"}`, producer, k)
}

// batch makes a batch of the numbers from first to last.
func batch(producer string, first, last uint64) loglane.Batch {
	b := loglane.Batch{Producer: producer}
	for k := first; k <= last; k++ {
		b.Lines = append(b.Lines, loglane.Line{K: k, Record: message(producer, k)})
	}
	return b
}

// append appends the numbers from first to last, which must be taken.
func (f *fixture) append(producer string, first, last uint64) loglane.Receipt {
	f.Helper()
	return f.accept(batch(producer, first, last))
}

func (f *fixture) accept(b loglane.Batch) loglane.Receipt {
	f.Helper()
	receipt, err := f.Append(f.ctx, f.channel, b)
	if err != nil {
		f.Fatalf("Append: %v", err)
	}
	return receipt
}

// refused appends a batch that must be refused, and returns the number to go on from.
func (f *fixture) refused(b loglane.Batch) uint64 {
	f.Helper()
	_, err := f.Append(f.ctx, f.channel, b)
	var refusal *loglane.RefusedError
	if !errors.As(err, &refusal) {
		f.Fatalf("Append with After %d: error %v, want a *RefusedError", b.After, err)
	}
	if refusal.Channel != f.channel {
		f.Errorf("the refusal names channel %q, want %q", refusal.Channel, f.channel)
	}
	return refusal.After
}

func (f *fixture) read(from loglane.From, limit int) loglane.Page {
	f.Helper()
	page, err := f.Read(f.ctx, f.channel, from, limit)
	if err != nil {
		f.Fatalf("Read: %v", err)
	}
	return page
}

// all reads the whole history.
func (f *fixture) all() []loglane.Entry {
	f.Helper()
	return f.rest(f.read(loglane.Oldest(), 100), 100)
}

// rest returns a page's entries and all that follow.
func (f *fixture) rest(page loglane.Page, limit int) []loglane.Entry {
	f.Helper()
	entries := page.Entries
	for page.More {
		if len(page.Entries) == 0 {
			f.Fatal("a page without entries says that more follow")
		}
		page = f.read(loglane.After(page.Entries[len(page.Entries)-1].Cursor), limit)
		if page.Status != loglane.OK {
			f.Fatalf("reading on after an entry just read: status %v", page.Status)
		}
		entries = append(entries, page.Entries...)
	}
	return entries
}

// last returns the newest entry.
func (f *fixture) last() loglane.Entry {
	f.Helper()
	page := f.read(loglane.Last(1), 1)
	if len(page.Entries) != 1 {
		f.Fatalf("Last(1) has %d entries", len(page.Entries))
	}
	return page.Entries[0]
}

// chained checks that entries follow each other: places rise, and where Loglane wrote an
// entry it names the one before it, and numbers rise by one.
func (f *fixture) chained(entries []loglane.Entry) {
	f.Helper()
	var n uint64
	for i, entry := range entries {
		if i > 0 && !entries[i-1].Cursor.ID.Less(entry.Cursor.ID) {
			f.Fatalf("entry %d: place %v after %v", i, entry.Cursor.ID, entries[i-1].Cursor.ID)
		}
		if entry.Foreign() {
			continue
		}
		if i > 0 && entry.Prev != entries[i-1].Cursor.ID {
			f.Fatalf("entry %d names %v as the one before it, that is %v", i, entry.Prev, entries[i-1].Cursor.ID)
		}
		if n != 0 && entry.Cursor.N != n+1 {
			f.Fatalf("entry %d: number %d after %d", i, entry.Cursor.N, n)
		}
		n = entry.Cursor.N
	}
}

// same checks that two runs of entries are equal.
func (f *fixture) same(what string, got, want []loglane.Entry) {
	f.Helper()
	if len(got) != len(want) {
		f.Fatalf("%s: %d entries, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !equal(got[i], want[i]) {
			f.Fatalf("%s: entry %d is %+v, want %+v", what, i, got[i], want[i])
		}
	}
}

func equal(a, b loglane.Entry) bool {
	return a.Cursor == b.Cursor && (a.Foreign() || a.Prev == b.Prev) &&
		bytes.Equal(a.Data, b.Data) && (a.Data == nil) == (b.Data == nil)
}

// eventually waits until a condition holds that nothing tells of.
func (f *fixture) eventually(what string, condition func() bool) {
	f.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			f.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// unknownEpoch is an epoch that no channel has.
const unknownEpoch = "AAAAAAAAAAA"
