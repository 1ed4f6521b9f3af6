package loglane

import (
	"sort"
	"sync"
	"time"
)

type follower struct{ emit func(Event) }

type producerMark struct {
	k    uint64
	seen time.Time
}

type producerLine struct {
	producer string
	k        uint64
}

// claimLook is how many of the newest entries are looked through for a forgotten producer.
const claimLook = 1000

// memoryChannel keeps what a channel's stream and meta keep in Redis. mu is held by
// whoever calls its methods.
type memoryChannel struct {
	mu        sync.Mutex
	retention Retention
	followers map[*follower]struct{}

	entries []Entry
	sources []producerLine // of the entries; zero of those that another program wrote
	bytes   int
	intact  bool // nothing was removed since the first entry
	purged  bool // the entries before the first were removed on purpose
	newest  ID   // of all that was ever stored

	purgeMark string // another one after each purge
	epoch     string
	n         uint64
	last      ID // of the newest entry that Append stored
	foreign   bool
	producers map[string]producerMark

	expiry    *time.Timer
	forget    func() // called once the channel has been silent for MetaTTL
	forgotten bool
}

func (c *memoryChannel) append(channel string, batch Batch) (Receipt, error) {
	now := time.Now()
	stored := c.producers[batch.Producer].k
	if now.Sub(c.producers[batch.Producer].seen) > ProducerTTL {
		stored = 0
	}
	if batch.After > stored && stored == 0 {
		stored = c.numberInEntries(batch.Producer)
	}
	if batch.After > stored {
		return Receipt{}, &RefusedError{Channel: channel, After: stored}
	}
	receipt := Receipt{K: stored}
	var payloads [][]byte
	for _, line := range batch.Lines {
		if line.K <= stored {
			receipt.Duplicates++
			continue
		}
		frame := c.number(batch.Producer, line, now)
		if len(c.followers) > 0 {
			payloads = append(payloads, frame.Append(make([]byte, 0, len(line.Record)+128)))
		}
		receipt.K = line.K
		receipt.Stored++
	}
	if receipt.K > 0 {
		c.mark(batch.Producer, receipt.K, now)
	}
	if receipt.Stored > 0 {
		c.trim()
		c.expireAfter(c.retention.TTL)
		if len(payloads) > 0 {
			c.emit(Event{Kind: Lines, Payloads: payloads})
		}
	}
	return receipt, nil
}

// numberInEntries returns the number of a producer that was forgotten and may stand in the
// newest entries yet: then its claim holds, and what it sends again is not stored twice.
func (c *memoryChannel) numberInEntries(producer string) uint64 {
	for i := len(c.sources) - 1; i >= max(len(c.sources)-claimLook, 0); i-- {
		if c.sources[i].producer == producer {
			return c.sources[i].k
		}
	}
	return 0
}

// number stores one line with the next number and its predecessor.
func (c *memoryChannel) number(producer string, line Line, now time.Time) Frame {
	if c.epoch == "" {
		c.epoch = NewEpoch()
	}
	c.n++
	entry := Entry{
		Cursor: Cursor{Epoch: c.epoch, N: c.n, ID: c.nextID(now), Src: NewSrc(producer, line.K)},
		Prev:   c.prev(),
		Data:   line.Record,
	}
	c.store(entry, producerLine{producer, line.K})
	c.last = entry.Cursor.ID
	return Frame{Entry: entry, Producer: producer, K: line.K}
}

// prev is the place of the entry before the next one.
func (c *memoryChannel) prev() ID {
	switch {
	case len(c.entries) > 0:
		return c.entries[len(c.entries)-1].Cursor.ID
	case c.foreign:
		return ID{}
	default:
		return c.last
	}
}

func (c *memoryChannel) nextID(now time.Time) ID {
	id := ID{Ms: uint64(now.UnixMilli())}
	if !c.newest.Less(id) {
		id = ID{Ms: c.newest.Ms, Seq: c.newest.Seq + 1}
	}
	c.newest = id
	return id
}

func (c *memoryChannel) store(entry Entry, source producerLine) {
	if len(c.entries) == 0 && !c.purged {
		c.intact = true
	}
	if entry.Foreign() {
		c.foreign = true
	}
	c.entries = append(c.entries, entry)
	c.sources = append(c.sources, source)
	c.bytes += len(entry.Data)
}

func (c *memoryChannel) mark(producer string, k uint64, now time.Time) {
	if c.producers == nil {
		c.producers = make(map[string]producerMark)
	}
	if _, known := c.producers[producer]; !known {
		c.forgetProducers(now)
	}
	c.producers[producer] = producerMark{k: k, seen: now}
}

// forgetProducers looks after a sample of the producers when a new one comes, so that it
// takes no longer however many there are.
func (c *memoryChannel) forgetProducers(now time.Time) {
	if len(c.producers) < 64 {
		return
	}
	var oldest, older string // of those that stay
	looked := 0
	for name, mark := range c.producers {
		switch {
		case now.Sub(mark.seen) > ProducerTTL:
			delete(c.producers, name)
		case oldest == "" || mark.seen.Before(c.producers[oldest].seen):
			oldest, older = name, oldest
		case older == "" || mark.seen.Before(c.producers[older].seen):
			older = name
		}
		if looked++; looked == 16 {
			break
		}
	}
	for _, name := range []string{oldest, older} {
		if len(c.producers) >= MaxProducers {
			delete(c.producers, name)
		}
	}
}

