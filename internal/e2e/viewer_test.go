package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

// A shown is one event that a viewer got.
type shown struct {
	event, id, data string
}

// A viewer reads one stream as our clients do: it resumes by cursor and drops what it has
// shown.
type viewer struct {
	url    string
	client *http.Client
	header http.Header

	mu      sync.Mutex
	cursor  string
	events  []shown
	seen    map[string]bool
	changed chan struct{}
	dropped int
}

func newViewer(url string) *viewer {
	return &viewer{url: url, client: http.DefaultClient, header: http.Header{}, seen: make(map[string]bool), changed: make(chan struct{}, 1)}
}

// watch reads until ctx ends, and comes back whenever the stream has ended.
func (v *viewer) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if err := v.once(ctx); err != nil && ctx.Err() == nil {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// once reads one response to its end.
func (v *viewer) once(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url, nil)
	if err != nil {
		return err
	}
	for name, values := range v.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "text/event-stream")
	v.mu.Lock()
	if v.cursor != "" {
		req.Header.Set("Last-Event-ID", v.cursor)
	}
	v.mu.Unlock()
	resp, err := v.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	decoder := sse.NewDecoder(resp.Body)
	for {
		event, err := decoder.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		v.take(event)
	}
}

func (v *viewer) take(event sse.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.tell()
	if event.HasID {
		v.cursor = event.ID
	}
	if !event.HasData {
		return
	}
	if event.Type == "message" && event.HasID {
		key := identity(event.ID)
		if v.seen[key] {
			v.dropped++
			return
		}
		v.seen[key] = true
	}
	s := shown{event: event.Type, data: string(event.Data)}
	if event.HasID {
		s.id = event.ID
	}
	v.events = append(v.events, s)
}

func (v *viewer) tell() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// identity is what a client drops repeats by: the src, or else the place.
func identity(id string) string {
	parts := strings.Split(id, ".")
	return parts[len(parts)-1]
}

// all returns what the viewer got so far.
func (v *viewer) all() []shown {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]shown(nil), v.events...)
}

// numbers returns the numbers in the messages "line N", in the order they were shown.
func (v *viewer) numbers() []int {
	var numbers []int
	for _, s := range v.all() {
		if n, ok := numberOf(s); ok {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

var numbered = regexp.MustCompile(`^line (\d+)$`)

func numberOf(s shown) (int, bool) {
	if s.event != "message" {
		return 0, false
	}
	var record struct{ Message string }
	if json.Unmarshal([]byte(s.data), &record) != nil {
		return 0, false
	}
	match := numbered.FindStringSubmatch(record.Message)
	if match == nil {
		return 0, false
	}
	n, err := strconv.Atoi(match[1])
	return n, err == nil
}

// await waits until the viewer's events satisfy done.
func (v *viewer) await(t *testing.T, what string, within time.Duration, done func([]shown) bool) {
	t.Helper()
	deadline := time.After(within)
	for {
		if done(v.all()) {
			return
		}
		select {
		case <-v.changed:
		case <-deadline:
			events := v.all()
			t.Fatalf("%s did not come within %v; the last of %d events: %v", what, within, len(events), events[max(len(events)-5, 0):])
		}
	}
}

// awaitLine waits for "line N".
func (v *viewer) awaitLine(t *testing.T, n int, within time.Duration) {
	t.Helper()
	v.await(t, fmt.Sprintf("line %d", n), within, func(events []shown) bool {
		for i := len(events) - 1; i >= 0; i-- {
			if m, ok := numberOf(events[i]); ok && m == n {
				return true
			}
		}
		return false
	})
}

// awaitLineAfter does something once the viewer's stream is open, and waits for line n.
func (v *viewer) awaitLineAfter(t *testing.T, do func(), n int) {
	t.Helper()
	v.awaitCursor(t, "0-0", 10*time.Second)
	do()
	v.awaitLine(t, n, 10*time.Second)
}

// awaitCursor waits until the viewer's cursor is at a place.
func (v *viewer) awaitCursor(t *testing.T, place string, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for {
		v.mu.Lock()
		cursor := v.cursor
		v.mu.Unlock()
		if parts := strings.Split(cursor, "."); len(parts) > 2 && parts[2] == place {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatalf("the cursor is %s and not at %s after %v", cursor, place, within)
		}
	}
}

// cursorTime returns when the entry at a cursor was stored, by the broker's clock.
func cursorTime(t *testing.T, cursor string) time.Time {
	t.Helper()
	c, err := loglane.ParseCursor(cursor)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMilli(int64(c.ID.Ms))
}

// unbroken says what is wrong with a run of numbers, or "".
func unbroken(numbers []int) string {
	for i := 1; i < len(numbers); i++ {
		if numbers[i] != numbers[i-1]+1 {
			return fmt.Sprintf("line %d follows line %d (at %d of %d)", numbers[i], numbers[i-1], i, len(numbers))
		}
	}
	return ""
}

// gaps returns the gap events' data.
func gaps(events []shown) []string {
	var all []string
	for _, s := range events {
		if s.event == "gap" {
			all = append(all, s.data)
		}
	}
	return all
}
