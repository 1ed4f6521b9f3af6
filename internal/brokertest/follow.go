package brokertest

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

var followCases = []testCase{
	{"confirmed comes first", Options{}, confirmedFirst},
	{"frames chain and say what is stored", Options{}, framesChain},
	{"foreign payloads come byte for byte", Options{}, foreignPayloads},
	{"events come one at a time and in order", Options{}, serial},
	{"stop ends them", Options{}, stopEnds},
	{"two followers of one channel", Options{}, twoFollowers},
	{"many channels at once", Options{}, manyChannels},
	{"duplicates are not published again", Options{}, duplicatesAreSilent},
}

// A recorder is a follower that keeps what it is told.
type recorder struct {
	f    *fixture
	stop func()
	told chan struct{} // holds a token after each event

	busy   sync.Mutex // held while emit runs
	mu     sync.Mutex
	events []loglane.Event
}

// follow follows the fixture's channel and waits for the confirmation.
func (f *fixture) follow() *recorder {
	f.Helper()
	r := f.record(f.channel)
	r.wait("a Confirmed event", func() bool { return r.count(loglane.Confirmed) > 0 })
	return r
}

func (f *fixture) record(channel string) *recorder {
	r := &recorder{f: f, told: make(chan struct{}, 1)}
	r.stop = sync.OnceFunc(f.Follow(channel, r.emit))
	f.Cleanup(r.stop)
	return r
}

func (r *recorder) emit(event loglane.Event) {
	if !r.busy.TryLock() {
		r.f.Error("two events of one follower at once")
		return
	}
	defer r.busy.Unlock()
	r.mu.Lock()
	r.events = append(r.events, event)
	r.mu.Unlock()
	select {
	case r.told <- struct{}{}:
	default:
	}
}

// wait waits until a condition holds that events bring about.
func (r *recorder) wait(what string, condition func() bool) {
	r.f.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-r.told:
		case <-deadline.C:
			r.f.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (r *recorder) count(kind loglane.EventKind) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range r.events {
		if event.Kind == kind {
			n++
		}
	}
	return n
}