func (c *memoryChannel) trim() {
	excess, size := len(c.entries)-c.retention.Lines, c.bytes
	n := 0
	for n < excess || (size > c.retention.Bytes && n < len(c.entries)-1) {
		size -= len(c.entries[n].Data)
		n++
	}
	c.drop(n)
}

// drop removes the n oldest entries.
func (c *memoryChannel) drop(n int) {
	if n == 0 {
		return
	}
	for i := range c.entries[:n] {
		c.bytes -= len(c.entries[i].Data)
		c.entries[i] = Entry{}
	}
	clear(c.sources[:n])
	c.entries, c.sources = c.entries[n:], c.sources[n:]
	c.intact = false
	if len(c.entries) == 0 {
		c.entries, c.sources = nil, nil
	}
}

// expireAfter leaves the clock, which counts in milliseconds, past the TTL by then.
func (c *memoryChannel) expireAfter(ttl time.Duration) {
	ttl += time.Millisecond
	if c.expiry != nil {
		c.expiry.Reset(ttl)
		return
	}
	c.expiry = time.AfterFunc(ttl, c.expire)
}

// expire ends the history. The numbering is kept for [MetaTTL]: meanwhile the timer only
// waits to forget the channel.
func (c *memoryChannel) expire() {
	c.mu.Lock()
	if len(c.entries) == 0 {
		c.mu.Unlock()
		c.forget()
		return
	}
	if left := c.retention.TTL - time.Since(time.UnixMilli(int64(c.newest.Ms))); left > 0 {
		c.expireAfter(left) // a line came while the timer fired
		c.mu.Unlock()
		return
	}
	c.drop(len(c.entries))
	c.intact, c.purged = true, false
	c.expiry.Reset(MetaTTL)
	c.emit(Event{Kind: Expired})
	c.mu.Unlock()
}

// purge empties the history. Where another program has written, the numbering cannot tell
// a later cursor what became of it: an entry without data holds the place.
func (c *memoryChannel) purge() {
	if len(c.entries) == 0 {
		return
	}
	prev := c.prev()
	c.drop(len(c.entries))
	c.purged = true
	if !c.foreign {
		c.expireAfter(MetaTTL)
		return
	}
	c.n++
	place := Cursor{Epoch: c.epoch, N: c.n, ID: c.nextID(time.Now()), Src: NewSrc(NewProducer(), 1)}
	c.store(Entry{Cursor: place, Prev: prev}, producerLine{})
	c.last = place.ID
}

func (c *memoryChannel) emit(event Event) {
	for f := range c.followers {
		f.emit(event)
	}
}

func (c *memoryChannel) unfollow(f *follower) {
	delete(c.followers, f)
	if len(c.followers) == 0 && len(c.entries) == 0 {
		c.expireAfter(MetaTTL)
	}
}

func (c *memoryChannel) read(from From, limit int) Page {
	page := Page{Epoch: c.epoch, Floor: c.facts(Cursor{}).Floor(), Tail: Cursor{Epoch: c.epoch}, Now: uint64(time.Now().UnixMilli())}
	if len(c.entries) > 0 {
		page.Tail = c.placed(c.entries[len(c.entries)-1]).Cursor
	}
	first, last := 0, len(c.entries)
	switch from.Kind {
	case FromLast:
		first = max(last-min(limit, from.N), 0)
		page.More = first > 0
	case FromBefore:
		last = c.find(from.Cursor.ID)
		first = max(last-limit, 0)
		page.More = first > 0
	case FromAfter:
		page.Status, page.Missed = c.facts(from.Cursor).Judge(from.Cursor)
		if page.Status == OK {
			first = c.find(ID{Ms: from.Cursor.ID.Ms, Seq: from.Cursor.ID.Seq + 1})
		}
		fallthrough
	case FromOldest:
		last = min(first+limit, len(c.entries))
		page.More = last < len(c.entries)
	}
	page.Entries = make([]Entry, 0, last-first)
	for _, entry := range c.entries[first:last] {
		page.Entries = append(page.Entries, c.placed(entry))
	}
	return page
}

// placed gives a foreign entry the epoch that the channel has by now.
func (c *memoryChannel) placed(entry Entry) Entry {
	entry.Cursor.Epoch = c.epoch
	return entry
}

// find returns the index of the first entry that is not before id.
func (c *memoryChannel) find(id ID) int {
	return sort.Search(len(c.entries), func(i int) bool { return !c.entries[i].Cursor.ID.Less(id) })
}

func (c *memoryChannel) facts(cursor Cursor) Facts {
	facts := Facts{
		Epoch: c.epoch, N: c.n, Last: c.last, Foreign: c.foreign,
		Empty: len(c.entries) == 0, Intact: c.intact || len(c.entries) == 0 && c.newest.IsZero(),
		Purged: len(c.entries) == 0 && c.purged,
		Now:    uint64(time.Now().UnixMilli()), TTL: c.retention.TTL,
	}
	if facts.Empty {
		return facts
	}
	facts.Oldest = c.placed(c.entries[0])
	if i := c.find(cursor.ID); i < len(c.entries) && c.entries[i].Cursor.ID == cursor.ID {
		at := c.placed(c.entries[i])
		facts.At = &at
	}
	return facts
}
