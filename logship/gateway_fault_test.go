package logship_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/gatewaytest"
	"github.com/loglane/loglane/logship"
)

// Through cut connections, lost answers, gateways that are busy and failovers that lose
// acknowledged batches, every line is in its channel and in the global one, once and in
// order.
func TestGatewayExactThroughFaults(t *testing.T) {
	var resent, refused uint64
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stats := gatewayThroughFaults(t, seed)
				resent, refused = resent+stats.Resent, refused+stats.Refused
			})
		})
	}
	if resent == 0 || refused == 0 {
		t.Errorf("%d lines were sent again, %d batches refused: the faults were none", resent, refused)
	}
}

func gatewayThroughFaults(t *testing.T, seed uint64) logship.Stats {
	const users, lines = 4, 120
	random := rand.New(rand.NewPCG(seed, 2))
	var mu sync.Mutex
	chance := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	gateway := newGateway(t)
	var mended atomic.Bool
	gateway.Fault = func(*http.Request) (f gatewaytest.Fault) {
		if mended.Load() {
			return f
		}
		switch chance(10) {
		case 0:
			f.Cut = true
		case 1:
			f.LoseAnswer = true
		case 2:
			f.Status, f.RetryAfter = http.StatusServiceUnavailable, "1"
		case 3, 4:
			f.Rewind, f.LoseAnswer = 1+chance(4), chance(2) == 0
		case 5:
			time.Sleep(time.Duration(chance(2000)) * time.Millisecond)
		}
		return f
	}
	h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
	var running sync.WaitGroup
	for u := range users {
		running.Go(func() {
			ctx := logship.WithUser(t.Context(), fmt.Sprint("user", u))
			for i := range lines {
				slog.New(h).InfoContext(ctx, fmt.Sprintf("line %d", i), "user", u)
				time.Sleep(time.Duration(chance(100)) * time.Millisecond)
			}
		})
	}
	running.Wait()
	flush(t, h)
	mended.Store(true)
	gateway.Rewind("global", 3)
	time.Sleep(time.Minute) // what was lost after its acknowledgement comes to light
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for u := range users {
		wantAt(t, gateway, fmt.Sprint("User.user", u), numbered("line", lines))
	}
	wantEachInOrder(t, gateway.Records("global"), lines)
	stats := h.Stats()
	if stats.Dropped != 0 || stats.Lost != 0 || stats.Rejected != 0 {
		t.Errorf("stats %+v", stats)
	}
	return stats
}

func wantEachInOrder(t *testing.T, records [][]byte, lines int) {
	t.Helper()
	next := make(map[any]int)
	for _, data := range records {
		var r record
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		user := r.Attrs["user"]
		if want := fmt.Sprint("line ", next[user]); r.Message != want {
			t.Fatalf("user %v: %q in the global channel, want %q", user, r.Message, want)
		}
		next[user]++
	}
	for user, n := range next {
		if n != lines {
			t.Errorf("user %v has %d lines in the global channel, want %d", user, n, lines)
		}
	}
}

// A failover that lost only the global channel's lines is found, and mends that one.
func TestGatewayLosesOnlyGlobalLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := newGateway(t)
		h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
		log, ctx := slog.New(h), logship.WithUser(t.Context(), "alice")
		for i := range 5 {
			log.InfoContext(ctx, fmt.Sprint("x ", i))
			synctest.Wait()
		}
		gateway.Rewind("global", 3)
		time.Sleep(time.Minute) // the batch without lines finds it
		wantAt(t, gateway, "User.alice", numbered("x", 5))
		wantAt(t, gateway, "global", numbered("x", 5))
		if s := h.Stats(); s.Refused != 1 || s.Resent != 3 || s.Kept != 0 || s.Channels != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// Where a loss reaches back before what is kept, the note has the place of the last line
// that is lost.
func TestGatewayLostLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lines, lost = 50, 40
		gateway := newGateway(t)
		h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
		log, ctx := slog.New(h), logship.WithUser(t.Context(), "alice")
		for i := range lines {
			log.InfoContext(ctx, fmt.Sprintf("x %d %s", i, strings.Repeat("é", 22_000)))
			synctest.Wait()
		}
		kept := h.Stats().Kept
		gateway.Rewind("User.alice", lost)
		log.InfoContext(ctx, "last")
		synctest.Wait()
		got := gateway.Messages("User.alice")
		note := lines - lost
		if len(got) != note+1+kept+1 || !strings.HasPrefix(got[note], fmt.Sprint(lost-kept, " log lines lost here")) || got[len(got)-1] != "last" {
			t.Fatalf("%d lines, %d are kept; the note is %.80q", len(got), kept, got[min(note, len(got)-1)])
		}
		if n := len(gateway.Messages("global")); n != lines+1 {
			t.Errorf("%d lines in the global channel, which lost none", n)
		}
	})
}

