package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
)

// largeHistory is what the join tests are promised to hold with.
var largeHistory = loglane.Retention{Lines: 20000, Bytes: 16 << 20}

// appendNumbered appends "line N" at a rate, one call a tick, as a publisher does that
// waits for each acknowledgement.
func appendNumbered(t *testing.T, broker loglane.Broker, channel string, count, rate int) {
	t.Helper()
	producer, start := loglane.NewProducer(), time.Now()
	const tick = 5 * time.Millisecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for k := 1; k <= count; {
		<-ticker.C
		due := min(int(time.Since(start).Seconds()*float64(rate)), count)
		for k <= due {
			batch := loglane.Batch{Producer: producer, After: uint64(k - 1)}
			for ; k <= due && len(batch.Lines) < loglane.MaxBatchLines; k++ {
				batch.Lines = append(batch.Lines, loglane.Line{K: uint64(k), Record: fmt.Appendf(nil, `{"message":"line %d"}`, k)})
			}
			if _, err := broker.Append(t.Context(), channel, batch); err != nil {
				t.Errorf("Append: %v", err)
				return
			}
		}
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
		appendNumbered(t, broker, "logs:User.alice", lines, rate)
	})
}

func TestJoinRedis(t *testing.T) {
	server := redistest.Start(t)
	broker := openRedis(t, server, largeHistory)
	url, hub, _ := serveHub(t, broker, nil)
	lines, rate := scaled(10000), scaled(2000)
	joinAtRandom(t, url+"?channel=User.alice", scaled(200), lines, 4*time.Second, func() {
		appendNumbered(t, broker, "logs:User.alice", lines, rate)
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
