package loglane

import "time"

// Status says how a cursor stands in its channel.
type Status uint8

// The statuses, in the order in which they are tried: the first that fits is the one.
const (
	// OK: the lines after the cursor are all there.
	OK Status = iota
	// StatusExpired: the history's time is over; no alarm.
	StatusExpired
	// StatusEpoch: the broker lost the data.
	StatusEpoch
	// StatusTrimmed: the cursor is older than the oldest entry that is kept, or than all that
	// were purged.
	StatusTrimmed
	// StatusRewritten: a failover took the cursor's entry away.
	StatusRewritten
)

// String returns the reason that a gap event names.
func (s Status) String() string {
	return [...]string{"ok", "expired", "epoch", "trimmed", "rewritten"}[s]
}

// Facts are what a [Broker] knows of a channel when it judges a cursor, all read at one
// moment. They exist so that every broker judges alike.
type Facts struct {
	Epoch   string // meta: the numbering's epoch, "" where meta is missing
	N       uint64 // meta: the last number given out
	Last    ID     // meta: place of the last entry that Loglane wrote
	Foreign bool   // meta: another program has written to the channel

	Empty  bool   // the stream has no entries
	Oldest Entry  // the oldest entry that is kept, unless Empty
	At     *Entry // the entry at the cursor's place, nil where there is none
	Intact bool   // nothing was removed from the stream since it began
	Purged bool   // with Empty: the stream is still there, its entries were removed on purpose

	Now uint64        // the broker's clock, Unix milliseconds
	TTL time.Duration // the channel's history TTL
}

// Judge says how c stands, and how many lines are missing after it: -1 where that
// cannot be counted.
func (f Facts) Judge(c Cursor) (Status, int64) {
	switch {
	case f.stands(c):
		return OK, 0
	case f.over(c):
		return StatusExpired, f.missed(c)
	case f.Purged && c.ID.Less(f.Last) && (c.Epoch == "" || c.Epoch == f.Epoch):
		return StatusTrimmed, f.missed(c)
	case f.Empty || f.anotherEpoch(c):
		return StatusEpoch, f.missed(c)
	case c.ID.Less(f.Oldest.Cursor.ID):
		return StatusTrimmed, f.missed(c)
	default:
		return StatusRewritten, -1
	}
}

func (f Facts) stands(c Cursor) bool {
	switch {
	case c.ID.IsZero() && f.countable(c):
		return f.next() == c.N+1
	case f.At != nil && f.At.Cursor.Src == c.Src:
		return true
	case f.Empty && !f.Last.IsZero() && f.Last == c.ID && !f.Foreign:
		return true
	case !f.Empty && !f.Oldest.Foreign() && f.Oldest.Prev == c.ID:
		return true
	default:
		return c.ID.IsZero() && f.Intact
	}
}

// over says whether what came after c has had its time. The place before a first line is
// no time of its own: there it is the lines after it that tell, by how long they ended
// before the oldest that is kept. Where that is not known, they were removed.
func (f Facts) over(c Cursor) bool {
	from, to := c.ID.Ms, f.Now
	switch {
	case !c.ID.IsZero():
	case f.anotherEpoch(c):
		return false
	case f.Empty:
		from = f.Last.Ms
	case f.Oldest.Foreign() || f.Oldest.Prev.IsZero():
		return false
	default:
		from, to = f.Oldest.Prev.Ms, f.Oldest.Cursor.ID.Ms
	}
	return to > from && to-from > uint64(f.TTL.Milliseconds())
}

func (f Facts) anotherEpoch(c Cursor) bool {
	return f.Epoch != "" && c.Epoch != "" && f.Epoch != c.Epoch
}

// missed counts by number, which is possible within one epoch that no other program
// wrote into.
func (f Facts) missed(c Cursor) int64 {
	if !f.countable(c) || f.next() <= c.N {
		return -1
	}
	return int64(f.next() - c.N - 1)
}

// countable says whether the lines between c and the oldest that is kept can be counted.
func (f Facts) countable(c Cursor) bool {
	return !f.Foreign && f.Epoch != "" && (c.Epoch == "" || c.Epoch == f.Epoch) &&
		(c.N > 0 || c.ID.IsZero()) && (f.Empty || !f.Oldest.Foreign())
}

// next is the number of the oldest line that is kept, or of the one to come.
func (f Facts) next() uint64 {
	if f.Empty {
		return f.N + 1
	}
	return f.Oldest.Cursor.N
}

// Floor returns the place just before the oldest entry that is kept, which is where a
// stream goes on after a gap. It has the number of the line before, also where that line's
// place is gone: so a viewer who comes back with it is told exactly what it has missed.
func (f Facts) Floor() Cursor {
	switch {
	case f.Empty:
		return Cursor{Epoch: f.Epoch, N: f.N}
	case f.Oldest.Foreign():
		return Cursor{Epoch: f.Epoch}
	default:
		return Cursor{Epoch: f.Epoch, N: f.Oldest.Cursor.N - 1, ID: f.Oldest.Prev}
	}
}