func (r *recorder) payloads() (all [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range r.events {
		all = append(all, event.Payloads...)
	}
	return all
}

// wantPayloads waits for n payloads and checks that no more have come.
func (r *recorder) wantPayloads(n int) {
	r.f.Helper()
	r.wait(fmt.Sprintf("%d payloads", n), func() bool { return len(r.payloads()) >= n })
	if got := len(r.payloads()); got != n {
		r.f.Fatalf("%d payloads, want %d", got, n)
	}
}

// frame reads a payload that must be a frame.
func (f *fixture) frame(payload []byte) loglane.Frame {
	f.Helper()
	frame, ok := loglane.ParseFrame(payload)
	if !ok {
		f.Fatalf("payload %.100q is no frame", payload)
	}
	return frame
}

func confirmedFirst(f *fixture) {
	f.append("alpha", 1, 1)
	r := f.follow()
	f.append("alpha", 2, 2)
	r.wantPayloads(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events[0].Kind != loglane.Confirmed || r.events[0].Err != nil || r.events[0].Payloads != nil {
		f.Errorf("the first event is %+v", r.events[0])
	}
}

func framesChain(f *fixture) {
	f.append("alpha", 1, 2)
	f.Store(f.channel, []byte("foreign, not published"))
	r := f.follow()
	f.append("alpha", 3, 5)
	f.append("beta", 1, 1)
	f.accept(loglane.Batch{Producer: "beta", Lines: []loglane.Line{{K: 2, Record: []byte("{}")}}})
	r.wantPayloads(5)
	entries := f.all()[3:]
	for i, payload := range r.payloads() {
		frame := f.frame(payload)
		f.same("a frame", []loglane.Entry{frame.Entry}, entries[i:i+1])
		if frame.Prev != entries[i].Prev {
			f.Errorf("frame %d names %v as the one before it, want %v", i, frame.Prev, entries[i].Prev)
		}
		if frame.Cursor.Src != loglane.NewSrc(frame.Producer, frame.K) {
			f.Errorf("frame %d is of %s:%d", i, frame.Producer, frame.K)
		}
		if again := frame.Append(nil); !bytes.Equal(again, payload) {
			f.Errorf("payload %q writes as %q", payload, again)
		}
	}
}

func foreignPayloads(f *fixture) {
	r := f.follow()
	want := odd()
	for _, payload := range want {
		f.Publish(f.channel, payload)
	}
	r.wantPayloads(len(want))
	for i, payload := range r.payloads() {
		if !bytes.Equal(payload, want[i]) {
			f.Errorf("payload %d is %.60q, want %.60q", i, payload, want[i])
		}
	}
	if page := f.read(loglane.Oldest(), 10); len(page.Entries) != 0 {
		f.Errorf("a publish stored %d entries", len(page.Entries))
	}
}

func serial(f *fixture) {
	r := f.follow()
	var wg sync.WaitGroup
	for p := range 4 {
		wg.Go(func() {
			name := fmt.Sprintf("producer-%d", p)
			for k := range uint64(50) {
				if _, err := f.Append(f.ctx, f.channel, batch(name, k+1, k+1)); err != nil {
					f.Errorf("Append: %v", err)
				}
				f.Publish(f.channel, fmt.Appendf(nil, "%s %d", name, k))
			}
		})
	}
	wg.Wait()
	r.wantPayloads(400)
	next := make(map[string]int)
	var last loglane.Cursor
	for _, payload := range r.payloads() {
		if frame, ok := loglane.ParseFrame(payload); ok {
			if frame.Prev != last.ID || frame.Cursor.N != last.N+1 {
				f.Fatalf("frame %v names %v as the one before it, that is %v", frame.Cursor, frame.Prev, last)
			}
			last = frame.Cursor
			continue
		}
		var name string
		var k int
		if _, err := fmt.Sscanf(string(payload), "%s %d", &name, &k); err != nil || k != next[name] {
			f.Fatalf("payload %q, want number %d", payload, next[name])
		}
		next[name]++
	}
}

func stopEnds(f *fixture) {
	stopped, other := f.follow(), f.follow()
	f.append("alpha", 1, 1)
	stopped.wantPayloads(1)
	stopped.stop()
	f.append("alpha", 2, 3)
	f.Publish(f.channel, []byte("foreign"))
	other.wantPayloads(4)
	stopped.wantPayloads(1)
	other.stop()
	again := f.follow()
	f.append("alpha", 4, 4)
	again.wantPayloads(1)
	stopped.wantPayloads(1)
	other.wantPayloads(4)
}

func twoFollowers(f *fixture) {
	one, two := f.follow(), f.follow()
	f.append("alpha", 1, 3)
	f.Publish(f.channel, []byte("foreign"))
	one.wantPayloads(4)
	two.wantPayloads(4)
	for i, payload := range one.payloads() {
		if !bytes.Equal(payload, two.payloads()[i]) {
			f.Errorf("payload %d differs", i)
		}
	}
}

func manyChannels(f *fixture) {
	const channels = 300
	names := make([]string, channels)
	recorders := make([]*recorder, channels)
	for i := range names {
		names[i] = newChannel(f.T)
		recorders[i] = f.record(names[i])
	}
	for i, r := range recorders {
		r.wait("a Confirmed event", func() bool { return r.count(loglane.Confirmed) > 0 })
		f.Publish(names[i], fmt.Appendf(nil, "for %d", i))
	}
	for i := range names {
		f.channel = names[i]
		f.append("alpha", uint64(i+1), uint64(i+1))
	}
	for i, r := range recorders {
		r.wantPayloads(2)
		if got, want := string(r.payloads()[0]), fmt.Sprintf("for %d", i); got != want {
			f.Errorf("channel %d got %q", i, got)
		}
		if frame := f.frame(r.payloads()[1]); frame.K != uint64(i+1) || frame.Cursor.N != 1 {
			f.Errorf("channel %d got number %d of the producer, %d of the channel", i, frame.K, frame.Cursor.N)
		}
	}
	for _, r := range recorders {
		r.stop()
	}
}

func duplicatesAreSilent(f *fixture) {
	r := f.follow()
	f.append("alpha", 1, 3)
	f.append("alpha", 1, 3)
	f.append("alpha", 2, 4)
	f.append("alpha", 5, 5)
	r.wantPayloads(5)
	for i, payload := range r.payloads() {
		if frame := f.frame(payload); frame.K != uint64(i+1) {
			f.Errorf("payload %d is number %d", i, frame.K)
		}
	}
}
