package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

// costlyPattern matches every line that is timed, and takes milliseconds for each.
const costlyPattern = `/(?:x?){100}y|x$/`

// A stopwatch takes the time that lines need to a viewer.
type stopwatch struct {
	mu      sync.Mutex
	delays  []time.Duration
	gaps    int
	at      time.Time     // of the last line or gap; before, of the stream's beginning
	silence time.Duration // the longest between them
}

// stopwatch opens a stream of gateway 0 that ends with the test.
func (s *site) stopwatch(token, query string) *stopwatch {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url(0)+"api/v1/stream?backlog=0"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		s.t.Fatal(resp.Status)
	}
	w := &stopwatch{at: time.Now()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for decoder := sse.NewDecoder(resp.Body); ; {
			event, err := decoder.Next()
			if err != nil {
				return
			}
			w.take(event)
		}
	}()
	s.t.Cleanup(func() { resp.Body.Close(); <-ended })
	return w
}

func (w *stopwatch) take(event sse.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	switch event.Type {
	case "gap":
		w.gaps++
	case "message":
		var record struct{ Sent int64 }
		if !event.HasData || json.Unmarshal(event.Data, &record) != nil {
			return
		}
		w.delays = append(w.delays, now.Sub(time.Unix(0, record.Sent)))
	default:
		return
	}
	w.silence, w.at = max(w.silence, now.Sub(w.at)), now
}

// lap returns the delays since the last one, sorted, and the gaps so far.
func (w *stopwatch) lap() (delays []time.Duration, gaps int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delays, w.delays = w.delays, nil
	slices.Sort(delays)
	return delays, w.gaps
}

// sendTimed stores timed lines of alice at a rate, for a time.
func sendTimed(t *testing.T, broker loglane.Broker, rate int, during time.Duration) (sent int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < during; <-tick.C {
		batch := loglane.Batch{Producer: fmt.Sprint("timed-", begin.UnixNano())}
		for due := int(time.Since(begin).Seconds() * float64(rate)); sent < due && len(batch.Lines) < 100; {
			sent++
			record := fmt.Appendf(nil, `{"message":"line %d %s","sent":%d}`, sent, strings.Repeat("x", 1000), time.Now().UnixNano())
			batch.Lines = append(batch.Lines, loglane.Line{K: uint64(sent), Record: record})
		}
		if len(batch.Lines) == 0 {
			continue
		}
		if _, err := broker.Append(t.Context(), "logs:User.alice", batch); err != nil {
			t.Fatal(err)
		}
	}
	return sent
}

// TestCostlyPatternBesideAViewer takes the time of lines to a viewer, first alone and then
// beside two with expressions that cost more than there is time.
func TestCostlyPatternBesideAViewer(t *testing.T) {
	s := newSite(t, 1) // not parallel: it takes times
	reads, broker := s.reads("alice"), openRedis(t, s.redis, loglane.Retention{})
	normal := s.stopwatch(reads, "")
	rate, span := scaled(1000), 3*time.Second
	laps := make([][]time.Duration, 2)
	var costly []*stopwatch
	for lap := range laps {
		if lap == 1 {
			for i := range 2 {
				pattern := strings.Replace(costlyPattern, "y", strings.Repeat("y", i+1), 1)
				costly = append(costly, s.stopwatch(reads, "&q="+url.QueryEscape(pattern)))
			}
		}
		sent := sendTimed(t, broker, rate, span)
		<-time.After(time.Second)
		delays, gaps := normal.lap()
		if laps[lap] = delays; len(delays) != sent || gaps > 0 {
			t.Fatalf("of %d lines the viewer has %d, with %d gaps", sent, len(delays), gaps)
		}
	}
	median, p99 := laps[0][len(laps[0])/2], laps[0][len(laps[0])*99/100]
	besideMedian, besideP99 := laps[1][len(laps[1])/2], laps[1][len(laps[1])*99/100]
	t.Logf("%d lines alone: median %v, 99 %% within %v; beside: median %v, 99 %% within %v", len(laps[0]), median, p99, besideMedian, besideP99)
	// One that held up the viewer would do so for seconds.
	if besideMedian > 3*median+25*time.Millisecond || besideP99 > 3*p99+500*time.Millisecond {
		t.Errorf("beside costly patterns the viewer's lines take %v (99 %% within %v), alone %v (%v)", besideMedian, besideP99, median, p99)
	}
	for _, c := range costly {
		c.mu.Lock()
		t.Logf("the costly one: %d lines, %d gaps, silent for %v at most", len(c.delays), c.gaps, c.silence)
		if len(c.delays)+c.gaps == 0 || c.silence > 5*time.Second || time.Since(c.at) > 5*time.Second {
			t.Errorf("a viewer with a costly pattern got %d lines and %d gaps, and nothing for %v, lastly %v", len(c.delays), c.gaps, c.silence, time.Since(c.at))
		}
		c.mu.Unlock()
	}
}
