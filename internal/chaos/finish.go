package chaos

import (
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/loglane/loglane"
)

// A Finish is how a stream ended.
type Finish struct {
	At     time.Time
	Reason string // data of its auth event; "" is that there was none
	Clean  bool   // the response came to its end, and was not cut
	After  int    // what came after the auth event
}

// close notes the end of a stream, or that there was none; mu is held.
func (v *Viewer) close(err error) {
	now := time.Now()
	if errors.Is(err, errSignedOut) {
		v.refused = now
		return
	}
	if len(v.opened) > len(v.finishes) {
		v.finish.At, v.finish.Clean = now, err == nil
		v.finishes = append(v.finishes, v.finish)
		v.finish = Finish{}
		v.down = time.Time{}
	}
}

func (v *Viewer) takeStatus(data []byte) {
	var status struct{ Upstream string }
	_ = json.Unmarshal(data, &status) // what is no status says nothing
	switch {
	case status.Upstream == "up":
		v.down = time.Time{}
	case status.Upstream == "down" && v.down.IsZero():
		v.down = time.Now()
		v.downs = append(v.downs, v.down)
	}
}

// Finishes returns how the viewer's streams have ended, and when a try was answered 401;
// zero is never.
func (v *Viewer) Finishes() (finishes []Finish, refused time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]Finish(nil), v.finishes...), v.refused
}

// Downs returns when the viewer was told that the broker had gone, and how many lines came
// before it was told of the return.
func (v *Viewer) Downs() (downs []time.Time, lines int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]time.Time(nil), v.downs...), v.inDown
}

// LinesSince counts the lines that came after a time. It may be called once the viewer has
// stopped watching.
func (v *Viewer) LinesSince(at time.Time) (n int) {
	for s := range v.Sights() {
		if s.Kind == Shown && v.began.Add(time.Duration(s.At)*time.Microsecond).After(at) {
			n++
		}
	}
	return n
}

// Only returns what leaves out of a viewer's sights the lines that nobody had sent yet.
func (p Published) Only() func(iter.Seq[Sight]) iter.Seq[Sight] {
	sent := make(map[loglane.Src]bool)
	for producer, lines := range p {
		for _, line := range lines {
			sent[loglane.NewSrc(producer, line.K)] = true
		}
	}
	return func(sights iter.Seq[Sight]) iter.Seq[Sight] {
		return func(yield func(Sight) bool) {
			for s := range sights {
				if (s.Kind != Shown || sent[s.Src]) && !yield(s) {
					return
				}
			}
		}
	}
}
