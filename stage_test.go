package loglane_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

const aliceChannel = "logs:User.alice"

// A stage is a hub over a memory broker in a bubble of fake time, with viewers who come
// in by the handler and a program that publishes.
type stage struct {
	*testing.T
	broker  *faultyBroker
	hub     *loglane.Hub
	grant   loglane.Grant
	options loglane.StreamOptions
	k       uint64
	names   map[loglane.ID]string // texts of the entries by their places
	viewers []*viewer
}

type stageOptions struct {
	hub       loglane.HubOptions
	retention loglane.Retention
}

// onStage runs f in a bubble. The stage ends with it: all goroutines must have ended.
func onStage(t *testing.T, opts stageOptions, f func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		memory, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: opts.retention, Global: opts.retention})
		if err != nil {
			t.Fatal(err)
		}
		s := &stage{
			T: t, broker: newFaultyBroker(memory),
			grant: loglane.Grant{Channel: aliceChannel},
			names: map[loglane.ID]string{{}: "start"},
		}
		if opts.hub.Logger == nil {
			opts.hub.Logger = slog.New(slog.DiscardHandler)
			if os.Getenv("LOGLANE_TEST_LOG") != "" {
				opts.hub.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
			}
		}
		if s.hub, err = loglane.NewHub(s.broker, &opts.hub); err != nil {
			t.Fatal(err)
		}
		defer func() {
			for _, v := range s.viewers {
				v.leave()
			}
			if err := s.hub.Close(context.Background()); err != nil {
				t.Errorf("Close: %v", err)
			}
		}()
		f(s)
	})
}

// append stores and publishes one line of a program of ours for each text.
func (s *stage) append(texts ...string) (last loglane.Cursor) {
	s.Helper()
	for _, text := range texts {
		record := loglane.NewRecord([]byte(text), 0)
		s.k++
		b := loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: s.k, Record: record}}}
		if _, err := s.broker.Append(s.Context(), s.grant.Channel, b); err != nil {
			s.Fatalf("Append: %v", err)
		}
		last = s.tail()
		s.names[last.ID] = textOf(record)
	}
	return last
}

func (s *stage) tail() loglane.Cursor {
	s.Helper()
	page, err := s.broker.MemoryBroker.Read(s.Context(), s.grant.Channel, loglane.Last(1), 1)
	if err != nil {
		s.Fatal(err)
	}
	return page.Tail
}

// store is an XADD of another program, publish its PUBLISH, and both is both at once.
func (s *stage) store(data string) {
	s.names[s.broker.StoreForeign(s.grant.Channel, []byte(data))] = textOf([]byte(data))
}

func (s *stage) publish(data string) { s.broker.PublishForeign(s.grant.Channel, []byte(data)) }

func (s *stage) both(data string) {
	s.store(data)
	s.publish(data)
}

// textOf returns a record's message, or the data where they are no record.
func textOf(data []byte) string {
	var record struct{ Message *string }
	if json.Unmarshal(data, &record) == nil && record.Message != nil {
		return *record.Message
	}
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
}

// A viewer is one request and what has come of it.
type viewer struct {
	s      *stage
	w      *socket
	cancel context.CancelFunc
	done   chan struct{}
}

func (s *stage) open(query string, header ...string) *viewer {
	s.Helper()
	return s.openAs(s.grant, query, header...)
}

// openAs opens a stream and waits until nothing more happens at once.
func (s *stage) openAs(grant loglane.Grant, query string, header ...string) *viewer {
	s.Helper()
	v := s.request(grant, http.MethodGet, query, header...)
	synctest.Wait()
	return v
}

