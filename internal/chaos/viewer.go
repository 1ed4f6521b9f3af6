package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

const (
	// maxSeen is how many lines a viewer knows again, as loglane tail does.
	maxSeen = 100_000
	// sightsAtOnce is how many sights a viewer makes room for.
	sightsAtOnce = 4096
	reconnectIn  = 200 * time.Millisecond
)

// A Viewer reads one stream as our clients do: it resumes by cursor, and drops what it has
// shown. It notes what is left.
type Viewer struct {
	URL    string
	Header http.Header
	Client *http.Client

	began time.Time

	script *script

	mu       sync.Mutex
	noted    [][]note
	count    int // of the notes
	seen     seenLines
	shown    *act // what was noted last
	gaps     map[Reason]int
	cursor   string
	dropped  int
	opened   []time.Time
	tried    []time.Time   // when each was asked for, also in vain
	asked    time.Duration // what the gateway last asked to wait before coming again …
	retry    time.Duration // … where it has said that it leaves
	ended    int
	statuses map[string]int
	ends     []string // why streams ended: the data of auth events
	finish   Finish   // of the stream that is open
	finishes []Finish
	refused  time.Time // when a try was answered 401, the last
	down     time.Time // since when the gateway says that the broker is away; zero while it does not
	downs    []time.Time
	inDown   int      // lines that came all the same
	unplaced []string // data of lines without a place
	marks    int
	marked   time.Time
	resumed  []time.Duration
	await    map[uint32]struct{}
	caughtUp chan struct{}
}

// A note is a sight in its viewer's own words.
type note struct {
	act uint32
	at  int32 // as in a Sight
}

// NewViewer makes a viewer of a stream's URL; header goes with each request.
func NewViewer(url string, header http.Header) *Viewer { return newViewer(url, header, newScript()) }

func newViewer(url string, header http.Header, script *script) *Viewer {
	return &Viewer{
		URL: url, Header: header, Client: http.DefaultClient, began: time.Now(), script: script,
		gaps: make(map[Reason]int), statuses: make(map[string]int), caughtUp: make(chan struct{}),
	}
}

// Watch reads until ctx ends, and comes back whenever the stream has ended.
func (v *Viewer) Watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := v.once(ctx)
		v.mu.Lock()
		v.ended++
		v.close(err)
		wait := max(v.retry, reconnectIn)
		v.retry = 0
		v.mu.Unlock()
		var refused *refusedError
		if errors.As(err, &refused) {
			wait += refused.wait + rand.N(refused.wait/2+reconnectIn) // apart from the others, as our clients do
		}
		if errors.Is(err, errSignedOut) {
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// A refusedError is an answer that is no stream.
type refusedError struct {
	code int
	wait time.Duration // that it asks for
}

func (e *refusedError) Error() string { return fmt.Sprintf("status %d", e.code) }

var errSignedOut = errors.New("signed out")

func (v *Viewer) once(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.URL, nil)
	if err != nil {
		return err
	}
	for name, values := range v.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "text/event-stream")
	v.mu.Lock()
	if v.cursor != "" {
		req.Header.Set("Last-Event-ID", v.cursor)
	}
	v.mu.Unlock()
	v.mu.Lock()
	v.tried = append(v.tried, time.Now())
	v.mu.Unlock()
	resp, err := v.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return errSignedOut
	default:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // without one it is 0
		return &refusedError{resp.StatusCode, time.Duration(seconds) * time.Second}
	}
	v.mu.Lock()
	v.opened = append(v.opened, time.Now())
	v.finish = Finish{}
	v.mu.Unlock()
	decoder := sse.NewDecoder(resp.Body)
	for {
		event, err := decoder.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		v.take(event)
	}
}

func (v *Viewer) take(event sse.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.finish.Reason != "" {
		v.finish.After++
	}
	if event.HasID {
		v.cursor = event.ID
	}
	if event.Retry >= 0 && len(v.opened) > 0 {
		v.asked = event.Retry
	}
	switch {
	case !event.HasData:
	case event.Type == "bye":
		v.retry = v.asked
	case event.Type == "message":
		if !v.down.IsZero() {
			v.inDown++
		}
		v.takeLine(event)
	case event.Type == "gap":
		var gap struct{ Reason string }
		_ = json.Unmarshal(event.Data, &gap) // a gap without a reason is one too
		reason := ReasonOf(gap.Reason)
		v.gaps[reason]++
		v.note(v.script.gap(reason), time.Now())
	case event.Type == "status":
		v.statuses[string(event.Data)]++
		v.takeStatus(event.Data)
	case event.Type == "auth":
		v.ends = append(v.ends, string(event.Data))
		v.finish.Reason = string(event.Data)
	}
}

