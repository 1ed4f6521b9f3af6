package loglane

import "time"

// RecordMessage is what a record says.
var RecordMessage = recordMessage

// EvictStream takes a channel's history away and leaves its numbering.
func (b *MemoryBroker) EvictStream(channel string) {
	b.with(channel, func(c *memoryChannel) {
		c.drop(len(c.entries))
		c.intact, c.purged = true, false
	})
}

// Flush takes all of a channel away but its followers.
func (b *MemoryBroker) Flush(channel string) {
	b.with(channel, func(c *memoryChannel) {
		c.drop(len(c.entries))
		c.intact, c.purged = true, false
		c.epoch, c.n, c.last, c.foreign, c.producers = "", 0, ID{}, false, nil
	})
}

// Channels returns how many channels the broker holds.
func (b *MemoryBroker) Channels() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.channels)
}

// ForgetProducers lets a channel take any number of any producer again.
func (b *MemoryBroker) ForgetProducers(channel string) {
	b.with(channel, func(c *memoryChannel) { c.producers = nil })
}

// Producers returns how many producers of a channel the broker remembers.
func (b *MemoryBroker) Producers(channel string) (n int) {
	b.with(channel, func(c *memoryChannel) { n = len(c.producers) })
	return n
}

// Foreign is what a channel's feed remembers to match foreign payloads and entries: bytes of
// payloads that wait, entries without a payload, and payloads without an entry.
func (h *Hub) Foreign(channel string) (waitingBytes, settled, floated int) {
	h.mu.Lock()
	f := h.feeds[channel]
	h.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	bytes := 0
	for _, w := range f.foreign.waiting {
		bytes += len(w.data)
	}
	if bytes != f.foreign.waitingBytes {
		panic("the count of waiting bytes is wrong")
	}
	return bytes, len(f.foreign.order), len(f.foreign.floated)
}

// OfRecord is what may be seen of a record, nil where that is nothing.
func (m *Members) OfRecord(record []byte) []byte { return m.ofRecord(record) }

// EvaluationsAtOnce is how many lines a hub looks through at once for expressions.
func EvaluationsAtOnce(h *Hub) int { return cap(h.evaluating) }

// DrainEnds is when streams end that may take some time for it. A process that gets its turn at
// a time goes on at the one that later returns.
func DrainEnds(streams int, within time.Duration, later func(time.Duration) time.Duration) (ends []time.Duration) {
	began := time.Now()
	pace := newDrainPace(streams, within, began)
	for at := time.Duration(0); ; {
		at = later(at)
		if ends = append(ends, at); len(ends) == streams {
			return ends
		}
		at += pace.wait(streams-len(ends), began.Add(at))
	}
}
