package loglane

import (
	"context"
)

// batchItems and batchBytes bound what a viewer is given at once.
const (
	batchItems = 64
	batchBytes = 16 << 10
)

// A subscription is one viewer's place in a feed: a cursor, not a queue. It is used by
// one goroutine; what the feed shares with it is guarded by the feed's lock.
type subscription struct {
	feed  *feed
	woken chan struct{}

	live  bool  // pos counts; else the viewer reads from the history, from place on
	pos   int64 // the ring's next item for the viewer
	since int64 // the viewer has had all of the ring from here on
	quiet int64 // up to here, what a joining viewer need not be told is left out
	place Cursor
	all   bool // the viewer wants all that is kept, and has had nothing yet
	open  bool // the viewer has been live: behind the history it was too slow

	behind bool // the feed counts the viewer among those who read from the history

	asleep bool // among the feed's sleepers, at bed
	bed    int
}

// A delivery is an item on its way to one viewer.
type delivery struct {
	*item
	had bool // the viewer had the line before: only its place is told
}

func (s *subscription) notify() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// joinTail places a new viewer n lines before the newest. It returns the lines that only
// the history has.
func (s *subscription) joinTail(ctx context.Context, n int) ([]delivery, error) {
	f := s.feed
	for {
		f.mu.Lock()
		pos, covers := f.ring.tail(n)
		end, last, gen := f.ring.end(), f.last, f.gen
		if covers {
			s.live, s.pos, s.since, s.quiet, s.place = true, pos, pos, end, last
			if pos < end {
				var known bool
				s.place, known = f.ring.before(pos)
				s.all = !known
			}
			f.mu.Unlock()
			return nil, nil
		}
		f.mu.Unlock()
		items, err := f.older.read(ctx, last, n, func() ([]*item, error) {
			newest, entries, _, err := f.hub.readBack(ctx, f.channel, Last(n))
			f.notice(newest.Tail)
			return f.encode(entries), err
		})
		if err != nil {
			return nil, err
		}
		f.mu.Lock()
		if f.gen != gen {
			f.mu.Unlock()
			continue
		}
		s.live, s.pos, s.since, s.quiet, s.place = true, end, end, end, last
		f.mu.Unlock()
		return deliveries(upTo(items, last)), nil
	}
}

// joinAfter places a viewer after a cursor that it brought along.
func (s *subscription) joinAfter(c Cursor) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.place = c
	s.settle()
}

// joinOldest places a viewer before all that is kept.
func (s *subscription) joinOldest() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.all = true
}

// settle lets a viewer whose place stands in the ring go on from there.
func (s *subscription) settle() bool {
	pos, ok := s.feed.locate(s.place)
	if !ok {
		return false
	}
	// A line without a place may have been seen before: it comes at most once.
	s.live, s.pos, s.quiet = true, pos, s.feed.ring.end()
	s.since = s.quiet
	s.catchesUp()
	return true
}

// next returns what the ring has for the viewer; false means that the viewer has fallen
// behind it and is to catch up.
// Items from position until on are left where they are.
func (s *subscription) next(dst []delivery, until int64) ([]delivery, bool) {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if !s.live {
		return dst, false
	}
	size := 0
	for len(dst) < batchItems && size < batchBytes && s.pos < until {
		if s.pos < f.ring.start {
			s.live, s.open = false, true
			return dst, len(dst) > 0
		}
		if s.pos == f.ring.end() {
			if len(dst) == 0 {
				f.rouse(s)
			}
			return dst, true
		}
		i := f.ring.at(s.pos)
		s.pos++
		s.all = false
		if i.placed() {
			s.place = i.cursor
		}
		if s.pos <= s.quiet && s.leaveOut(i) {
			continue
		}
		dst = append(dst, delivery{item: i, had: i.kind == lateItem && s.since <= i.had})
		size += len(i.frame)
	}
	return dst, true
}

// leaveOut says what a joining viewer is not told of the time before it came.
func (s *subscription) leaveOut(i *item) bool {
	switch i.kind {
	case statusItem:
		return true
	case gapItem:
		return s.since < s.quiet // who brought no cursor misses nothing
	case lineItem:
		return !i.placed() && s.since >= s.quiet
	default:
		return false
	}
}

// backlogged says whether what next returns was there before the viewer came.
func (s *subscription) backlogged() bool {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.live && s.pos < s.quiet
}

// catchUp reads on from the viewer's place, until the place stands in the ring again. It
// returns what is to be told first; once that is nothing, the viewer is live.
func (s *subscription) catchUp(ctx context.Context) ([]delivery, error) {
	f := s.feed
	for refreshed := false; ; refreshed = true {
		f.mu.Lock()
		last, end, gen := f.last, f.ring.end(), f.gen
		s.fallBehind()
		if !s.all && s.settle() {
			s.open = true
			f.mu.Unlock()
			return nil, nil
		}
		f.mu.Unlock()
		page, items, err := s.read(ctx, last)
		if err != nil {
			return nil, err
		}
		if page.Status == OK {
			if told := s.advance(items, last, gen); told != nil {
				return told, nil
			}
			if refreshed && len(items) == 0 && s.join(end, gen) {
				return nil, nil
			}
		}
		if !s.open && page.Status == StatusTrimmed && len(upTo(items, last)) > 0 {
			// It goes on with the history, as who had been there all the while.
			if told := s.gap(page, items, end, gen); told != nil {
				return told, nil
			}
		}
		// Either the stream has gone on or back without the feed, or the feed knows
		// what happened: its view is to be as new as the page.
		if err := f.refresh(ctx, s); err != nil {
			return nil, err
		}
		if page.Status != OK {
			if told := s.gap(page, items, end, gen); told != nil {
				return told, nil
			}
		}
	}
}

