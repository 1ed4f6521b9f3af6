package loglane

import (
	"context"
	"errors"
	"runtime"
	"slices"
)

const (
	maxSharedPages = 8
	encodedAtOnce  = 32        // lines of a page, before others have their turn
	maxSharedBytes = ringBytes // of one channel, with what items take beyond their frames
)

// sharedPages are what viewers behind the ring have read of the history last. After an
// outage a whole crowd falls behind at once: those who are near each other ask the broker
// once a page, and a line is encoded once for all of them. So do those who come back one
// after the other to a channel whose ring was freed. Pages are kept only where several viewers
// are behind or have been lately, and each as long as it is read: one that nobody has read from
// one sweep to the next is dropped. To drop all at every sweep would let all channels of a crowd
// be read anew at once. The feed's lock guards them.
type sharedPages struct {
	behind  int           // how many viewers read from the history
	came    int           // how many have begun to since the last sweep …
	before  int           // … and between that and the one before
	pages   []*sharedPage // the one used last at the end
	cost    int
	drops   int // what was asked for before the last of them is not kept
	flights []*pageFlight
	floor   ID // the highest place that was found before the oldest entry that is kept
}

// A sharedPage is a part of the history without a hole.
type sharedPage struct {
	place Cursor  // what the broker was asked for: what follows it
	items []*item // in the order of their places
	cost  int
	read  bool // since the last sweep
	gone  bool // it is not kept any more
}

// A pageFlight is a read that is under way. What is in it counts once done is closed.
type pageFlight struct {
	place     Cursor
	drops     int
	done      chan struct{}
	err       error
	abandoned bool // the viewer who read has left
}

// after returns the items that follow a place, nil where the page does not have it.
func (p *sharedPage) after(place Cursor) []*item {
	if p.place.same(place) {
		return p.items
	}
	i, found := slices.BinarySearchFunc(p.items, place.ID, func(i *item, id ID) int {
		switch {
		case i.cursor.ID.Less(id):
			return -1
		case id.Less(i.cursor.ID):
			return 1
		default:
			return 0
		}
	})
	if !found || !p.items[i].isAt(place) {
		return nil
	}
	return p.items[i+1:]
}

// isAt says whether a place is the item's own. The place before the oldest entry cannot name the
// src of what was there.
func (i *item) isAt(place Cursor) bool {
	c := i.cursor
	return c.same(place) || place.Src.IsZero() && place.N > 0 && c.ID == place.ID && c.N == place.N && c.Epoch == place.Epoch
}

// follow returns what is kept of what follows a place, up to the last entry that the feed
// has.
func (s *sharedPages) follow(place, last Cursor) []*item {
	for n, page := range slices.Backward(s.pages) {
		items := upTo(page.after(place), last)
		if len(items) > 0 {
			page.read = true
			s.pages = append(slices.Delete(s.pages, n, n+1), page)
			return items
		}
	}
	return nil
}

// upTo cuts items after the last entry that the feed has.
func upTo(items []*item, last Cursor) []*item {
	for n, i := range items {
		if last.ID.Less(i.cursor.ID) {
			return items[:n]
		}
	}
	return items
}

// covering returns a read under way that most likely brings what follows a place. Numbers
// tell how far it reaches; where other programs write, that is only a guess.
func (s *sharedPages) covering(place Cursor) *pageFlight {
	for _, flight := range s.flights {
		from := flight.place
		numbered := place.N > 0 && from.Epoch == place.Epoch && (from.N > 0 || from.ID.IsZero())
		if from.same(place) || numbered && from.N < place.N && place.N < from.N+readLimit {
			return flight
		}
	}
	return nil
}

func (s *sharedPages) begin(place Cursor) *pageFlight {
	flight := &pageFlight{place: place, drops: s.drops, done: make(chan struct{})}
	s.flights = append(s.flights, flight)
	return flight
}

// end ends a read that has brought items. It returns by how much the memory grew.
func (s *sharedPages) end(flight *pageFlight, items []*item) (cost int) {
	s.flights = slices.DeleteFunc(s.flights, func(other *pageFlight) bool { return other == flight })
	defer close(flight.done)
	if !s.crowded() || flight.drops != s.drops {
		return 0
	}
	page := &sharedPage{place: flight.place, read: true}
	for n, i := range items {
		if page.cost+i.size() > maxSharedBytes {
			items = items[:n]
			break
		}
		page.cost += i.size()
	}
	if len(items) == 0 {
		return 0
	}
	page.items = items
	for _, i := range items {
		i.held.page = page
	}
	before := s.cost
	s.pages, s.cost = append(s.pages, page), s.cost+page.cost
	s.trim()
	return s.cost - before
}

// trim forgets the pages that are too many.
func (s *sharedPages) trim() {
	for len(s.pages) > maxSharedPages || s.cost > maxSharedBytes {
		s.cost -= s.pages[0].cost
		s.pages[0].gone = true
		s.pages = slices.Delete(s.pages, 0, 1)
	}
}

