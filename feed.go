package loglane

import (
	"context"
	"sync"
	"time"
)

// knownLines is how many of the newest lines a feed can recognise when a broker brings
// them again under other places.
const knownLines = 4096

// maxBacklog bounds what a feed buffers while it reads, in bytes.
const maxBacklog = 4 << 20

// readLimit is how many entries a feed asks for at once.
const readLimit = 256

type known struct {
	id  ID
	src Src
}

// A feed makes one channel's live payloads and its history into one exact sequence of
// items. The stream is the truth: what is live is either chained, that is a frame that
// names the last entry taken, or a doorbell, upon which the stream is read after the
// last entry. One read is in flight at a time; what comes meanwhile waits in the backlog.
type feed struct {
	hub     *Hub
	channel string

	mu       sync.Mutex
	stop     func() // ends the broker's Follow
	subs     map[*subscription]struct{}
	sleepers []*subscription // who want to know of the next item
	linger   *time.Timer
	closed   bool

	confirmed bool          // the broker reports what is published
	filled    bool          // the ring was read for the first time
	down      bool          // viewers have been told so
	settled   chan struct{} // closed once the feed is live or known to be down
	isSettled bool
	err       error // why the feed is not live

	epoch  string
	last   Cursor // of the newest entry taken
	stream bool   // the history has entries, as far as known
	ring   ring
	known  []known // circular
	knownN int
	gen    int // counts the gaps

	foreign   foreignLines
	lookAgain *time.Timer

	reading      bool
	readsBegun   uint64
	readsDone    uint64        // the last of them that succeeded
	kick         chan struct{} // ends the wait for the next try
	again        bool          // a doorbell rang since the read began
	expired      bool          // the history ended at its time since the read began
	returned     bool          // the broker came back: its feeds return at a bounded rate
	backlog      []livePayload
	backlogBytes int
	lastItem     time.Time
	older        *olderRead
}

type livePayload struct {
	data []byte
	at   time.Time
}

func newFeed(hub *Hub, channel string) *feed {
	return &feed{
		hub: hub, channel: channel,
		subs:    make(map[*subscription]struct{}),
		settled: make(chan struct{}),
		kick:    make(chan struct{}, 1),
		foreign: newForeignLines(),
		older:   newOlderRead(),
	}
}

// emit is what the broker calls; it neither blocks nor calls the broker.
func (f *feed) emit(event Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	switch event.Kind {
	case Confirmed:
		f.returned = f.filled
		f.confirmed = true
		f.doorbell(false)
		select {
		case f.kick <- struct{}{}:
		default:
		}
	case Lines:
		now := time.Now()
		for _, payload := range event.Payloads {
			f.receive(livePayload{data: payload, at: now})
		}
	case Broken:
		if event.Err == nil {
			f.doorbell(false)
			return
		}
		f.confirmed = false
		f.goDown(event.Err)
	case Expired:
		f.expire()
	}
}

// receive takes a payload, or keeps it until the read in flight has ended.
func (f *feed) receive(p livePayload) {
	if !f.reading && f.filled && f.confirmed {
		f.take(p, time.Time{})
		return
	}
	if f.backlogBytes+len(p.data) > maxBacklog {
		// What is dropped here stands in the stream, or is at most once.
		f.backlog, f.backlogBytes = nil, 0
		f.again = true
	}
	f.backlog = append(f.backlog, p)
	f.backlogBytes += len(p.data)
}

