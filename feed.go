package loglane

import (
	"context"
	"slices"
	"sync"
	"time"
)

// maxBacklog bounds what a feed buffers while it reads, in bytes.
const maxBacklog = 4 << 20

// A feed makes one channel's live payloads and its history into one exact sequence of
// items. The stream is the truth: what is live is either chained, that is a frame that
// names the last entry taken, or a doorbell, upon which the stream is read after the
// last entry. One read is in flight at a time; what comes meanwhile waits in the backlog.
type feed struct {
	hub     *Hub
	channel string

	viewing  sync.Mutex // of one view of a line at a time; before mu
	mu       sync.Mutex
	stop     func() // ends the broker's Follow
	subs     map[*subscription]struct{}
	sleepers []*subscription // who want to know of the next item
	linger   *time.Timer
	lingers  bool // nobody watches, and the timer runs
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
	known  knownLines
	n      uint64 // highest number of a line taken
	gen    int    // counts the gaps

	foreign   foreignLines
	lookAgain *time.Timer

	reading      bool
	readsBegun   uint64
	readsDone    uint64        // the last of them that succeeded
	kick         chan struct{} // ends the wait for the next try
	again        bool          // a doorbell rang since the read began
	past         []string      // epochs that were followed before, the newest last
	rewind       *rewind       // what was had, while a read goes from the oldest entry on
	expired      bool          // the history ended at its time since the read began
	purged       bool          // so was the history: what the read brings is not to be kept
	doubted      bool          // the history may have been purged
	clean        uint64        // the read that brings nothing purged: who joins waits for it
	marks        *purgeMarks
	mark         string // of the last purge that the feed knows of …
	marked       bool   // … once it has asked
	returned     bool   // the broker came back: its feeds return at a bounded rate
	backlog      []livePayload
	backlogBytes int
	lastItem     time.Time
	older        *olderRead
	shared       sharedPages
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
		marks:   newPurgeMarks(),
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
		f.forgetFrames()
		f.unsettle()
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

// forgetFrames drops the frames that came before a subscription and are not settled yet. A
// frame is stored before it is published: the read that follows brings it, or its Redis has
// lost it, and its producer sends it again.
func (f *feed) forgetFrames() {
	f.foreign.forgetFrames()
	f.backlog = slices.DeleteFunc(f.backlog, func(p livePayload) bool {
		_, isFrame := FrameID(p.data)
		if isFrame {
			f.backlogBytes -= len(p.data)
		}
		return isFrame
	})
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
		case covered, f.known.has(frame.Cursor):
		default:
			f.doorbell(true)
		}
		return
	}
	if isFrame && slices.Contains(f.past, frame.Cursor.Epoch) {
		f.doorbell(true) // it comes late, from a history that is lost, or the history is back
		return
	}
	if f.foreign.arrive(p.data, frame.Cursor.Epoch, p.at) {
		return
	}
	if f.foreign.noWait && !f.stream && !isFrame {
		for _, w := range f.foreign.takeTexts() {
			f.float(w)
		}
		return
	}
	for f.foreign.waitingBytes > maxBacklog { // the oldest wait no longer, frames stand in the stream
		if w := f.foreign.takeOldest(); w.epoch == "" {
			f.float(w)
		} else {
			f.foreign.release(w.key)
		}
	}
	if !covered {
		f.doorbell(isFrame && f.epoch != "")
	}
	f.scheduleLook()
}

// maxPast bounds the epochs whose late frames are known.
const maxPast = 8

// follow notes the epoch of the history.
func (f *feed) follow(epoch string) {
	if f.epoch != "" && f.epoch != epoch && !slices.Contains(f.past, f.epoch) {
		f.past = append(f.past, f.epoch)
		f.past = f.past[max(len(f.past)-maxPast, 0):]
	}
	f.past = slices.DeleteFunc(f.past, func(past string) bool { return past == epoch })
	f.epoch = epoch
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

// push gives an item to every viewer.
func (f *feed) push(i *item) {
	if f.closed { // a read that was under way has nobody to read for
		return
	}
	f.hub.charge(f.ring.push(i))
	f.lastItem = time.Now()
	f.wake()
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

// unsettle lets those wait who come while a feed that was not live is read again.
func (f *feed) unsettle() {
	if f.isSettled && f.err != nil {
		f.isSettled, f.err = false, nil
		f.settled = make(chan struct{})
	}
}

// dropRing frees the ring, and most of what is known; viewers who have not read it go on from the history. It says
// whether it was possible: unless forced, a ring stays that somebody has still to read,
// or that has lines which stand nowhere else.
func (f *feed) dropRing(idle time.Duration, forced bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if idle > 0 {
		f.hub.ringCost.Add(-int64(f.shared.sweep()))
	} else { // memory is short
		f.dropPages()
	}
	if f.reading {
		return false
	}
	f.resolveDoubt()
	return time.Since(f.lastItem) >= idle && f.emptyRing(forced)
}

func (f *feed) emptyRing(forced bool) bool {
	if len(f.ring.items) == 0 {
		return true
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
	f.hub.ringCost.Add(-int64(f.ring.clear(f.last) + f.known.shrink()))
	for s := range f.subs {
		if s.live && s.pos == end {
			s.pos = f.ring.end()
		}
	}
	return true
}

// locate returns the ring's position that follows a cursor.
func (f *feed) locate(c Cursor) (int64, bool) {
	if c.same(f.last) {
		return f.ring.end(), true
	}
	return f.ring.locate(c)
}

// notice takes what a viewer's own read has shown of the stream's tail: what one viewer has seen,
// those who are live get without waiting for the broker's report.
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
