package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/logship"
)

// largeHistory is what the join tests are promised to hold with.
var largeHistory = loglane.Retention{Lines: 20000, Bytes: 16 << 20}

// logNumbered logs "line N" for alice at a rate, through logship.
func logNumbered(t *testing.T, broker loglane.Broker, count, rate int) {
	t.Helper()
	handler := logship.NewHandler(broker, nil)
	log, ctx := slog.New(handler), logship.WithUser(t.Context(), "alice")
	start := time.Now()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for n := 1; n <= count; {
		<-ticker.C
		for due := min(int(time.Since(start).Seconds()*float64(rate)), count); n <= due; n++ {
			log.InfoContext(ctx, fmt.Sprintf("line %d", n))
		}
	}
	ending, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := handler.Shutdown(ending); err != nil {
		t.Errorf("logship: %v", err)
	}
	if stats := handler.Stats(); stats.Dropped > 0 {
		t.Errorf("logship dropped %d lines", stats.Dropped)
	}
}

// joinAtRandom lets viewers come over the time that publish takes, and holds each to an
// unbroken run up to the last line.
func joinAtRandom(t *testing.T, url string, viewers, last int, over time.Duration, publish func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	all := make([]*viewer, viewers)
	var watching sync.WaitGroup
	for i := range all {
		all[i] = newViewer(url)
		watching.Go(func() {
			select {
			case <-time.After(rand.N(over)):
			case <-ctx.Done():
			}
			all[i].watch(ctx)
		})
	}
	publish()
	for _, v := range all {
		v.awaitLine(t, last, 30*time.Second)
	}
	cancel()
	watching.Wait()
	for i, v := range all {
		if fault := unbroken(v.numbers()); fault != "" {
			t.Errorf("viewer %d: %s", i, fault)
		}
		if v.dropped > 0 {
			t.Errorf("viewer %d got %d lines twice", i, v.dropped)
		}
		if g := gaps(v.all()); len(g) > 0 {
			t.Errorf("viewer %d was told of gaps: %v", i, g)
		}
	}
}

func TestJoinMemory(t *testing.T) {
	broker, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: largeHistory})
	if err != nil {
		t.Fatal(err)
	}
	url, _, _ := serveHub(t, broker, nil)
	lines, rate := scaled(10000), scaled(2000)
	joinAtRandom(t, url+"?channel=User.alice", scaled(200), lines, 4*time.Second, func() {
		logNumbered(t, broker, lines, rate)
	})
}

func TestJoinRedis(t *testing.T) {
	server := redistest.Start(t)
	broker := openRedis(t, server, largeHistory)
	url, hub, _ := serveHub(t, broker, nil)
	lines, rate := scaled(10000), scaled(2000)
	joinAtRandom(t, url+"?channel=User.alice", scaled(200), lines, 4*time.Second, func() {
		logNumbered(t, broker, lines, rate)
	})
	t.Logf("%+v", hub.Stats())
}

func TestJoinPython(t *testing.T) {
	server := redistest.Start(t)
	broker := openRedis(t, server, largeHistory)
	url, hub, _ := serveHub(t, broker, nil)
	lines, rate := scaled(2000), scaled(400)
	joinAtRandom(t, url+"?channel=User.alice", scaled(200), lines, 4*time.Second, func() {
		python(t, server, "--count", strconv.Itoa(lines), "--rate", strconv.Itoa(rate))()
	})
	t.Logf("%+v", hub.Stats())
}
