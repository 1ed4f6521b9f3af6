package redisbroker_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

const (
	alice       = "logs:User.alice"
	aliceStream = "stream:logs:User.alice"
	aliceMeta   = "loglane:meta:{logs:User.alice}"
)

func lines(first, last uint64) []loglane.Line {
	var all []loglane.Line
	for k := first; k <= last; k++ {
		all = append(all, loglane.Line{K: k, Record: fmt.Appendf(nil, `{"message":"line %d"}`, k)})
	}
	return all
}

func appendTo(t *testing.T, b *redisbroker.Broker, batch loglane.Batch) loglane.Receipt {
	t.Helper()
	receipt, err := b.Append(t.Context(), alice, batch)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func readAll(t *testing.T, b *redisbroker.Broker) loglane.Page {
	t.Helper()
	page, err := b.Read(t.Context(), alice, loglane.Oldest(), 10000)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// TestMetaIsTakenBack evicts the numbering: the next append takes it back from the entries.
func TestMetaIsTakenBack(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	appendTo(t, b, loglane.Batch{Producer: "one", Lines: lines(1, 5)})
	appendTo(t, b, loglane.Batch{Producer: "two", Lines: lines(1, 3)})
	before := readAll(t, b)
	server.MustDo("DEL", aliceMeta)

	if receipt := appendTo(t, b, loglane.Batch{Producer: "one", After: 5, Lines: lines(4, 6)}); receipt.Stored != 1 || receipt.Duplicates != 2 {
		t.Errorf("one: %+v", receipt)
	}
	if receipt := appendTo(t, b, loglane.Batch{Producer: "two", Lines: lines(1, 4)}); receipt.Stored != 1 || receipt.Duplicates != 3 {
		t.Errorf("two: %+v", receipt)
	}
	after := readAll(t, b)
	if len(after.Entries) != 10 || after.Epoch == before.Epoch {
		t.Fatalf("%d entries, epoch %s after %s", len(after.Entries), after.Epoch, before.Epoch)
	}
	for i, entry := range after.Entries {
		if entry.Cursor.N != uint64(i+1) || (i > 0 && entry.Prev != after.Entries[i-1].Cursor.ID) {
			t.Errorf("entry %d: %+v", i, entry)
		}
	}
	if server.MustDo("HEXISTS", aliceMeta, "f") != "0" {
		t.Error("a foreign writer is noted")
	}
	for _, entry := range before.Entries {
		page, err := b.Read(t.Context(), alice, loglane.After(entry.Cursor), 100)
		if err != nil || page.Status != loglane.OK {
			t.Errorf("cursor %s: %v, %v", entry.Cursor, page.Status, err)
		}
	}
}

// TestHistoryWeighs holds the history to its bytes, also where lines are of mixed length.
func TestHistoryWeighs(t *testing.T) {
	server := redistest.Start(t)
	keep := loglane.Retention{Lines: 10000, Bytes: 1 << 20}
	b := open(t, server, redisbroker.Options{Retention: keep})
	k := uint64(0)
	for _, size := range []int{100, 4000, 60000, 100} {
		for range 40 {
			batch := loglane.Batch{Producer: "p"}
			for range 4 {
				k++
				record := fmt.Appendf(nil, `{"message":"%s"}`, bytes.Repeat([]byte("x"), size))
				batch.Lines = append(batch.Lines, loglane.Line{K: k, Record: record})
			}
			appendTo(t, b, batch)
			weight, err := strconv.Atoi(server.MustDo("MEMORY", "USAGE", aliceStream, "SAMPLES", "0"))
			if err != nil {
				t.Fatal(err)
			}
			if most := keep.Bytes + 32*(size+200) + 256<<10; weight > most {
				t.Fatalf("after line %d of %d bytes the history weighs %d, more than about %d", k, size, weight, most)
			}
		}
	}
	if kept := readAll(t, b).Entries; len(kept) < 100 || kept[len(kept)-1].Cursor.N != k {
		t.Errorf("%d lines are kept, up to number %d of %d", len(kept), kept[len(kept)-1].Cursor.N, k)
	}
}

// TestProducersAreForgotten lets a producer's number grow old.
func TestProducersAreForgotten(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	appendTo(t, b, loglane.Batch{Producer: "old", Lines: lines(1, 5)})
	long := strconv.FormatInt(time.Now().Add(-loglane.ProducerTTL-2*time.Second).Unix(), 10)
	server.MustDo("HSET", aliceMeta, "p:old", "5 "+long)
	if receipt := appendTo(t, b, loglane.Batch{Producer: "old", Lines: lines(1, 1)}); receipt.Stored != 1 {
		t.Errorf("the forgotten producer begins anew: %+v", receipt)
	}
	server.MustDo("HSET", aliceMeta, "p:old", "5 "+long)
	for i := range 500 {
		name := "n" + strconv.Itoa(i)
		appendTo(t, b, loglane.Batch{Producer: name, Lines: lines(1, 1)})
		server.MustDo("HSET", aliceMeta, "p:"+name, "1 "+long)
	}
	if n, err := strconv.Atoi(server.MustDo("HLEN", aliceMeta)); err != nil || n > 100 {
		t.Errorf("meta has %d fields after 500 producers came and went (%v)", n, err)
	}
}

// TestSilentProducersStayFew lets producers come while as many live as came within their
// time: those that are over are a small part beside them.
func TestSilentProducersStayFew(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	const live = 2000
	now := time.Now().Unix()
	appendTo(t, b, loglane.Batch{Producer: "first", Lines: lines(1, 1)})
	server.MustDo("EVAL", `for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], 'p:n' .. i, '1 ' .. ARGV[2]) end`, "1", aliceMeta, strconv.Itoa(live), strconv.FormatInt(now, 10))
	long := strconv.FormatInt(now-int64(loglane.ProducerTTL/time.Second)-2, 10)
	most := 0
	for i := range 2 * live { // each that comes sees the one go that came 15 minutes before
		server.MustDo("EVAL", `if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], '1 ' .. ARGV[2]) end return 1`,
			"1", aliceMeta, "p:n"+strconv.Itoa(i+1), long)
		appendTo(t, b, loglane.Batch{Producer: "n" + strconv.Itoa(live+i+1), Lines: lines(1, 1)})
		n, err := strconv.Atoi(server.MustDo("HLEN", aliceMeta))
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
	}
	if most > live+live/8+64 {
		t.Errorf("meta had %d fields while %d producers lived", most, live)
	}
	t.Logf("at most %d fields while %d producers lived", most, live)
}

// TestProducersAreBounded lets more producers live than are remembered: the longest silent
// are forgotten, and nobody is shut out.
func TestProducersAreBounded(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	appendTo(t, b, loglane.Batch{Producer: "first", Lines: lines(1, 1)})
	now := time.Now().Unix()
	// Half of them were silent for 10 minutes.
	server.MustDo("EVAL", `for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], 'p:x' .. i, '1 ' .. (ARGV[2] - (i % 2) * 600)) end`, "1", aliceMeta,
		strconv.Itoa(loglane.MaxProducers), strconv.FormatInt(now, 10))
	for i := range 300 {
		if receipt := appendTo(t, b, loglane.Batch{Producer: "n" + strconv.Itoa(i), Lines: lines(1, 2)}); receipt.Stored != 2 {
			t.Fatalf("producer %d: %+v", i, receipt)
		}
	}
	if n, err := strconv.Atoi(server.MustDo("HLEN", aliceMeta)); err != nil || n > loglane.MaxProducers+8 {
		t.Errorf("meta has %d fields, %v", n, err)
	}
	for i := range 300 {
		if receipt := appendTo(t, b, loglane.Batch{Producer: "n" + strconv.Itoa(i), After: 2, Lines: lines(1, 3)}); receipt.Duplicates != 2 {
			t.Fatalf("producer %d, that has just come, is forgotten: %+v", i, receipt)
		}
	}
	if n := server.MustDo("EVAL", `local n = 0 for i = 2, ARGV[1], 2 do n = n + redis.call('HEXISTS', KEYS[1], 'p:x' .. i) end return n`, "1", aliceMeta,
		strconv.Itoa(loglane.MaxProducers)); n != strconv.Itoa(loglane.MaxProducers/2) {
		t.Errorf("%s of %d producers that were heard of just now are left", n, loglane.MaxProducers/2)
	}
}

// TestManyProducersDoNotHoldUpRedis gives a channel the producers that a sender makes who
// names another one in each request: that old ones are forgotten must not take Redis' time
// from everybody else.
func TestManyProducersDoNotHoldUpRedis(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	appendTo(t, b, loglane.Batch{Producer: "first", Lines: lines(1, 1)})
	for part := range 6 { // more than are remembered
		server.MustDo("EVAL", `for i = 1, 50000 do redis.call('HSET', KEYS[1], 'p:live' .. ARGV[2] .. i, '1 ' .. ARGV[1]) end`, "1", aliceMeta,
			strconv.FormatInt(time.Now().Unix(), 10), strconv.Itoa(part)+"x")
	}
	server.MustDo("CONFIG", "SET", "slowlog-log-slower-than", "250000")
	server.MustDo("SLOWLOG", "RESET")
	for i := range 64 {
		appendTo(t, b, loglane.Batch{Producer: "n" + strconv.Itoa(i), Lines: lines(1, 1)})
	}
	if slow := server.MustDo("SLOWLOG", "LEN"); slow != "0" {
		t.Errorf("%s calls kept Redis busy for 250 ms and more", slow)
	}
}

// TestPublishMayFail stores and acknowledges lines of a user that may not publish.
func TestPublishMayFail(t *testing.T) {
	server := redistest.Start(t)
	server.MustDo("ACL", "SETUSER", "writer", "on", ">secret", "~*", "+@all", "resetchannels")
	full := open(t, server, redisbroker.Options{})
	mute, err := redisbroker.New(redisbroker.Options{URL: fmt.Sprintf("redis://writer:secret@127.0.0.1:%d/0", server.Port), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close(t.Context())

	events := make(chan loglane.Event, 100)
	stop := full.Follow(alice, func(event loglane.Event) { events <- event })
	defer stop()
	awaitEvent(t, events, loglane.Confirmed, 5*time.Second)
	// The first line of a channel, then one more: each is found by the check of silence.
	for k := uint64(1); k <= 2; k++ {
		if receipt := appendTo(t, mute, loglane.Batch{Producer: "p", Lines: lines(k, k)}); receipt.Stored != 1 {
			t.Fatalf("%+v", receipt)
		}
		awaitEvent(t, events, loglane.Broken, 5*time.Second)
		if page := readAll(t, full); len(page.Entries) != int(k) {
			t.Errorf("%d entries", len(page.Entries))
		}
	}
}

// TestUnpublishedFirstLines stores the first lines of channels that never had anything, at
// all times between two checks of silence, and publishes none: each is found within 5 s.
func TestUnpublishedFirstLines(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.MustDo("ACL", "SETUSER", "writer", "on", ">secret", "~*", "+@all", "resetchannels")
	b := open(t, server, redisbroker.Options{})
	mute := openURL(t, fmt.Sprintf("redis://writer:secret@127.0.0.1:%d/0", server.Port), redisbroker.Options{})
	const channels = 12
	name := func(i int) string { return fmt.Sprint("logs:User.", i) }
	found := make([]chan time.Time, channels)
	for i := range found {
		found[i] = make(chan time.Time, 1)
		confirmed := make(chan struct{})
		defer b.Follow(name(i), func(event loglane.Event) {
			switch {
			case event.Kind == loglane.Confirmed:
				close(confirmed)
			case event.Kind == loglane.Broken && event.Err == nil:
				select {
				case found[i] <- time.Now():
				default:
				}
			}
		})()
		<-confirmed
	}
	began := make([]time.Time, channels)
	for i := range found {
		<-time.After(400 * time.Millisecond)
		began[i] = time.Now()
		if _, err := mute.Append(t.Context(), name(i), loglane.Batch{Producer: "p", Lines: lines(1, 1)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range found {
		select {
		case at := <-c:
			if took := at.Sub(began[i]); took > 5*time.Second {
				t.Errorf("the first line of channel %d is found after %v", i, took)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("the first line of channel %d is not found", i)
		}
	}
}

// awaitEvent waits for an event of a kind, and returns it.
func awaitEvent(t *testing.T, events <-chan loglane.Event, kind loglane.EventKind, within time.Duration) loglane.Event {
	t.Helper()
	deadline := time.After(within)
	for {
		select {
		case event := <-events:
			if event.Kind == kind {
				return event
			}
		case <-deadline:
			t.Fatalf("no event of kind %d within %v", kind, within)
		}
	}
}

// TestClockGoesBack appends to an expired history with a clock behind its last line.
func TestClockGoesBack(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	appendTo(t, b, loglane.Batch{Producer: "p", Lines: lines(1, 1)})
	ahead := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10) + "-7"
	server.MustDo("DEL", aliceStream)
	server.MustDo("HSET", aliceMeta, "l", ahead)
	appendTo(t, b, loglane.Batch{Producer: "p", Lines: lines(2, 3)})
	entries := readAll(t, b).Entries
	last, err := loglane.ParseID(ahead)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || entries[0].Prev != last || !last.Less(entries[0].Cursor.ID) || !entries[0].Cursor.ID.Less(entries[1].Cursor.ID) {
		t.Errorf("after %s came %+v", ahead, entries)
	}
}

// TestNumbersOfOthers lets another program write what looks like a number of ours, before our first
// line and before a purge: it is foreign, and ours are ours.
func TestNumbersOfOthers(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"17", "inf", "nan", "99999999999999999999", "1e300", "0.5", "-3", "9007199254740993"} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			b := openURL(t, server.URL(), redisbroker.Options{})
			poison := func() { server.MustDo("XADD", "stream:"+alice, "*", "data", "foreign", "n", number, "p", "0-0") }
			k := uint64(0)
			check := func(when string) {
				t.Helper()
				k++
				if _, err := b.Append(t.Context(), alice, loglane.Batch{Producer: "p", Lines: lines(k, k)}); err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				page, err := b.Read(t.Context(), alice, loglane.Last(1), 1)
				if err != nil || page.Entries[0].Foreign() || page.Entries[0].Cursor.N > 10 {
					t.Errorf("%s: our line is %+v, %v", when, page.Entries, err)
				}
				if foreign := server.MustDo("HGET", "loglane:meta:{"+alice+"}", "f"); foreign != "1" {
					t.Errorf("%s: meta does not note the other program", when)
				}
			}
			poison()
			check("before the first line")
			poison()
			if err := b.Purge(t.Context(), alice); err != nil {
				t.Fatal(err)
			}
			check("after a purge")
			server.MustDo("HSET", "loglane:meta:{"+alice+"}", "n", number)
			if number != "17" {
				check("with a meta that was poisoned before")
			}
		})
	}
}
