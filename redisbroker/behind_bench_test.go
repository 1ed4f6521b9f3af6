package redisbroker_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// A lineCounter is a response of which nothing is kept but how many lines it had.
type lineCounter struct {
	header http.Header
	lines  int
}

func (c *lineCounter) Header() http.Header { return c.header }
func (c *lineCounter) WriteHeader(int)     {}
func (c *lineCounter) FlushError() error   { return nil }
func (c *lineCounter) Write(p []byte) (int, error) {
	c.lines += bytes.Count(p, []byte("\ndata: "))
	return len(p), nil
}

// BenchmarkBehindTheRing lets viewers catch up who are as far behind the ring: one after
// another, so that each reads for itself, and all at once, so that they share what they
// read. It reports how many pages a viewer needs, how many times it asks Redis for one in
// either case, and the time of a line.
func BenchmarkBehindTheRing(b *testing.B) {
	const viewers, lines, channel = 200, 5000, "logs:User.alice"
	broker, err := redisbroker.New(redisbroker.Options{
		URL: redistest.Start(b).URL(), Retention: loglane.Retention{Lines: 2 * lines, Bytes: 64 << 20}, Logger: quiet(),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer broker.Close(context.Background())
	var batch loglane.Batch
	for k := uint64(1); k <= lines+1; k++ {
		batch.Producer = "alpha"
		batch.Lines = append(batch.Lines, loglane.Line{K: k, Record: loglane.NewRecord(fmt.Appendf(nil, "order %d is on its way", k), 0)})
		if len(batch.Lines) == loglane.MaxBatchLines || k == lines+1 {
			if _, err := broker.Append(b.Context(), channel, batch); err != nil {
				b.Fatal(err)
			}
			batch.Lines = nil
		}
	}
	oldest, err := broker.Read(b.Context(), channel, loglane.Oldest(), 1)
	if err != nil {
		b.Fatal(err)
	}
	hub, err := loglane.NewHub(broker, &loglane.HubOptions{Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	defer hub.Close(context.Background())
	handler := hub.Stream(func(*http.Request) (loglane.Grant, error) { return loglane.Grant{Channel: channel}, nil }, nil)
	catchUp := func() {
		w := &lineCounter{header: make(http.Header)}
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?follow=0&last_event_id="+oldest.Entries[0].Cursor.String(), nil))
		if w.lines != lines {
			b.Errorf("%d lines came, want %d", w.lines, lines)
		}
	}
	catchUp() // the ring is there
	measured := func(run func()) (reads, ns float64) {
		before, began := hub.Stats().Reads, time.Now()
		run()
		return float64(hub.Stats().Reads-before) / viewers, float64(time.Since(began)) / viewers / lines
	}
	var alone, together, aloneTime, togetherTime float64
	for b.Loop() {
		reads, ns := measured(func() {
			for range viewers {
				catchUp()
			}
		})
		alone, aloneTime = alone+reads, aloneTime+ns
		reads, ns = measured(func() {
			var crowd sync.WaitGroup
			for range viewers {
				crowd.Go(catchUp)
			}
			crowd.Wait()
		})
		together, togetherTime = together+reads, togetherTime+ns
	}
	n := float64(b.N)
	b.ReportMetric(alone/n, "reads/viewer-alone")
	b.ReportMetric(together/n, "reads/viewer-at-once")
	b.ReportMetric(alone/together, "reads-ratio")
	b.ReportMetric(aloneTime/n, "ns/line-alone")
	b.ReportMetric(togetherTime/n, "ns/line-at-once")
	b.ReportMetric(aloneTime/togetherTime, "time-ratio")
}
