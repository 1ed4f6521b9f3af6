package loglane_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

// costly is an expression that takes seconds for one of the lines of costlyLine.
const costly = `/(?:x?){200}(?:x|xx){200}(?:xx?){200}y/`

func costlyLine(n int) []byte {
	return fmt.Appendf(nil, `{"message":"line %d %s"}`, n, strings.Repeat("x", 20_000))
}

// A crowdHub is a hub over a memory broker, served over HTTP.
type crowdHub struct {
	tb     testing.TB
	broker *loglane.MemoryBroker
	hub    *loglane.Hub
	url    string
	k      int
}

func newCrowdHub(tb testing.TB, keep loglane.Retention) *crowdHub {
	tb.Helper()
	broker, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: keep})
	if err != nil {
		tb.Fatal(err)
	}
	hub, err := loglane.NewHub(broker, &loglane.HubOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(hub.Stream(admitAlice, nil))
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
		if err := hub.Close(context.Background()); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return &crowdHub{tb: tb, broker: broker, hub: hub, url: server.URL}
}

func (c *crowdHub) append(n int, record func(int) []byte) {
	c.tb.Helper()
	for range n {
		c.k++
		b := loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: uint64(c.k), Record: record(c.k)}}}
		if _, err := c.broker.Append(context.Background(), aliceChannel, b); err != nil {
			c.tb.Fatal(err)
		}
	}
}

// watch opens a stream and returns its events.
func (c *crowdHub) watch(query string) (events <-chan sse.Event) {
	c.tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/?"+query, nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.tb.Fatal(err)
	}
	all := make(chan sse.Event, 4096)
	ended := make(chan struct{})
	c.tb.Cleanup(func() {
		cancel()
		<-ended
	})
	go func() {
		defer close(ended)
		defer response.Body.Close()
		for decoder := sse.NewDecoder(response.Body); ; {
			event, err := decoder.Next()
			if err != nil {
				return
			}
			event.Data = append([]byte(nil), event.Data...)
			select {
			case all <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	return all
}

// next returns the next line, and how long it took to come.
func (c *crowdHub) next(events <-chan sse.Event) (text string, took time.Duration) {
	c.tb.Helper()
	begin := time.Now()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case event := <-events:
			if event.HasData && event.Type == "message" {
				return textOf(event.Data), time.Since(begin)
			}
		case <-deadline:
			c.tb.Fatal("no line comes")
		}
	}
}

// An expression that takes seconds for each line holds up nobody who did not ask for it,
// not even viewers with another pattern.
func TestACostlyPatternHoldsUpOnlyItsOwnViewers(t *testing.T) {
	c := newCrowdHub(t, loglane.Retention{Bytes: 64 << 20})
	for range 3 {
		c.watch("backlog=0&q=" + url.QueryEscape(costly))
	}
	plain, cheap := c.watch("backlog=0"), c.watch("backlog=0&q="+url.QueryEscape("/^line \\d+/"))
	c.append(5, costlyLine)
	for n := 1; n <= 60; n++ {
		if n > 5 {
			c.append(1, costlyLine)
		}
		for name, events := range map[string]<-chan sse.Event{"plain": plain, "cheap": cheap} {
			text, took := c.next(events)
			if !strings.HasPrefix(text, fmt.Sprintf("line %d ", n)) {
				t.Fatalf("%s: %.20q came, want line %d", name, text, n)
			}
			if took > 2*time.Second {
				t.Errorf("%s: line %d took %v", name, n, took)
			}
		}
	}
	if n := c.hub.Stats().Evaluations; n > 60+30 {
		t.Errorf("%d evaluations: the costly pattern is not held back", n)
	}
}

// A pattern beyond its budget shows each line that matches, in order, or a gap.
func TestACostlyPatternLosesNothing(t *testing.T) {
	c := newCrowdHub(t, loglane.Retention{Bytes: 64 << 20})
	events := c.watch("backlog=0&q=" + url.QueryEscape(`/(?:x|xx){100}y|line \d*7 /`))
	length := 2000
	if raceDetector {
		length = 200
	}
	short := func(n int) []byte {
		return fmt.Appendf(nil, `{"message":"line %d %s"}`, n, strings.Repeat("x", length))
	}
	c.append(60, short)
	for n := 7; n <= 57; n += 10 {
		if text, _ := c.next(events); !strings.HasPrefix(text, fmt.Sprintf("line %d ", n)) {
			t.Fatalf("%.20q came, want line %d", text, n)
		}
	}
}

// One that falls behind all that is kept is told so, and how many lines it has missed.
func TestACostlyPatternThatIsTooSlowGetsAGap(t *testing.T) {
	const length = 8000
	turns := 60
	if raceDetector { // which makes expressions some ten times slower
		turns = 6
	}
	c := newCrowdHub(t, loglane.Retention{Bytes: 32 * length})
	events := c.watch("backlog=0&q=" + url.QueryEscape(fmt.Sprintf(`/(?:x?){%d}y|x$|^line 1 $/`, turns)))
	c.append(1, func(int) []byte { return []byte(`{"message":"line 1 "}`) })
	if text, _ := c.next(events); text != "line 1 " {
		t.Fatalf("%q came first", text)
	}
	plain := c.watch("backlog=0")
	for range 300 { // each is taken by the hub before the next: it is the viewer who is too slow
		c.append(1, func(n int) []byte {
			return fmt.Appendf(nil, `{"message":"line %d %s"}`, n, strings.Repeat("x", length))
		})
		c.next(plain)
	}
	deadline := time.After(60 * time.Second)
	last, shown, gaps := 1, false, 0 // shown: a line after a gap
	for gaps == 0 || !shown {
		select {
		case event := <-events:
			var missed int
			switch {
			case event.Type == "gap":
				if _, err := fmt.Sscanf(string(event.Data), `{"reason":"slow","missed":%d}`, &missed); err != nil || missed < 1 {
					t.Fatalf("gap %s", event.Data)
				}
				last, gaps, shown = last+missed, gaps+1, false
			case event.HasData:
				last, shown = last+1, true
				if text := textOf(event.Data); !strings.HasPrefix(text, fmt.Sprintf("line %d ", last)) {
					t.Fatalf("%.20q came, want line %d", text, last)
				}
			}
		case <-deadline:
			t.Fatalf("%d gaps up to line %d", gaps, last)
		}
	}
	if n := c.hub.Stats().Evaluations; n > 30 {
		t.Errorf("%d of 300 lines were looked through: the pattern is not slow", n)
	}
}

// BenchmarkBesideACostlyPattern is the time of one line to a viewer without a pattern,
// alone and beside viewers whose expressions cost more than there is time.
func BenchmarkBesideACostlyPattern(b *testing.B) {
	for _, costlies := range []int{0, 1, 8} {
		b.Run(fmt.Sprintf("patterns=%d", costlies), func(b *testing.B) {
			c := newCrowdHub(b, loglane.Retention{Bytes: 64 << 20})
			for n := range costlies {
				c.watch("backlog=0&q=" + url.QueryEscape(strings.Replace(costly, "y", fmt.Sprint("y", n), 1)))
			}
			plain := c.watch("backlog=0")
			c.append(1, costlyLine)
			c.next(plain)
			for b.Loop() {
				c.append(1, func(n int) []byte { return fmt.Appendf(nil, `{"message":"line %d"}`, n) })
				c.next(plain)
			}
		})
	}
}