// read returns a page after the viewer's place, and its items. Where a gap is before these and the
// viewer is to go on from the ring, there are none.
func (s *subscription) read(ctx context.Context, last Cursor) (Page, []*item, error) {
	if !s.all {
		page, items, err := s.readTrimmed(ctx, last)
		if err != nil || page.Status != OK {
			return page, items, err
		}
		page, items, err = s.feed.readAfter(ctx, s.place, last)
		if err == nil && page.Status != OK && !s.willLeap(page) {
			items = s.feed.encode(page.Entries)
		}
		return page, items, err
	}
	page, items, err := s.feed.readItems(ctx, Oldest())
	if err == nil {
		s.all, s.place = false, page.Floor
	}
	return page, items, err
}

// readTrimmed is read for a viewer whose place most likely was trimmed away; the page's status is OK
// where it was not, or where read does as well. A crowd who comes back so late, each from a place of
// its own, asks for one entry each and shares the rest.
func (s *subscription) readTrimmed(ctx context.Context, last Cursor) (Page, []*item, error) {
	f := s.feed
	if !f.trimmedBefore(s.place, last) {
		return Page{}, nil, nil
	}
	page, err := f.hub.readPage(ctx, f.channel, After(s.place), 1)
	switch {
	case err != nil:
		return page, nil, err
	case page.Status == OK, s.willLeap(page):
		return page, nil, nil
	case len(page.Entries) == 0, page.Entries[0].Foreign(): // before a foreign one is no place to ask after
		return Page{}, nil, nil
	}
	f.notice(page.Tail)
	rest, items, err := f.readAfter(ctx, page.Floor, last)
	if err != nil || rest.Status != OK { // more was trimmed meanwhile
		return Page{}, nil, err
	}
	return page, items, nil
}

// advance takes items that follow the viewer's place, up to the last entry that the feed
// has. It returns nil where there is no such entry.
func (s *subscription) advance(items []*item, last Cursor, gen int) []delivery {
	s.feed.mu.Lock()
	changed := s.feed.gen != gen
	s.feed.mu.Unlock()
	if changed {
		return nil
	}
	items = upTo(items, last)
	if len(items) > 0 {
		s.place = items[len(items)-1].cursor
	}
	return deliveries(items)
}

// join lets a viewer go live whose place stands at the end of the history, also where
// the ring has no such place: end is the ring's end from before that was read, by a feed
// that had read no less.
func (s *subscription) join(end int64, gen int) bool {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gen != gen {
		return false
	}
	s.live, s.open = true, true
	s.pos, s.since, s.quiet = end, end, end
	s.catchesUp()
	return true
}

// willLeap says whether a viewer goes on from the ring after a gap: one that was live and too slow.
func (s *subscription) willLeap(page Page) bool {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.leaps(page)
}

// leaps is willLeap while the feed is locked.
func (s *subscription) leaps(page Page) bool {
	return s.open && (page.Status == StatusTrimmed || page.Status == StatusExpired) && s.feed.ring.floorKnown
}

// gap tells a viewer that lines are missing after its place. A viewer that was live and
// too slow goes on from the ring, any other from the oldest entry that is kept: with the
// page that said so, for the place before a foreign entry is no place to ask after.
func (s *subscription) gap(page Page, items []*item, end int64, gen int) []delivery {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	leaps := s.leaps(page)
	if f.gen != gen || !leaps && items == nil { // or the ring has changed since the page was read
		return nil
	}
	f.hub.stats.gaps.Add(1)
	if leaps {
		missed := int64(-1)
		if page.Missed >= 0 && f.ring.floor.N >= s.place.N {
			missed = int64(f.ring.floor.N - s.place.N)
		}
		s.place = f.ring.floor
		s.live, s.pos, s.since, s.quiet = true, f.ring.start, f.ring.start, f.ring.start
		s.catchesUp()
		return []delivery{{item: newGap("slow", missed, s.place)}}
	}
	told := []delivery{{item: newGap(page.Status.String(), page.Missed, page.Floor)}}
	s.place = page.Floor
	if items = upTo(items, f.last); len(items) > 0 {
		s.place = items[len(items)-1].cursor
		told = append(told, deliveries(items)...)
	} else if page.Tail.ID.IsZero() { // nothing is kept: what is to come comes by the ring
		s.live, s.open = true, true
		s.pos, s.since, s.quiet = end, end, end
		s.catchesUp()
	}
	return told
}

// deliveries are items on their way to one viewer, nil where there are none.
func deliveries(items []*item) []delivery {
	if len(items) == 0 {
		return nil
	}
	told := make([]delivery, len(items))
	for n, i := range items {
		told[n] = delivery{item: i}
	}
	return told
}

// feedDown says whether the channel's viewers have been told that the broker is away.
func (s *subscription) feedDown() bool {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if s.feed.down {
		s.feed.rouse(s) // its return is to wake the viewer
	}
	return s.feed.down
}

// here returns the viewer's place.
func (s *subscription) here() Cursor {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return s.place
}
