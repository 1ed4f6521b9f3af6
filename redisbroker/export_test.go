package redisbroker

// ParseServerInfo reads an answer to INFO.
var ParseServerInfo = parseServerInfo

// Hosts returns the further servers of a URL.
func Hosts(rawURL string) ([]string, error) {
	a, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	return a.hosts, nil
}

// SlotOf is the slot of a key.
var SlotOf = slotOf

// Remembered is how many channels the subscriber has, or has still to deal with.
func Remembered(b *Broker) int {
	b.subscriber.mu.Lock()
	defer b.subscriber.mu.Unlock()
	n := len(b.subscriber.channels)
	for _, l := range b.subscriber.lines {
		n += len(l.dirty) + len(l.sent)
	}
	return n
}

// Questions is what servers are being asked.
type Questions struct{ questions }

func (q *Questions) Begin(ask func()) bool { return q.begin(ask) }
func (q *Questions) End()                  { q.end() }
