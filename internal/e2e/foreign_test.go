package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
)

// TestPythonPublisher lets a program that has nothing of ours publish in each of its ways,
// while viewers join, are cut, and the gateway is replaced by another.
func TestPythonPublisher(t *testing.T) {
	ways := []struct {
		name string
		args []string
	}{
		{"multi", nil},
		{"publish first", []string{"--no-multi"}},
		{"publish first, 80 ms pause", []string{"--no-multi", "--pause", "0.08"}},
		{"store first, 80 ms pause", []string{"--no-multi", "--store-first", "--pause", "0.08"}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			python(t, server, append(way.args, "--count", "20")...)() // the history

			first, _, stopFirst := serveHub(t, openRedis(t, server, loglane.Retention{}), nil)
			stayer := newViewer(first + "?channel=User.alice")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var watching sync.WaitGroup
			defer watching.Wait()
			defer cancel()
			watching.Go(func() { _ = stayer.once(ctx) })
			stayer.awaitLine(t, 20, 10*time.Second)

			wait := python(t, server, append(way.args, "--first", "21", "--count", "60", "--rate", "20")...)
			stayer.awaitLine(t, 30, 20*time.Second)
			joiner := newViewer(first + "?channel=User.alice")
			cut, endCut := context.WithCancel(ctx)
			watching.Go(func() { _ = joiner.once(cut) })
			joiner.awaitLine(t, 40, 20*time.Second)
			endCut() // in the middle of things
			second, _, _ := serveHub(t, openRedis(t, server, loglane.Retention{}), nil)
			joiner.url, stayer.url = second+"?channel=User.alice", second+"?channel=User.alice"
			stopFirst()
			watching.Go(func() { stayer.watch(ctx) })
			watching.Go(func() { joiner.watch(ctx) })
			wait()
			for name, v := range map[string]*viewer{"who stayed": stayer, "who joined": joiner} {
				v.awaitLine(t, 80, 20*time.Second)
				numbers := v.numbers()
				if fault := unbroken(numbers); fault != "" || numbers[0] != 1 || len(numbers) != 80 {
					t.Errorf("%s: %d lines from %d: %s", name, len(numbers), numbers[0], fault)
				}
				if g := gaps(v.all()); len(g) > 0 {
					t.Errorf("%s was told of gaps: %v", name, g)
				}
				var record map[string]any
				last := v.all()[len(v.all())-1].data
				if err := json.Unmarshal([]byte(last), &record); err != nil || !strings.Contains(last, "\n") || record["pod"] != nil {
					t.Errorf("%s: a record did not come as it was written: %v\n%s", name, err, last)
				}
			}
		})
	}
}

// TestMixedChannel lets a foreign program and a producer write to one channel.
func TestMixedChannel(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	broker := openRedis(t, server, loglane.Retention{})
	python(t, server, "--count", "50")()

	url, _, _ := serveHub(t, broker, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	early := newViewer(url + "?channel=User.alice")
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() { early.watch(ctx) })
	early.awaitLine(t, 50, 10*time.Second)

	wait := python(t, server, "--first", "51", "--count", "200", "--rate", "100")
	producer := loglane.NewProducer()
	for k := uint64(1); k <= 100; k++ {
		record := fmt.Appendf(nil, `{"message":"ours %d"}`, k)
		if _, err := broker.Append(ctx, "logs:User.alice", loglane.Batch{Producer: producer, After: k - 1, Lines: []loglane.Line{{K: k, Record: record}}}); err != nil {
			t.Fatal(err)
		}
		<-time.After(15 * time.Millisecond)
	}
	wait()
	early.awaitLine(t, 250, 10*time.Second)
	late := newViewer(url + "?channel=User.alice")
	watching.Go(func() { late.watch(ctx) })
	late.awaitLine(t, 250, 10*time.Second)
	late.await(t, "all of ours", 10*time.Second, func(events []shown) bool { return len(events) >= 350 })
	early.await(t, "all of ours", 10*time.Second, func(events []shown) bool { return len(events) >= 350 })

	var orders []string
	for _, v := range []*viewer{early, late} {
		events := v.all()
		if len(events) != 350 || len(gaps(events)) > 0 {
			t.Errorf("%d events instead of 350 lines, gaps %v", len(events), gaps(events))
		}
		if fault := unbroken(v.numbers()); fault != "" {
			t.Error(fault)
		}
		var order []string
		for _, s := range events {
			order = append(order, s.id)
		}
		orders = append(orders, strings.Join(order, "\n"))
	}
	places := func(order string) string { // the epoch was not known when the first history was read
		var all []string
		for id := range strings.Lines(order) {
			all = append(all, strings.Split(strings.TrimSpace(id), ".")[2])
		}
		return strings.Join(all, "\n")
	}
	if places(orders[0]) != places(orders[1]) {
		t.Error("who stayed and who came late saw different orders")
	}
	if n := server.MustDo("XLEN", "stream:logs:User.alice"); n != "350" {
		t.Errorf("the stream has %s entries, not all 350", n)
	}
}

