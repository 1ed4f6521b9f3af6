package chaos

import (
	"sync"
	"sync/atomic"

	"github.com/loglane/loglane"
)

// A script is what the viewers of one stream are shown, each different sight once: at
// hundreds of thousands of lines a second a viewer cannot note, parse and look up each by
// itself. Viewers still compare each line's id and the sum of its data; what differs in
// either is a sight of its own. Its methods may be called concurrently.
type script struct {
	mu     sync.Mutex
	scenes []*act
	lines  map[lineKey]*act
	gaps   map[Reason]*act
	srcs   map[loglane.Src]uint32
}

type lineKey struct {
	id  string
	sum uint32
}

// An act is one sight of the script. It does not change, but for what follows it.
type act struct {
	Sight
	id     string // as it was sent
	number uint32 // in the script
	src    uint32 // the same for every act of a line with this Src
	next   atomic.Pointer[act]
}

func newScript() *script {
	return &script{lines: make(map[lineKey]*act), gaps: make(map[Reason]*act), srcs: make(map[loglane.Src]uint32)}
}

// line returns the act of a line that came after another one, which may be nil.
func (s *script) line(after *act, id string, sum uint32) *act {
	if after != nil {
		if next := after.next.Load(); next != nil && next.Kind == Shown && next.Sum == sum && next.id == id {
			return next
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.lines[lineKey{id, sum}]
	if a == nil {
		cursor, err := loglane.ParseCursor(id)
		if err != nil {
			cursor = loglane.Cursor{} // nobody's, and so strange
		}
		if cursor.Src == (loglane.Src{}) && !cursor.ID.IsZero() {
			cursor.Src = loglane.NewSrc(Foreign, ForeignK(cursor.ID)) // known by its place
		}
		a = s.add(Sight{ID: cursor.ID, Src: cursor.Src, Sum: sum})
		a.id, a.src = id, s.number(cursor.Src)
		s.lines[lineKey{id, sum}] = a
	}
	if after != nil {
		after.next.Store(a)
	}
	return a
}

func (s *script) gap(reason Reason) *act {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gaps[reason] == nil {
		s.gaps[reason] = s.add(Sight{Kind: Gap, Reason: reason})
	}
	return s.gaps[reason]
}

func (s *script) add(sight Sight) *act {
	a := &act{Sight: sight, number: uint32(len(s.scenes))}
	s.scenes = append(s.scenes, a)
	return a
}

func (s *script) number(src loglane.Src) uint32 {
	n, known := s.srcs[src]
	if !known {
		n = uint32(len(s.srcs))
		s.srcs[src] = n
	}
	return n
}

// act returns an act by its number.
func (s *script) act(number uint32) *act {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scenes[number]
}

// all returns the acts by their numbers.
func (s *script) all() []*act {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scenes
}

// numbers returns the numbers of identities.
func (s *script) numbers(srcs []loglane.Src) []uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers := make([]uint32, len(srcs))
	for i, src := range srcs {
		numbers[i] = s.number(src)
	}
	return numbers
}

// A seenLines is a set of lines by the numbers of their identities.
type seenLines []uint64

func (s seenLines) has(n uint32) bool { return int(n/64) < len(s) && s[n/64]&(1<<(n%64)) != 0 }

func (s *seenLines) add(n uint32) {
	if missing := int(n/64) + 1 - len(*s); missing > 0 {
		*s = append(*s, make([]uint64, missing)...)
	}
	(*s)[n/64] |= 1 << (n % 64)
}

func (s seenLines) remove(n uint32) { s[n/64] &^= 1 << (n % 64) }