// take is the one place where a live payload is judged. A read that began after its
// coming has settled whatever stands in the stream.
func (f *feed) take(p livePayload, readBegan time.Time) {
	frame, isFrame := ParseFrame(p.data)
	covered := readBegan.After(p.at)
	if isFrame && frame.Cursor.Epoch == f.epoch {
		switch {
		case frame.Prev == f.last.ID:
			f.push(f.hub.encoder.line(frame.Cursor, frame.Data, false))
			f.advance(frame.Cursor)
			f.stream = true
		case covered, f.knows(known{id: frame.Cursor.ID, src: frame.Cursor.Src}):
		default:
			f.doorbell(true)
		}
		return
	}
	if f.foreign.arrive(p.data, frame.Cursor.Epoch, p.at) {
		return
	}
	if f.foreign.noWait && !f.stream && !isFrame {
		f.float(f.foreign.takeWaiting())
		return
	}
	if !covered {
		f.doorbell(isFrame && f.epoch != "")
	}
	f.scheduleLook()
}

// scheduleLook makes sure that a waiting payload is read for once more.
func (f *feed) scheduleLook() {
	at, waits := f.foreign.wakeAt()
	if !waits {
		return
	}
	if f.lookAgain == nil {
		f.lookAgain = time.AfterFunc(time.Until(at), func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.doorbell(false)
		})
		return
	}
	f.lookAgain.Reset(time.Until(at))
}

// ring_ is the doorbell: the stream is read after the last entry.
func (f *feed) doorbell(heal bool) {
	f.again = true
	if heal {
		f.hub.stats.heals.Add(1)
	}
	if f.reading || f.closed || !f.confirmed {
		return
	}
	f.reading = true
	f.hub.spawn(f.read)
}