// A channel that was forgotten goes on above all numbers that it had.
func TestGatewayChannelComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := newGateway(t)
		h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
		for i := range 12 {
			user := "alice"
			if i%3 == 1 {
				user = "bob"
			}
			slog.New(h).InfoContext(logship.WithUser(t.Context(), user), fmt.Sprint("x ", i))
			time.Sleep(13 * time.Second)
		}
		if s := h.Stats(); s.Channels != 0 {
			t.Errorf("stats %+v", s)
		}
		wantAt(t, gateway, "global", numbered("x", 12))
	})
}

// Retry-After is waited, but no more than a minute.
func TestGatewayRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		header   string
		min, max time.Duration
	}{
		{"7", 7 * time.Second, 8 * time.Second},
		{"100000", time.Minute, 61 * time.Second},
		{"", 0, time.Second},
		{"soon", 0, time.Second},
	} {
		t.Run(tt.header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gateway := newGateway(t)
				var tries atomic.Int32
				gateway.Fault = func(*http.Request) (f gatewaytest.Fault) {
					if tries.Add(1) == 1 {
						f.Status, f.RetryAfter = http.StatusTooManyRequests, tt.header
					}
					return f
				}
				h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
				start := time.Now()
				slog.New(h).Info("x")
				flush(t, h)
				if took := time.Since(start); took < tt.min || took > tt.max {
					t.Errorf("the second try came after %v", took)
				}
			})
		})
	}
}

// Lines that can never be taken hold up nothing, and their count stands in the channel.
func TestGatewayRejects(t *testing.T) {
	for _, tt := range []struct {
		name    string
		gateway func(*gatewaytest.Gateway)
		note    string
	}{
		{"a line", func(g *gatewaytest.Gateway) {
			g.Reject = func(record []byte) string {
				if strings.Contains(string(record), "bad yy") {
					return "it is bad"
				}
				return ""
			}
		}, "1 log line rejected and given up: it is bad"},
		{"a long line", func(g *gatewaytest.Gateway) { g.MaxBytes = 2000 }, "1 log line rejected and given up: the gateway answers 413 (the body)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gateway := newGateway(t)
				tt.gateway(gateway)
				h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
				log, ctx := slog.New(h), logship.WithUser(t.Context(), "alice")
				for i := range 200 {
					log.InfoContext(ctx, fmt.Sprint("x ", i))
					if i == 40 || i == 199 {
						log.InfoContext(ctx, "bad "+strings.Repeat("y", 3000))
					}
				}
				flush(t, h)
				gateway.Rewind("", 2) // what is kept has a hole in its numbers
				log.InfoContext(ctx, "x 200")
				if err := h.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				var lines []string
				notes := 0
				for _, m := range gateway.Messages("User.alice") {
					if m == tt.note {
						notes++
						continue
					}
					lines = append(lines, m)
				}
				if got, want := strings.Join(lines, "\n"), strings.Join(numbered("x", 201), "\n"); got != want || notes != 2 {
					t.Errorf("%d notes, the lines are\n%.3000s", notes, got)
				}
				if s := h.Stats(); s.Rejected != 2 || s.Dropped != 0 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// A request that something on the way spoiled is sent again.
func TestGatewayMalformedOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := newGateway(t)
		var requests atomic.Int32
		gateway.Fault = func(*http.Request) (f gatewaytest.Fault) {
			if requests.Add(1)%3 != 0 {
				f.Status = http.StatusBadRequest
			}
			return f
		}
		h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
		for i := range 5 {
			slog.New(h).InfoContext(logship.WithUser(t.Context(), "alice"), fmt.Sprint("x ", i))
			flush(t, h)
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantAt(t, gateway, "User.alice", numbered("x", 5))
		if s := h.Stats(); s.Rejected != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// A gateway that takes nothing at all, notes neither, does not make them for ever.
func TestGatewayRejectsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := newGateway(t)
		var requests atomic.Int32
		gateway.Fault = func(*http.Request) gatewaytest.Fault {
			requests.Add(1)
			return gatewaytest.Fault{Status: http.StatusBadRequest}
		}
		h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
		slog.New(h).Info("x")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		if s := h.Stats(); s.Rejected != 2 || requests.Load() != 6 {
			t.Errorf("%d requests, stats %+v", requests.Load(), s)
		}
	})
}