func (s *stage) request(grant loglane.Grant, method, query string, header ...string) *viewer {
	r := httptest.NewRequest(method, "/api/v1/stream?"+query, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithCancel(context.Background())
	v := &viewer{s: s, w: newSocket(), cancel: cancel, done: make(chan struct{})}
	s.viewers = append(s.viewers, v)
	handler := s.hub.Stream(func(*http.Request) (loglane.Grant, error) { return grant, nil }, &s.options)
	go func() {
		defer close(v.done)
		defer cancel()
		handler.ServeHTTP(v.w, r.WithContext(ctx))
	}()
	return v
}

// leave closes the viewer's connection and waits for the handler's end.
func (v *viewer) leave() {
	v.cancel()
	v.w.thaw()
	<-v.done
}

// ended says whether the handler has returned.
func (v *viewer) ended() bool {
	synctest.Wait()
	select {
	case <-v.done:
		return true
	default:
		return false
	}
}

// events decodes all that has come.
func (v *viewer) events() (events []sse.Event) {
	v.s.Helper()
	synctest.Wait()
	decoder := sse.NewDecoder(bytes.NewReader(v.w.bytes()))
	for {
		event, err := decoder.Next()
		if err == io.EOF {
			return events
		}
		if err != nil {
			v.s.Fatalf("decoding: %v", err)
		}
		event.Data = bytes.Clone(event.Data)
		events = append(events, event)
	}
}

// told writes down what has come: a line's text with # where it has an id; #text for a
// bare id of that line's place; other events by their names and data.
func (v *viewer) told() []string {
	v.s.Helper()
	told := []string{}
	for _, event := range v.events() {
		switch {
		case event.Retry >= 0:
			told = append(told, "retry")
		case !event.HasData:
			told = append(told, "#"+v.place(event.ID))
		case event.Type == "message" && event.HasID:
			text := textOf(event.Data)
			if at := v.place(event.ID); at != text {
				text += "@" + at
			}
			told = append(told, text+"#")
		case event.Type == "message":
			told = append(told, textOf(event.Data))
		case event.HasID:
			told = append(told, event.Type+string(event.Data)+"#"+v.place(event.ID))
		default:
			told = append(told, event.Type+string(event.Data))
		}
	}
	return told
}

func (v *viewer) place(id string) string {
	v.s.Helper()
	c, err := loglane.ParseCursor(id)
	if err != nil {
		v.s.Errorf("id %q: %v", id, err)
	}
	if name, ok := v.s.names[c.ID]; ok {
		return name
	}
	return "?" + id
}

// want checks all that has come, in the notation of told.
func (v *viewer) want(want ...string) {
	v.s.Helper()
	if got := v.told(); strings.Join(got, " | ") != strings.Join(want, " | ") {
		v.s.Errorf("told  %s\nwant  %s", strings.Join(got, " | "), strings.Join(want, " | "))
	}
}

// wantMore checks what has come since the last call.
func (v *viewer) wantMore(want ...string) {
	v.s.Helper()
	v.want(want...)
	v.forget()
}

func (v *viewer) forget() {
	synctest.Wait()
	v.w.reset()
}

// lines are the texts of the lines that have come.
func (v *viewer) lines() (lines []string) {
	for _, event := range v.events() {
		if event.HasData && event.Type == "message" {
			lines = append(lines, textOf(event.Data))
		}
	}
	return lines
}

// lastID is what a browser would send to resume.
func (v *viewer) lastID() string {
	v.s.Helper()
	events := v.events()
	if len(events) == 0 {
		v.s.Fatal("nothing has come")
	}
	return events[len(events)-1].ID
}

// A socket is a connection's server side: it takes all, or nothing while it is frozen.
type socket struct {
	header http.Header

	mu       sync.Mutex
	status   int
	body     []byte
	writes   int
	firsts   map[*byte]int // first bytes of the events that were written, by their addresses
	deadline time.Time
	moved    chan struct{} // closed when the deadline or the frost changes
	frozen   bool
}

func newSocket() *socket {
	return &socket{header: make(http.Header), moved: make(chan struct{}), firsts: make(map[*byte]int)}
}

func (w *socket) Header() http.Header { return w.header }

func (w *socket) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 {
		w.status = status
	}
}

func (w *socket) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	for {
		w.mu.Lock()
		deadline, moved := w.deadline, w.moved
		late := !deadline.IsZero() && !time.Now().Before(deadline)
		if !w.frozen && !late {
			w.body = append(w.body, p...)
			w.writes++
			for begin, event := 0, []byte(nil); begin < len(p); begin += len(event) + len("\n\n") {
				event, _, _ = bytes.Cut(p[begin:], []byte("\n\n"))
				w.firsts[&p[begin]]++
			}
			w.mu.Unlock()
			return len(p), nil
		}
		w.mu.Unlock()
		if late {
			return 0, os.ErrDeadlineExceeded
		}
		var timeout <-chan time.Time
		if !deadline.IsZero() {
			timeout = time.After(time.Until(deadline))
		}
		select {
		case <-moved:
		case <-timeout:
		}
	}
}

func (w *socket) FlushError() error { return nil }

func (w *socket) SetWriteDeadline(at time.Time) error {
	w.change(func() { w.deadline = at })
	return nil
}

func (w *socket) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.moved)
	w.moved = make(chan struct{})
}

func (w *socket) freeze() { w.change(func() { w.frozen = true }) }
func (w *socket) thaw()   { w.change(func() { w.frozen = false }) }
func (w *socket) reset()  { w.change(func() { w.body = nil }) }

// written is how often something was.
func (w *socket) written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writes
}

func (w *socket) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.body)
}

// numbered returns the texts "<name> <n>" for n from first to last.
func numbered(name string, first, last int) (texts []string) {
	for n := first; n <= last; n++ {
		texts = append(texts, fmt.Sprintf("%s %d", name, n))
	}
	return texts
}

// placed adds the # of lines that have an id.
func placed(texts ...string) []string {
	marked := make([]string, len(texts))
	for i, text := range texts {
		marked[i] = text + "#"
	}
	return marked
}
