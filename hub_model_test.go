package loglane_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// Whatever happens to what is published and to the broker's reachability, a viewer gets
// each line once and in order, or a gap that counts what is missing.
func TestModel(t *testing.T) {
	rounds := 40
	if testing.Short() || raceDetector {
		rounds = 8
	}
	seed, first := rand.Uint64(), 0
	if again := os.Getenv("LOGLANE_MODEL"); again != "" { // a failure names it
		if _, err := fmt.Sscanf(again, "%d/%d", &seed, &first); err != nil {
			t.Fatal(err)
		}
	}
	var played int
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with LOGLANE_MODEL=%d/%d", seed, played)
		}
	})
	for round := first; round < first+rounds && !t.Failed(); round++ {
		played = round
		onStage(t, stageOptions{retention: loglane.Retention{Lines: 1500}}, func(s *stage) {
			m := &model{stage: s, random: rand.New(rand.NewPCG(seed, uint64(round))), foreign: round%2 == 1}
			m.play()
		})
	}
}

type model struct {
	*stage
	random  *rand.Rand
	n       int // the last line
	runs    []*run
	held    []loglane.Event
	foreign bool // other programs write too
	unknown bool // they have: gaps have no count
}

// A run is one viewer over all its connections.
type run struct {
	*viewer
	next    int // the line that is to come; 0 is any
	floated map[int]bool
}

func (m *model) play() {
	m.broker.set(func(b *faultyBroker) { b.tamper = m.tamper })
	for range 60 {
		m.act()
		m.check()
	}
	m.broker.set(func(b *faultyBroker) { b.tamper = nil })
	m.broker.come()
	for _, r := range m.runs {
		r.w.thaw()
	}
	time.Sleep(time.Minute)
	m.check()
	m.write(1) // a last line heals what is still open
	time.Sleep(time.Minute)
	m.check()
	for i, r := range m.runs {
		for r.floated[r.next] {
			r.next++
		}
		if r.next != m.n+1 {
			m.Errorf("viewer %d has seen up to line %d of %d: ended %v", i, r.next-1, m.n, r.ended())
		}
	}
}

// tamper drops, doubles and delays what is published. The broker's lock guards it.
func (m *model) tamper(event loglane.Event) []loglane.Event {
	if event.Kind != loglane.Lines {
		return []loglane.Event{event}
	}
	if _, ours := loglane.ParseFrame(event.Payloads[0]); !ours { // doubled it is a line of its own
		return []loglane.Event{event}
	}
	switch m.random.IntN(12) {
	case 0:
		return nil
	case 1:
		return []loglane.Event{event, event}
	case 2:
		m.held = append(m.held, event)
		return nil
	case 3:
		held := m.held
		m.held = nil
		return append([]loglane.Event{event}, held...)
	default:
		return []loglane.Event{event}
	}
}

func (m *model) write(n int) {
	for range n {
		m.n++
		if text := fmt.Sprintf("line %d", m.n); m.foreign && m.random.IntN(10) == 0 {
			m.unknown = true
			if m.random.IntN(2) == 0 {
				m.both(text)
				continue
			}
			m.store(text)
			m.append("") // its doorbell, as good as any
		} else {
			m.append(text)
		}
	}
}

func (m *model) act() {
	switch m.random.IntN(16) {
	case 0, 1, 2, 3:
		m.write(1 + m.random.IntN(20))
	case 4:
		m.write(300 + m.random.IntN(1500))
	case 5, 6, 7:
		r := &run{viewer: m.open(fmt.Sprintf("backlog=%d", m.random.IntN(1200)))}
		m.runs = append(m.runs, r)
	case 8, 9:
		for _, r := range m.runs {
			if m.random.IntN(3) == 0 {
				m.resume(r)
			}
		}
	case 10:
		for _, r := range m.runs {
			if m.random.IntN(3) == 0 {
				r.w.freeze()
			}
		}
	case 11:
		for _, r := range m.runs {
			r.w.thaw()
		}
	case 12:
		m.broker.leave()
	case 13, 14:
		m.broker.come()
	case 15:
		m.broker.tell(loglane.Event{Kind: loglane.Broken})
	}
	if m.random.IntN(3) == 0 {
		time.Sleep(time.Duration(m.random.IntN(2000)) * time.Millisecond)
	}
}

// resume closes a viewer's connection and opens another with what it has got.
func (m *model) resume(r *run) {
	r.leave()
	m.see(r)
	id := ""
	if events := r.events(); len(events) > 0 {
		id = events[len(events)-1].ID
	}
	if id == "" { // it never got so far
		r.next, r.floated = 0, nil
	}
	r.viewer = m.open("", "Last-Event-ID", id)
}

func (m *model) check() {
	synctest.Wait()
	for _, r := range m.runs {
		m.see(r)
		if r.ended() {
			m.resume(r)
		}
	}
}

// see judges what has come on the connection since the last look.
func (m *model) see(r *run) {
	m.Helper()
	events := r.events()
	if len(events) == 0 {
		return
	}
	for _, event := range events {
		switch {
		case event.Type == "gap":
			r.next = m.gap(r.next, event.Data)
		case event.Type == "message" && event.HasData:
			text := textOf(event.Data)
			if text == "" {
				continue
			}
			var n int
			if _, err := fmt.Sscanf(text, "line %d", &n); err != nil {
				m.Fatalf("data %q: %v", event.Data, err)
			}
			m.line(r, n, event.HasID)
		}
	}
	// The last id stays: it is what a browser resumes from.
	last := events[len(events)-1].ID
	r.w.change(func() {
		r.w.body = nil
		if last != "" {
			r.w.body = fmt.Appendf(nil, "id: %s\n\n", last)
		}
	})
}

// line judges one line. A payload without an entry comes when it has waited long enough,
// and stands where it comes.
func (m *model) line(r *run, n int, placed bool) {
	m.Helper()
	if !placed {
		if r.floated[n] {
			m.Fatalf("line %d came twice without a place", n)
		}
		if r.floated == nil {
			r.floated = make(map[int]bool)
		}
		r.floated[n] = true
		return
	}
	if r.floated[n] {
		m.Fatalf("line %d came with its place after it had come without", n)
	}
	for r.next != 0 && r.floated[r.next] {
		r.next++
	}
	if r.next != 0 && n != r.next {
		m.Fatalf("line %d came, want %d", n, r.next)
	}
	r.next = n + 1
}

// gap returns the line that is to come after a gap.
func (m *model) gap(next int, data []byte) int {
	var reason string
	var missed int
	if _, err := fmt.Sscanf(string(data), `{"reason":%q,"missed":%d}`, &reason, &missed); err != nil {
		if !m.unknown {
			m.Errorf("gap %s in a channel of ours alone", data)
		}
		return 0
	}
	if next == 0 {
		return 0
	}
	return next + missed
}
