package loglane

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
