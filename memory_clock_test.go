package loglane_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// inTime runs f with a memory broker in a bubble.
func inTime(t *testing.T, f func(t *testing.T, m *clockedBroker)) {
	synctest.Test(t, func(t *testing.T) {
		b, err := loglane.NewMemoryBroker(nil)
		if err != nil {
			t.Fatal(err)
		}
		f(t, &clockedBroker{MemoryBroker: b, t: t})
	})
}

type clockedBroker struct {
	*loglane.MemoryBroker
	t *testing.T
}

func (m *clockedBroker) add(channel, producer string, after, k uint64) (loglane.Receipt, error) {
	return m.Append(m.t.Context(), channel, loglane.Batch{Producer: producer, After: after, Lines: []loglane.Line{{K: k, Record: []byte(`{"message":"x"}`)}}})
}

func (m *clockedBroker) after(c loglane.Cursor) loglane.Page {
	m.t.Helper()
	page, err := m.Read(m.t.Context(), aliceChannel, loglane.After(c), 100)
	if err != nil {
		m.t.Fatal(err)
	}
	return page
}

func TestMemoryForgetsSilentProducers(t *testing.T) {
	inTime(t, func(t *testing.T, m *clockedBroker) {
		m.add(aliceChannel, "alpha", 0, 7)
		time.Sleep(14 * time.Minute)
		if receipt, err := m.add(aliceChannel, "alpha", 7, 7); err != nil || receipt.Duplicates != 1 {
			t.Errorf("after 14 minutes: %+v, %v", receipt, err)
		}
		time.Sleep(14 * time.Minute) // a duplicate is no silence
		if receipt, err := m.add(aliceChannel, "alpha", 7, 7); err != nil || receipt.Duplicates != 1 {
			t.Errorf("14 minutes later: %+v, %v", receipt, err)
		}
		time.Sleep(16 * time.Minute)
		if receipt, err := m.add(aliceChannel, "alpha", 0, 7); err != nil || receipt.Stored != 1 {
			t.Errorf("without a claim, after 16 minutes of silence: %+v, %v", receipt, err)
		}
		time.Sleep(16 * time.Minute) // a claim holds as long as the history shows it
		var refused *loglane.RefusedError
		if _, err := m.add(aliceChannel, "alpha", 8, 9); !errors.As(err, &refused) || refused.After != 7 {
			t.Errorf("a claim beyond the history, after 16 minutes of silence: %v", err)
		}
		if receipt, err := m.add(aliceChannel, "alpha", 7, 7); err != nil || receipt.Duplicates != 1 {
			t.Errorf("a claim that the history shows: %+v, %v", receipt, err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := m.add(aliceChannel, "alpha", 7, 8); !errors.As(err, &refused) || refused.After != 0 {
			t.Errorf("a claim without a history, after 2 hours of silence: %v", err)
		}
	})
}

// However many producers come, and while all of them live, their number is bounded, and the
// last ones are remembered.
func TestMemoryBoundsProducers(t *testing.T) {
	inTime(t, func(t *testing.T, m *clockedBroker) {
		name := func(i int) string { return fmt.Sprint("n", i) }
		const come = loglane.MaxProducers + 5000
		for i := range come {
			if receipt, err := m.add(aliceChannel, name(i), 0, 1); err != nil || receipt.Stored != 1 {
				t.Fatalf("producer %d: %+v, %v", i, receipt, err)
			}
			if i%100 == 0 {
				time.Sleep(time.Second)
			}
		}
		if n := m.Producers(aliceChannel); n > loglane.MaxProducers {
			t.Errorf("%d producers are remembered", n)
		}
		for i := come - 1000; i < come; i++ {
			if receipt, err := m.add(aliceChannel, name(i), 1, 1); err != nil || receipt.Duplicates != 1 {
				t.Fatalf("producer %d, that has just come: %+v, %v", i, receipt, err)
			}
		}
		time.Sleep(16 * time.Minute)
		for i := range 10_000 {
			m.add(aliceChannel, fmt.Sprint("later", i), 0, 1)
		}
		if n := m.Producers(aliceChannel); n > 12_000 {
			t.Errorf("%d producers are remembered of 10000 that live", n)
		}
	})
}

func TestMemoryHistoryEnds(t *testing.T) {
	for channel, ttl := range map[string]time.Duration{aliceChannel: time.Hour, loglane.GlobalChannel: 24 * time.Hour} {
		inTime(t, func(t *testing.T, m *clockedBroker) {
			m.add(channel, "alpha", 0, 1)
			time.Sleep(ttl - time.Minute)
			m.add(channel, "alpha", 0, 2)
			time.Sleep(ttl - time.Second)
			page, err := m.Read(t.Context(), channel, loglane.Oldest(), 10)
			if err != nil || len(page.Entries) != 2 {
				t.Errorf("%s: %d entries just before the end, %v", channel, len(page.Entries), err)
			}
			time.Sleep(2 * time.Second)
			page, err = m.Read(t.Context(), channel, loglane.Oldest(), 10)
			if err != nil || len(page.Entries) != 0 || page.Epoch == "" {
				t.Errorf("%s: %d entries after the end, epoch %q, %v", channel, len(page.Entries), page.Epoch, err)
			}
		})
	}
}

// From the first moment without a history on, its end is expiry and no loss.
func TestMemoryExpiryIsNoLoss(t *testing.T) {
	inTime(t, func(t *testing.T, m *clockedBroker) {
		m.add(aliceChannel, "alpha", 0, 1)
		first := m.after(loglane.Cursor{}).Tail
		m.add(aliceChannel, "alpha", 0, 2)
		time.Sleep(time.Hour - 3*time.Millisecond)
		for range 30 {
			time.Sleep(time.Millisecond / 5)
			synctest.Wait()
			page := m.after(first)
			if kept := !page.Tail.ID.IsZero(); kept && page.Status != loglane.OK || !kept && page.Status != loglane.StatusExpired {
				t.Fatalf("history kept %v: status %v", kept, page.Status)
			}
		}
		if page := m.after(first); page.Status != loglane.StatusExpired || page.Missed != 1 {
			t.Errorf("status %v, missed %d", page.Status, page.Missed)
		}
	})
}

func TestMemoryKeepsTheNumberingForAWeek(t *testing.T) {
	inTime(t, func(t *testing.T, m *clockedBroker) {
		m.add(aliceChannel, "alpha", 0, 1)
		last := m.after(loglane.Cursor{}).Tail
		time.Sleep(6 * 24 * time.Hour)
		m.add(aliceChannel, "beta", 0, 1)
		page := m.after(last)
		if page.Status != loglane.OK || len(page.Entries) != 1 || page.Entries[0].Cursor.N != 2 || page.Entries[0].Prev != last.ID {
			t.Errorf("after six days: %+v", page)
		}
		time.Sleep(8 * 24 * time.Hour)
		if n := m.Channels(); n != 0 {
			t.Errorf("after a week of silence %d channels are held", n)
		}
		m.add(aliceChannel, "alpha", 0, 1)
		if now := m.after(loglane.Cursor{}).Tail; now.Epoch == last.Epoch || now.N != 1 {
			t.Errorf("the first line after the week is %v, before it was %v", now, last)
		}
	})
}

func TestMemoryKeepsTheNumberingOfAFollowedChannel(t *testing.T) {
	inTime(t, func(t *testing.T, m *clockedBroker) {
		m.add(aliceChannel, "alpha", 0, 1)
		last := m.after(loglane.Cursor{}).Tail
		stop := m.Follow(aliceChannel, func(loglane.Event) {})
		time.Sleep(30 * 24 * time.Hour)
		m.add(aliceChannel, "alpha", 0, 1)
		if page := m.after(last); page.Status != loglane.OK || page.Tail.N != 2 {
			t.Errorf("after a month of being followed: status %v, tail %v", page.Status, page.Tail)
		}
		stop()
		time.Sleep(9 * 24 * time.Hour)
		if n := m.Channels(); n != 0 {
			t.Errorf("%d channels are held", n)
		}
	})
}

func TestMemoryReadsMakeNoChannels(t *testing.T) {
	inTime(t, func(t *testing.T, m *clockedBroker) {
		for n := range 100 {
			if _, err := m.Read(t.Context(), fmt.Sprintf("logs:%d", n), loglane.Oldest(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if n := m.Channels(); n != 0 {
			t.Errorf("%d channels are held", n)
		}
		m.Follow(aliceChannel, func(loglane.Event) {})()
		time.Sleep(8 * 24 * time.Hour)
		if n := m.Channels(); n != 0 {
			t.Errorf("%d channels are held for nobody", n)
		}
	})
}

func TestRetentionChecks(t *testing.T) {
	filled := loglane.Retention{}.WithDefaults(loglane.DefaultHistoryTTL)
	if filled != (loglane.Retention{Lines: 1000, Bytes: 2 << 20, TTL: time.Hour}) || filled.Check() != nil {
		t.Errorf("the defaults are %+v: %v", filled, filled.Check())
	}
	kept := loglane.Retention{Lines: 5, Bytes: 1 << 20, TTL: time.Minute}
	if got := kept.WithDefaults(time.Hour); got != kept {
		t.Errorf("%+v became %+v", kept, got)
	}
	for _, c := range []struct {
		retention loglane.Retention
		names     []string
	}{
		{loglane.Retention{Lines: -1, Bytes: -1, TTL: -1}, []string{"lines", "bytes", "TTL"}},
		{loglane.Retention{Lines: 10_000_001}, []string{"lines"}},
		{loglane.Retention{Bytes: 128<<10 - 1}, []string{"bytes"}},
		{loglane.Retention{TTL: time.Second - 1}, []string{"TTL"}},
		{loglane.Retention{TTL: loglane.MetaTTL + 1}, []string{"TTL"}},
	} {
		for _, opts := range []loglane.MemoryOptions{{Retention: c.retention}, {Global: c.retention}} {
			_, err := loglane.NewMemoryBroker(&opts)
			for _, name := range c.names {
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%+v: error %v does not name %s", c.retention, err, name)
				}
			}
		}
	}
	for _, edge := range []loglane.Retention{{Lines: 1}, {Lines: 10_000_000}, {Bytes: 128 << 10}, {TTL: time.Second}, {TTL: loglane.MetaTTL}} {
		if _, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: edge, Global: edge}); err != nil {
			t.Errorf("%+v: %v", edge, err)
		}
	}
}
