package loglane

import "slices"

// ringJump keeps positions from before a ring was emptied apart from those after, when
// the same lines are read back under other positions.
const ringJump = 1 << 20

// A ring holds the newest items of a channel for all its viewers. Positions rise by one
// an item and are never given twice.
type ring struct {
	items []*item
	start int64 // position of items[0]
	lines int   // how many of the items are lines
	bytes int   // of the frames of all items
	cost  int   // of all items, with what they take beyond their frames

	floor      Cursor // the place before the first item, where floorKnown
	floorKnown bool
	complete   bool  // nothing that the history keeps is missing before the first item
	full       bool  // items had to leave for the ring's own limits
	replayFrom int64 // what stands before is not replayed: a gap or the history's end follows
	replayAll  bool  // the history before replayFrom is gone
	gapAt      int64 // between it and replayFrom, lines are left out that viewers of then had
	holes      []hole
}

// A hole is where, after an earlier gap, lines of the history are left out: who comes later
// does not go on from a place in it.
type hole struct{ from, to int64 }

const (
	ringLines = 1000
	ringBytes = 1 << 20
)

func (r *ring) end() int64 { return r.start + int64(len(r.items)) }

func (r *ring) at(position int64) *item { return r.items[position-r.start] }

// push appends an item and evicts what no longer fits. It returns by how much the
// ring's cost grew.
func (r *ring) push(i *item) int {
	before := r.cost
	r.items = append(r.items, i)
	i.held.ring = true
	r.add(i, 1)
	for len(r.items) > 1 && (r.lines > ringLines || r.bytes > ringBytes || len(r.items) > 2*ringLines) {
		r.full = r.full || r.lines > ringLines || r.bytes > ringBytes
		r.evict()
	}
	return r.cost - before
}

func (r *ring) add(i *item, sign int) {
	if i.isLine() {
		r.lines += sign
	}
	r.bytes += sign * len(i.frame)
	r.cost += sign * (i.size() + i.held.views)
}

func (r *ring) evict() {
	first := r.items[0]
	r.items[0] = nil
	r.items = r.items[1:] // append moves what is left once the array's end is reached
	r.start++
	r.add(first, -1)
	first.held.ring = false
	if first.placed() {
		r.floor, r.floorKnown = first.cursor, first.findable() && !r.leavesOut(r.start-1)
	}
	r.complete = false
}

// clear empties the ring; last is the place of the newest item it had. It returns the
// cost that was freed.
func (r *ring) clear(last Cursor) int {
	freed := r.cost
	for _, i := range r.items {
		i.held.ring = false
	}
	*r = ring{start: r.end() + ringJump, floor: last, floorKnown: true}
	return freed
}

// newReplay lets joining viewers have what comes from here on. all says that the history
// has no more.
func (r *ring) newReplay(all bool) {
	r.holes = slices.DeleteFunc(r.holes, func(h hole) bool { return h.to <= r.start })
	if r.replayFrom > max(r.gapAt, r.start) {
		r.holes = append(r.holes, hole{r.gapAt, r.replayFrom})
	}
	r.gapAt, r.replayFrom, r.replayAll = r.end(), r.end(), all
}

// leavesOut says whether lines of the history are left out after a position that viewers
// had who were there then, and no others.
func (r *ring) leavesOut(position int64) bool {
	within := func(h hole) bool { return h.from <= position && position < h.to }
	return within(hole{r.gapAt, r.replayFrom}) || slices.ContainsFunc(r.holes, within)
}

// leaveOut notes that a line of the history is not pushed, for viewers had it before the
// gap: those who come later are not to go on from before here.
func (r *ring) leaveOut() { r.replayFrom = r.end() }

// locate returns the position that follows the cursor.
func (r *ring) locate(c Cursor) (int64, bool) {
	for p := r.end() - 1; p >= r.start; p-- {
		if r.leavesOut(p) {
			continue
		}
		i := r.at(p)
		if i.findable() && i.cursor.same(c) {
			return p + 1, true
		}
	}
	// A gap's id names the floor's place and cannot name its src.
	atFloor := r.floor.same(c) || !c.ID.IsZero() && c.ID == r.floor.ID && c.Src.IsZero()
	if r.floorKnown && atFloor && r.start >= r.replayFrom {
		return r.start, true
	}
	return 0, false
}

// tail returns the position from which on there are at most n lines of the history, and
// whether that is all that the history has of them.
func (r *ring) tail(n int) (position int64, covers bool) {
	position = r.end()
	lines := 0
	for p := r.end() - 1; p >= max(r.start, r.replayFrom) && lines < n; p-- {
		if r.at(p).isLine() {
			lines++
			position = p
		}
	}
	if r.replayFrom > r.start {
		return position, lines >= n || r.replayAll
	}
	covers = lines >= n || r.complete || (r.full && n <= ringLines)
	return position, covers
}

// before returns the place that comes before a position.
func (r *ring) before(position int64) (Cursor, bool) {
	for p := position - 1; p >= r.start; p-- {
		if i := r.at(p); i.findable() {
			return i.cursor, !r.leavesOut(p)
		}
	}
	return r.floor, r.floorKnown && r.start >= r.replayFrom
}