// TestPayloadsAreData sends what looks like frames, and what is no record at all.
func TestPayloadsAreData(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	broker := openRedis(t, server, loglane.Retention{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	// Frames of another channel and of another Redis, as a copying program would send them.
	frame := loglane.Frame{Producer: "copied", K: 7}
	frame.Cursor = loglane.Cursor{Epoch: loglane.NewEpoch(), N: 3, ID: loglane.ID{Ms: uint64(time.Now().UnixMilli()), Seq: 9}}
	frame.Data = []byte(`{"message":"copied"}`)
	payloads := []string{
		`{"_ll":"1 `, `{"_ll":"1 x","message":"a"}`, string(frame.Append(nil)),
		`{"_ll":"2 ` + strings.Repeat("9", 300) + `"}`, `{"id":"1-1","prev":"0-0"}`, `{}`, `[]`, `17`, `null`, `"text"`,
		`{"broken`, ``, ` `, "two\nlines", strings.Repeat("x", 64<<10), "bad \xff utf-8 \x80",
		`{"message":"` + strings.Repeat("y", 64<<10) + `"}`, `{"_ll":{"a":1},"message":"kept"}`,
		"id: 1\ndata: forged\n\n", "event: auth\ndata: {}",
	}
	want := make([]string, len(payloads))
	for i, p := range payloads {
		want[i] = strings.ReplaceAll(strings.ToValidUTF8(p, "\uFFFD"), "\r", "\n")
		if len(p) > 64<<10 {
			want[i] = "" // cut, says so
		}
	}

	url, _, _ := serveHub(t, broker, nil)
	live := newViewer(url + "?channel=User.alice")
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() { live.watch(ctx) })
	append1 := func(k uint64) {
		record := fmt.Appendf(nil, `{"message":"line %d"}`, k)
		if _, err := broker.Append(ctx, "logs:User.alice", loglane.Batch{Producer: "ours", Lines: []loglane.Line{{K: k, Record: record}}}); err != nil {
			t.Fatal(err)
		}
	}
	append1(1)
	live.awaitLine(t, 1, 10*time.Second)
	for i, p := range payloads {
		if i%2 == 0 {
			server.MustDo("PUBLISH", "logs:User.alice", p)
		}
		server.MustDo("XADD", "stream:logs:User.alice", "*", "data", p)
		if i%2 == 1 {
			server.MustDo("PUBLISH", "logs:User.alice", p)
		}
	}
	append1(2)
	live.awaitLine(t, 2, 10*time.Second)
	late := newViewer(url + "?channel=User.alice")
	watching.Go(func() { late.watch(ctx) })
	late.awaitLine(t, 2, 10*time.Second)

	for name, v := range map[string]*viewer{"live": live, "late": late} {
		events := v.all()
		if len(events) != len(payloads)+2 {
			t.Errorf("%s: %d events for %d payloads", name, len(events), len(payloads))
			continue
		}
		for i, s := range events[1 : len(events)-1] {
			if s.event != "message" || (want[i] != "" && s.data != want[i]) {
				t.Errorf("%s: payload %d %.60q was shown as %s %.60q", name, i, payloads[i], s.event, s.data)
			}
			if want[i] == "" && (len(s.data) > 64<<10 || payloads[i] != "" && !strings.Contains(s.data, "cut")) {
				t.Errorf("%s: payload %d of %d bytes was shown with %d", name, i, len(payloads[i]), len(s.data))
			}
		}
	}
}

// TestQuietExpiry leaves a page open while the history and even the numbering go.
func TestQuietExpiry(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	broker := openRedis(t, server, loglane.Retention{TTL: 2 * time.Second})
	url, _, _ := serveHub(t, broker, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	page := newViewer(url + "?channel=User.alice")
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() { page.watch(ctx) })
	for n := 1; n <= 3; n++ {
		record := fmt.Appendf(nil, `{"message":"line %d"}`, n)
		batch := loglane.Batch{Producer: "p" + strconv.Itoa(n), Lines: []loglane.Line{{K: 1, Record: record}}}
		if _, err := broker.Append(ctx, "logs:User.alice", batch); err != nil {
			t.Fatal(err)
		}
		page.awaitLine(t, n, 10*time.Second)
		page.awaitCursor(t, "0-0", 10*time.Second)
		if n == 2 {
			server.MustDo("DEL", "loglane:meta:{logs:User.alice}")
		}
	}
	if g := gaps(page.all()); len(g) > 0 {
		t.Errorf("the page was told of gaps: %v", g)
	}
	if got := page.numbers(); len(got) != 3 {
		t.Errorf("lines %v", got)
	}
}

// TestMixedExpiry lets foreign lines that nobody saw expire with the history.
func TestMixedExpiry(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	broker := openRedis(t, server, loglane.Retention{TTL: time.Second})
	url, _, stop := serveHub(t, broker, nil)
	append1 := func(k uint64) {
		record := fmt.Appendf(nil, `{"message":"line %d"}`, k)
		if _, err := broker.Append(t.Context(), "logs:User.alice", loglane.Batch{Producer: "ours", Lines: []loglane.Line{{K: k, Record: record}}}); err != nil {
			t.Fatal(err)
		}
	}
	python(t, server, "--count", "1")()
	append1(2)
	page := newViewer(url + "?channel=User.alice")
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { _ = page.once(ctx) })
	page.awaitLine(t, 2, 10*time.Second)
	cancel()
	watching.Wait()
	stop() // no gateway sees what comes now

	server.MustDo("XADD", "stream:logs:User.alice", "*", "data", "nobody sees this")
	server.MustDo("EXPIRE", "stream:logs:User.alice", "1")
	deadline := time.Now().Add(10 * time.Second)
	for server.MustDo("EXISTS", "stream:logs:User.alice") != "0" || time.Since(cursorTime(t, page.cursor)) < 1100*time.Millisecond {
		if time.Now().After(deadline) {
			t.Fatal("the stream does not expire")
		}
		<-time.After(20 * time.Millisecond)
	}
	url, _, _ = serveHub(t, broker, nil)
	page.url = url + "?channel=User.alice"
	ctx, cancel = context.WithCancel(t.Context())
	defer watching.Wait()
	defer cancel()
	watching.Go(func() { _ = page.once(ctx) })
	page.await(t, "a gap", 10*time.Second, func(events []shown) bool { return len(gaps(events)) > 0 })
	if g := gaps(page.all()); g[0] != `{"reason":"expired","missed":null}` {
		t.Errorf("the page was told %v", g)
	}
}