func (v *Viewer) takeLine(event sse.Event) {
	if !event.HasID {
		v.unplaced = append(v.unplaced, string(event.Data))
		return
	}
	line := v.script.line(v.shown, event.ID, SumOf(event.Data))
	if v.seen.has(line.src) {
		v.dropped++
		return
	}
	v.seen.add(line.src)
	now := time.Now()
	v.note(line, now)
	if !v.marked.IsZero() {
		v.resumed = append(v.resumed, now.Sub(v.marked))
		v.marked = time.Time{}
	}
	if v.await != nil {
		v.arrive(line.src)
	}
}

func (v *Viewer) note(a *act, now time.Time) {
	n := note{act: a.number, at: int32(min(now.Sub(v.began).Microseconds(), math.MaxInt32))}
	last := len(v.noted) - 1
	if last < 0 || len(v.noted[last]) == sightsAtOnce {
		v.noted = append(v.noted, make([]note, 0, sightsAtOnce))
		last++
	}
	v.noted[last] = append(v.noted[last], n)
	v.shown = a
	if v.count++; v.count > maxSeen {
		v.forget(v.count - maxSeen - 1)
	}
}

// forget lets the line of a note not be known again.
func (v *Viewer) forget(n int) {
	old := v.script.act(v.noted[n/sightsAtOnce][n%sightsAtOnce].act)
	if old.Kind == Shown {
		v.seen.remove(old.src)
	}
}

// Noted is how many sights there are by now: lines, gaps and what else it has noted.
func (v *Viewer) Noted() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.count
}

// Sights yields what the viewer was shown, in order. It may be called once the viewer has
// stopped watching.
func (v *Viewer) Sights() iter.Seq[Sight] {
	return func(yield func(Sight) bool) {
		acts := v.script.all()
		for _, some := range v.noted {
			for _, n := range some {
				s := acts[n.act].Sight
				s.At = n.at
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Mark begins a measurement: the next line that comes ends it.
func (v *Viewer) Mark(at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.marked = at
	v.marks++
}

// Opened returns when each stream was open.
func (v *Viewer) Opened() []time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]time.Time(nil), v.opened...)
}

// Tried returns when each stream was asked for, also in vain.
func (v *Viewer) Tried() []time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]time.Time(nil), v.tried...)
}

// Latencies adds how long lines took from their sending, of those sent between two times.
// It may be called once the viewer has stopped watching.
func (v *Viewer) Latencies(dst []time.Duration, sentAt map[loglane.Src]time.Time, from, until time.Time) []time.Duration {
	for s := range v.Sights() {
		if sent, known := sentAt[s.Src]; known && sent.After(from) && sent.Before(until) {
			dst = append(dst, v.began.Add(time.Duration(s.At)*time.Microsecond).Sub(sent))
		}
	}
	return dst
}

// Marks is how often [Viewer.Mark] was called.
func (v *Viewer) Marks() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.marks
}

// Unplaced returns the data of the lines that came without a place.
func (v *Viewer) Unplaced() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.unplaced...)
}

// Resumed returns how long after each [Viewer.Mark] a line came.
func (v *Viewer) Resumed() []time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]time.Duration(nil), v.resumed...)
}

// Expect lets the viewer close CaughtUp once it has been shown all of some lines. It may
// be called once.
func (v *Viewer) Expect(lines []loglane.Src) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.await = make(map[uint32]struct{})
	for _, src := range v.script.numbers(lines) {
		if !v.seen.has(src) {
			v.await[src] = struct{}{}
		}
	}
	v.arrived()
}

func (v *Viewer) arrive(src uint32) {
	delete(v.await, src)
	v.arrived()
}

func (v *Viewer) arrived() {
	if len(v.await) == 0 {
		v.await = nil
		close(v.caughtUp)
	}
}

// CaughtUp is closed once the lines of [Viewer.Expect] have come.
func (v *Viewer) CaughtUp() <-chan struct{} { return v.caughtUp }

// A Tally is what a viewer counted beside its lines.
type Tally struct {
	Opened, Ended int            // streams
	Dropped       int            // lines that it knew
	Gaps          map[Reason]int // by reason
	Statuses      map[string]int // by data
	Ends          []string       // data of auth events
}

// Tally returns the counts of now.
func (v *Viewer) Tally() Tally {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := Tally{Opened: len(v.opened), Ended: v.ended, Dropped: v.dropped, Gaps: make(map[Reason]int), Statuses: make(map[string]int), Ends: append([]string(nil), v.ends...)}
	for reason, n := range v.gaps {
		t.Gaps[reason] = n
	}
	for data, n := range v.statuses {
		t.Statuses[data] = n
	}
	return t
}
