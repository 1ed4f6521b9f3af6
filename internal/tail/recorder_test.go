package tail_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/tail"
)

// A recorder is a viewer that keeps what it was shown.
type recorder struct {
	mu      sync.Mutex
	told    []string // lines' messages, and gaps as "gap REASON MISSED"
	ids     []string // of the lines
	notices []string
	flushed int           // how much of told was flushed
	fail    func() error  // nil never fails
	changed chan struct{} // has room for one
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{}, 1)} }

func (r *recorder) Line(line tail.Line) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var record struct{ Message string }
	if json.Unmarshal(line.Data, &record) != nil {
		record.Message = string(line.Data)
	}
	r.ids = append(r.ids, line.ID)
	return r.tell(record.Message)
}

func (r *recorder) Gap(gap tail.Gap) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tell(fmt.Sprintf("gap %s %d", gap.Reason, gap.Missed))
}

func (r *recorder) tell(text string) error {
	r.told = append(r.told, text)
	select {
	case r.changed <- struct{}{}:
	default:
	}
	if r.fail != nil {
		return r.fail()
	}
	return nil
}

func (r *recorder) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushed = len(r.told)
	return nil
}

func (r *recorder) Watched(others int) { r.Notice(fmt.Sprintf("watched by %d", others)) }

func (r *recorder) Notice(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices = append(r.notices, text)
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// awaitNotices waits until notices had a text so often.
func (r *recorder) awaitNotices(t *testing.T, text string, times int) {
	t.Helper()
	const within = 30 * time.Second
	deadline := time.After(within)
	for strings.Count(r.noticed(), text) < times {
		select {
		case <-r.changed:
		case <-deadline:
			t.Fatalf("%q was not told %d times within %v; notices: %s", text, times, within, r.noticed())
		}
	}
}

func (r *recorder) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.told, "|")
}

func (r *recorder) noticed() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.notices, "|")
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.told)
}

// await waits until so much was told.
func (r *recorder) await(t *testing.T, n int, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for r.count() < n {
		select {
		case <-r.changed:
		case <-deadline:
			t.Fatalf("%d of %d lines came within %v; notices: %s", r.count(), n, within, r.noticed())
		}
	}
}

// inOrder wants "line 1" to "line n" and nothing else.
func (r *recorder) inOrder(t *testing.T, n int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, text := range r.told {
		if want := fmt.Sprintf("line %d", i+1); text != want {
			t.Fatalf("%q is where %q should be; notices: %s", text, want, strings.Join(r.notices, "|"))
		}
	}
	if len(r.told) != n {
		t.Fatalf("%d lines came, and %d were sent", len(r.told), n)
	}
}