// read reads until no doorbell has rung since the last read began.
func (f *feed) read(ctx context.Context) {
	var retry backoff
	for {
		f.mu.Lock()
		if f.closed || !f.again || !f.confirmed {
			f.reading = false
			f.mu.Unlock()
			return
		}
		f.again = false
		f.readsBegun++
		number, returned := f.readsBegun, f.returned
		f.mu.Unlock()

		if returned {
			f.hub.returns.wait(ctx)
		}
		began := time.Now()
		err := f.readAll(ctx, began)
		f.mu.Lock()
		if err != nil {
			f.again, f.expired = true, false
			if ctx.Err() == nil {
				f.goDown(err)
			} else {
				f.closed = true
			}
			f.mu.Unlock()
			retry.wait(ctx, f.kick)
			continue
		}
		retry.reset()
		f.returned = false
		f.readsDone = number
		f.comeUp()
		f.settleBacklog(began)
		f.wake()
		if !f.again { // under the lock of the settling: what comes from here on is taken as it comes
			f.reading = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
	}
}

// readAll reads from the last entry taken to the newest; at the first time it fills the
// ring.
func (f *feed) readAll(ctx context.Context, began time.Time) error {
	f.mu.Lock()
	last, filled, rewound := f.last, f.filled, false
	f.mu.Unlock()
	if !filled {
		return f.fill(ctx, began)
	}
	for {
		page, err := f.hub.readPage(ctx, f.channel, After(last), readLimit)
		if err != nil {
			return err
		}
		f.mu.Lock()
		rewound = f.apply(page, rewound, began)
		last = f.last
		f.mu.Unlock()
		if !page.More {
			return nil
		}
	}
}

// fill makes the ring out of the newest part of the history.
func (f *feed) fill(ctx context.Context, began time.Time) error {
	newest, entries, more, err := f.hub.readBack(ctx, f.channel, ringLines+1)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filled = true
	f.epoch, f.stream = newest.Epoch, !newest.Tail.ID.IsZero()
	f.last = Cursor{Epoch: f.epoch}
	f.ring.floor, f.ring.floorKnown = newest.Floor, true
	f.ring.complete, f.ring.full = !more, more
	switch {
	case more: // what stands before the ring is known by its newest entry
		f.ring.floor, entries = entries[0].Cursor, entries[1:]
		f.last = f.ring.floor
	case len(entries) > 0 && entries[0].Foreign():
		f.ring.floorKnown = false
	}
	for _, entry := range entries {
		f.takeEntry(entry, newest.Now, began)
	}
	return nil
}

// settleBacklog takes what came while a read was under way.
func (f *feed) settleBacklog(began time.Time) {
	backlog := f.backlog
	f.backlog, f.backlogBytes = nil, 0
	for _, p := range backlog {
		f.take(p, began)
	}
	for _, w := range f.foreign.due(began, f.epoch) {
		f.float(w)
	}
	f.scheduleLook()
	if f.expired && !f.again {
		f.end()
	}
	f.expired = false
}

// lapse drops foreign payloads that came before a read which found their place gone.
func (f *feed) lapse(readBegan time.Time) {
	f.foreign.lapse(readBegan)
	kept := f.backlog[:0]
	for _, p := range f.backlog {
		if _, isFrame := ParseFrame(p.data); isFrame || p.at.After(readBegan) {
			kept = append(kept, p)
		}
	}
	clear(f.backlog[len(kept):])
	f.backlog = kept
}

// float lets a payload go out without a place.
func (f *feed) float(w waitingPayload) {
	f.foreign.float(w, f.ring.end(), time.Now())
	f.push(f.hub.encoder.line(Cursor{}, w.data, true))
}

// apply takes a page that was read after the last entry. It returns whether the read has
// gone back to the oldest entry, so that lines may come a second time.
func (f *feed) apply(page Page, rewound bool, began time.Time) bool {
	f.comeUp() // viewers' grants are checked before the first line
	switch {
	case page.Status == OK:
	case f.expired && len(f.backlog) == 0 && !f.last.ID.IsZero():
		f.end()
		rewound = true
	default:
		f.hub.stats.gaps.Add(1)
		f.gen++
		f.ring.newReplay(false)
		f.push(newGap(page.Status.String(), page.Missed, page.Floor))
		f.lapse(began)
		f.last = page.Floor
		rewound = true
	}
	f.epoch, f.last.Epoch = page.Epoch, page.Epoch
	f.stream = !page.Tail.ID.IsZero()
	skipped := false
	for _, entry := range page.Entries {
		if rewound && f.knows(known{id: entry.Cursor.ID, src: entry.Cursor.Src}) {
			f.last, skipped = entry.Cursor, true
			f.ring.leaveOut()
			continue
		}
		f.takeEntry(entry, page.Now, began)
		skipped = false
	}
	if skipped {
		f.push(newMark(f.last))
	}
	return rewound
}

// takeEntry takes one entry of the stream.
func (f *feed) takeEntry(entry Entry, clock uint64, began time.Time) {
	i := f.hub.encoder.entry(entry)
	if entry.Foreign() && entry.Data != nil {
		if floated := f.foreign.entry(entry.Data, began, f.fresh(entry, clock)); floated != nil {
			i.kind, i.had = lateItem, floated.position
		}
	}
	f.push(i)
	f.advance(entry.Cursor)
}

// fresh says whether an entry is young enough for its payload to be still under way.
func (f *feed) fresh(entry Entry, clock uint64) bool {
	return entry.Cursor.ID.Ms+uint64(settleWindow.Milliseconds()) >= clock
}

func (f *feed) advance(c Cursor) {
	f.last = c
	f.remember(c)
}

func (f *feed) remember(c Cursor) {
	k := known{id: c.ID, src: c.Src}
	if len(f.known) < knownLines {
		f.known = append(f.known, k)
	} else {
		f.known[f.knownN%knownLines] = k
	}
	f.knownN++
}

// knows says whether a line is among the newest that were taken: by its src where it has
// one, else by its place. It looks from the newest back, where a repeated one stands.
func (f *feed) knows(k known) bool {
	for n := 1; n <= len(f.known); n++ {
		other := f.known[(f.knownN-n)%knownLines]
		if !k.src.IsZero() && other.src == k.src || k.src.IsZero() && other.id == k.id {
			return true
		}
	}
	return false
}

// expire notes that the history ended at its time with all of it taken: viewers move to
// the place before the next line.
func (f *feed) expire() {
	switch {
	case !f.filled:
		f.doorbell(false)
	case f.reading:
		f.expired = true
	default:
		f.end()
	}
}

func (f *feed) end() {
	f.expired = false
	if f.last.ID.IsZero() {
		return
	}
	f.last = Cursor{Epoch: f.epoch}
	f.stream = false
	f.push(newMark(f.last))
	f.ring.newReplay(true)
}

// push gives an item to every viewer.
func (f *feed) push(i *item) {
	f.hub.charge(f.ring.push(i))
	f.lastItem = time.Now()
	f.wake()
}

func (f *feed) wake() {
	for _, s := range f.sleepers {
		s.asleep = false
		s.notify()
	}
	clear(f.sleepers)
	f.sleepers = f.sleepers[:0]
}

// rouse lets a viewer be woken by what comes next.
func (f *feed) rouse(s *subscription) {
	if !s.asleep {
		s.asleep, s.bed = true, len(f.sleepers)
		f.sleepers = append(f.sleepers, s)
	}
}

// unrouse takes that back.
func (f *feed) unrouse(s *subscription) {
	if !s.asleep {
		return
	}
	last := f.sleepers[len(f.sleepers)-1]
	f.sleepers[s.bed], last.bed = last, s.bed
	f.sleepers[len(f.sleepers)-1] = nil
	f.sleepers = f.sleepers[:len(f.sleepers)-1]
	s.asleep = false
}

// goDown tells viewers that the broker is away; they stay.
func (f *feed) goDown(err error) {
	f.err = err
	f.settle()
	if f.down || !f.filled {
		return
	}
	f.down = true
	f.hub.log.Debug("log stream: the broker is away", "channel", f.channel, "error", err)
	f.push(newStatus(true))
}

func (f *feed) comeUp() {
	f.err = nil
	f.settle()
	if !f.down {
		return
	}
	f.down = false
	f.hub.log.Debug("log stream: the broker is back", "channel", f.channel)
	f.push(newStatus(false))
}

// settle lets those go on who wait for the feed's first read.
func (f *feed) settle() {
	if !f.isSettled {
		f.isSettled = true
		close(f.settled)
	}
}

// dropRing frees the ring; viewers who have not read it go on from the history. It says
// whether it was possible: unless forced, a ring stays that somebody has still to read,
// or that has lines which stand nowhere else.
func (f *feed) dropRing(idle time.Duration, forced bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ring.items) == 0 || f.reading || time.Since(f.lastItem) < idle {
		return false
	}
	end := f.ring.end()
	if !forced {
		for s := range f.subs {
			if s.live && s.pos != end {
				return false
			}
		}
		for _, i := range f.ring.items {
			if i.kind == lineItem && !i.placed() {
				return false
			}
		}
	}
	f.hub.ringCost.Add(-int64(f.ring.clear(f.last)))
	for s := range f.subs {
		if s.live && s.pos == end {
			s.pos = f.ring.end()
		}
	}
	return true
}

// locate returns the ring's position that follows a cursor.
func (f *feed) locate(c Cursor) (int64, bool) {
	if c.ID == f.last.ID && c.Src == f.last.Src {
		return f.ring.end(), true
	}
	return f.ring.locate(c)
}

// notice takes what a viewer's own read has shown of the stream's tail. The broker counts
// what was read as known to the process: the feed must then know it too.
func (f *feed) notice(tail Cursor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last.ID.Less(tail.ID) {
		f.doorbell(false)
	}
}

// refresh returns once a read has ended that began after the call.
func (f *feed) refresh(ctx context.Context, s *subscription) error {
	f.mu.Lock()
	wanted := f.readsBegun + 1
	f.doorbell(false)
	for f.readsDone < wanted {
		f.rouse(s)
		f.mu.Unlock()
		select {
		case <-s.woken:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		f.mu.Lock()
	}
	f.mu.Unlock()
	return nil
}
