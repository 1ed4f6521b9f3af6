package tail

import "github.com/loglane/loglane"

// maxSeen is how many lines are known again. Several busy producers, each of which keeps a
// mebibyte, may send so many again when Redis has lost them.
const maxSeen = 100_000

// An identity tells a line from others wherever it comes again: the src, or the place of
// a line that has none.
type identity struct {
	src loglane.Src
	id  loglane.ID
}

func identityOf(c loglane.Cursor) identity {
	if c.Src.IsZero() {
		return identity{id: c.ID}
	}
	return identity{src: c.Src}
}

// seen are the last lines that were shown.
type seen struct {
	known map[identity]struct{}
	order []identity // a ring once it is full
	next  int
}

// add says whether the line is new.
func (s *seen) add(line identity) bool {
	if _, known := s.known[line]; known {
		return false
	}
	if s.known == nil {
		s.known = make(map[identity]struct{})
	}
	s.known[line] = struct{}{}
	if len(s.order) < maxSeen {
		s.order = append(s.order, line)
		return true
	}
	delete(s.known, s.order[s.next])
	s.order[s.next] = line
	s.next = (s.next + 1) % maxSeen
	return true
}
