package loglane

import (
	"context"
	"net/http"
	"time"
)

// What one search looks at and returns at most. What is left is for the next page.
const (
	searchLines  = 100_000
	searchBytes  = 64 << 20
	searchTime   = 5 * time.Second
	searchResult = 4 << 20
)

// A search looks through a channel's history for one answer.
type search struct {
	hub     *Hub
	channel string
	filter  filter
	req     historyRequest
	ctx     context.Context // ends with the time that a search has

	found    [][]byte // a gap and lines as the answer has them, oldest first
	size     int      // of found
	lines    int      // of found
	scanned  int      // lines that the caller may see, and what else has a place
	looked   int      // entries
	weighed  int      // bytes of all of them
	status   Status
	missed   int64
	first    Cursor // the oldest place that was looked at …
	last     Cursor // … and the newest, or where a search would go on
	stopped  string // why it ended: see docs/api.md
	more     bool   // there are further lines in the search's direction
	deadline time.Time
}

// run searches. It fails where the broker does, and where the time is over before anything
// was looked at.
func (s *search) run(ctx context.Context) error {
	s.deadline = time.Now().Add(searchTime)
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithDeadline(ctx, s.deadline)
	defer cancel()
	if s.req.since.relative() || s.req.until.relative() {
		page, err := s.hub.readPage(ctx, s.channel, Last(0), 1)
		if err != nil {
			return err
		}
		s.req.since.resolve(page.Now)
		s.req.until.resolve(page.Now)
	}
	s.stopped = "end"
	var err error
	if s.req.forward() {
		err = s.forward(ctx)
	} else {
		err = s.backward(ctx)
	}
	if err == nil && s.stopped == "time" && s.looked == 0 {
		return &StatusError{Code: http.StatusServiceUnavailable, RetryAfter: searchTime, Message: "q: the first line alone takes longer than a search may: take a simpler expression"}
	}
	return err
}

// forward looks from a place on.
func (s *search) forward(ctx context.Context) error {
	from, judged, err := s.start(ctx)
	if err != nil {
		return err
	}
	for begun := false; ; begun = true {
		page, err := s.hub.readPage(ctx, s.channel, from, readLimit)
		if err != nil {
			return err
		}
		switch {
		case begun && page.Status != OK: // what is missing here, the next page tells
			s.stop("changed")
			return nil
		case !begun && page.Status != OK && judged:
			s.status, s.missed = page.Status, page.Missed
			s.last = page.Floor
			s.keep(newGap(page.Status.String(), page.Missed, page.Floor))
		case !begun && s.last == (Cursor{}):
			s.last = page.Floor
		}
		for _, entry := range page.Entries {
			if s.beyond(entry.Cursor) {
				return nil
			}
			if s.req.since != nil && entry.Cursor.ID.Ms < s.req.since.ms {
				continue
			}
			if !s.take(entry) {
				return nil
			}
			if s.last = entry.Cursor; s.looked == 1 {
				s.first = entry.Cursor
			}
		}
		if !page.More || len(page.Entries) == 0 {
			return nil
		}
		from = After(page.Entries[len(page.Entries)-1].Cursor)
	}
}

// start returns where a search forward begins, and whether that is a place whose status
// the caller wants to know.
func (s *search) start(ctx context.Context) (from From, judged bool, err error) {
	since := s.req.since
	switch {
	case s.req.after != nil && (since == nil || since.ms <= s.req.after.ID.Ms):
		s.last = *s.req.after
		return After(*s.req.after), true, nil
	case since == nil:
		return Oldest(), false, nil
	}
	page, err := s.hub.readPage(ctx, s.channel, Before(Cursor{ID: ID{Ms: since.ms}}), 1)
	if err != nil || len(page.Entries) == 0 {
		return Oldest(), false, err
	}
	s.last = page.Entries[0].Cursor
	return After(s.last), false, nil
}

// beyond says whether a place is past what is wanted.
func (s *search) beyond(c Cursor) bool {
	return s.req.before != nil && !c.ID.Less(s.req.before.ID) || s.req.until != nil && c.ID.Ms >= s.req.until.ms
}

// backward looks for the newest lines, and turns them round.
func (s *search) backward(ctx context.Context) error {
	defer func() {
		for i, j := 0, len(s.found)-1; i < j; i, j = i+1, j-1 {
			s.found[i], s.found[j] = s.found[j], s.found[i]
		}
	}()
	from := s.end()
	for begun := false; ; begun = true {
		page, err := s.hub.readPage(ctx, s.channel, from, readLimit)
		if err != nil {
			return err
		}
		if !begun {
			s.last = page.Floor
			if from.Kind == FromLast && !page.Tail.ID.IsZero() {
				s.last = page.Tail
			}
		}
		for i := len(page.Entries) - 1; i >= 0; i-- {
			entry := page.Entries[i]
			if s.req.since != nil && entry.Cursor.ID.Ms < s.req.since.ms {
				return nil
			}
			if !s.take(entry) {
				return nil
			}
			if s.first = entry.Cursor; s.looked == 1 {
				s.last = entry.Cursor
			}
		}
		if !page.More || len(page.Entries) == 0 {
			return nil
		}
		from = Before(page.Entries[0].Cursor)
	}
}

// end is where a search backward begins.
func (s *search) end() From {
	before, until := s.req.before, s.req.until
	switch {
	case before == nil && until == nil:
		return Last(readLimit)
	case until == nil || before != nil && before.ID.Ms < until.ms:
		return Before(*before)
	default:
		return Before(Cursor{ID: ID{Ms: until.ms}})
	}
}

// take looks at one entry. False means that the search has to end before it.
func (s *search) take(entry Entry) bool {
	switch {
	case s.lines >= s.req.limit:
		return s.stop("limit")
	case s.size >= searchResult:
		return s.stop("bytes")
	case s.looked >= searchLines:
		return s.stop("lines")
	case s.weighed >= searchBytes:
		return s.stop("bytes")
	case time.Now().After(s.deadline):
		return s.stop("time")
	}
	i := s.see(s.hub.encoder.entry(entry))
	if i == nil {
		s.looked++
		s.weighed += len(entry.Data)
		return true
	}
	shows, known := s.judge(i)
	if !known {
		return s.stop("time")
	}
	s.looked++
	s.scanned++
	s.weighed += len(entry.Data)
	if shows && i.isLine() {
		s.keep(i)
		s.lines++
	}
	return true
}

// see returns what the caller may see of an item, nil where that is nothing: such a line is
// not counted either.
func (s *search) see(i *item) *item {
	switch {
	case !s.filter.may(i):
		return nil
	case s.filter.members == nil || !i.isLine():
		return i
	default:
		return i.seenBy(s.filter.members)
	}
}

// keep writes an item down at once: what the answer takes is what bounds it, and what it
// was read with can go.
func (s *search) keep(i *item) {
	written := s.req.format.item(i)
	s.found = append(s.found, written)
	s.size += len(written)
}

// judge says whether an entry is shown; not known is that the time is over.
func (s *search) judge(i *item) (shows, known bool) {
	shows, pending := s.filter.judge(i)
	if pending == nil {
		return shows, true
	}
	select {
	case <-pending.done:
		return pending.shows, true
	case <-s.ctx.Done():
		return false, false
	}
}

func (s *search) stop(why string) bool {
	s.stopped, s.more = why, true
	return false
}