// crowded says whether several have been behind lately.
func (s *sharedPages) crowded() bool { return s.came+s.before >= 2 }

// sweep forgets what nobody has read since the last sweep. It returns the cost that was freed.
func (s *sharedPages) sweep() (freed int) {
	s.before, s.came = s.came, s.behind
	s.pages = slices.DeleteFunc(s.pages, func(page *sharedPage) bool {
		if page.gone = !page.read; page.gone {
			freed += page.cost
		}
		page.read = false
		return page.gone
	})
	s.cost -= freed
	return freed
}

// drop forgets the pages, and lets those under way not be kept. It returns the cost that was
// freed.
func (s *sharedPages) drop() (freed int) {
	freed = s.cost
	for _, page := range s.pages {
		page.gone = true
	}
	s.pages, s.cost, s.floor = nil, 0, ID{}
	s.drops++
	return freed
}

func (f *feed) dropPages() { f.hub.ringCost.Add(-int64(f.shared.drop())) }

// fallBehind counts the viewer among those who read from the history, until catchesUp.
func (s *subscription) fallBehind() {
	if !s.behind {
		s.behind = true
		s.feed.shared.behind++
		s.feed.shared.came++
	}
}

func (s *subscription) catchesUp() {
	if !s.behind {
		return
	}
	s.behind = false
	if s.feed.shared.behind--; !s.feed.shared.crowded() {
		s.feed.dropPages()
	}
}

// readAfter returns what follows a viewer's place, up to last where others have read it or
// are about to: else it is a page of the viewer's own, and may reach further.
func (f *feed) readAfter(ctx context.Context, place, last Cursor) (Page, []*item, error) {
	for waited := false; ; {
		f.mu.Lock()
		if items := f.shared.follow(place, last); items != nil {
			f.mu.Unlock()
			return Page{Status: OK}, items, nil
		}
		flight := f.shared.covering(place)
		if flight == nil || waited {
			flight = f.shared.begin(place)
			f.mu.Unlock()
			return f.readShared(ctx, flight)
		}
		f.mu.Unlock()
		select {
		case <-flight.done:
		case <-ctx.Done():
			return Page{}, nil, context.Cause(ctx)
		}
		if flight.err != nil && !flight.abandoned {
			return Page{}, nil, flight.err
		}
		waited = !flight.abandoned // once is enough: what came may not be kept, or not reach so far
	}
}

// trimmedBefore says whether a place most likely was trimmed away, and no page has what follows it.
func (f *feed) trimmedBefore(place, last Cursor) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shared.crowded() && !place.ID.IsZero() && place.ID.Less(f.shared.floor) && f.shared.follow(place, last) == nil
}

// readShared reads a page, and leaves it to those who are near.
func (f *feed) readShared(ctx context.Context, flight *pageFlight) (Page, []*item, error) {
	page, items, err := f.readItems(ctx, After(flight.place))
	f.mu.Lock()
	defer f.mu.Unlock()
	flight.err, flight.abandoned = err, errors.Is(ctx.Err(), context.Canceled)
	f.hub.charge(f.shared.end(flight, items))
	return page, items, err
}

// readItems reads a page and encodes it, where it follows what was asked for.
func (f *feed) readItems(ctx context.Context, from From) (Page, []*item, error) {
	page, err := f.hub.readPage(ctx, f.channel, from, readLimit)
	if err != nil {
		return page, nil, err
	}
	f.notice(page.Tail)
	if page.Status != OK {
		f.noticeFloor(page.Floor)
		return page, nil, nil
	}
	return page, f.encode(page.Entries), nil
}

// noticeFloor takes note of where the history began. It is a guess what that says of other places:
// what is read is what counts.
func (f *feed) noticeFloor(floor Cursor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shared.floor.Less(floor.ID) {
		f.shared.floor = floor.ID
	}
}

// encode makes items of a part of the history. The feed is not locked: what is live goes on.
func (f *feed) encode(entries []Entry) []*item {
	items := make([]*item, len(entries))
	for n, entry := range entries {
		if n%encodedAtOnce == encodedAtOnce-1 {
			runtime.Gosched() // what is stored can wait, what is live goes first
		}
		items[n] = f.hub.encoder.entry(entry)
	}
	inOnePiece(items)
	return items
}

// inOnePiece lets the frames of items lie behind each other, so that they are written
// together: net/http sends what comes in small pieces in pieces of 4 KiB.
func inOnePiece(items []*item) {
	size := 0
	for _, i := range items {
		size += len(i.frame)
	}
	piece := make([]byte, 0, size)
	for _, i := range items {
		begin := len(piece)
		piece = append(piece, i.frame...)
		i.frame = piece[begin:]
	}
}
