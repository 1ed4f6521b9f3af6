package loglane

// maxKnown is how many of the newest lines a feed can recognise when a broker brings them
// again under other places, and idleKnown how many once the channel is idle.
const (
	maxKnown  = 4096
	idleKnown = 128
	knownCost = 24 // bytes
	// maxAnchors is how many places further back a feed remembers, for losses that take all
	// the lines that it can recognise, and firstStride from how many lines it takes one at first.
	maxAnchors  = 64
	firstStride = 256
)

type knownLine struct {
	id  ID
	src Src
}

// knownLines are the newest lines of a feed, circular.
type knownLines struct {
	lines []knownLine
	n     int // how many there ever were

	anchors []knownLine // every stride-th line, the newest at the end
	stride  int
	passed  int // lines since the newest anchor
}

// add remembers a line. It returns by how much the memory grew.
func (k *knownLines) add(c Cursor) (cost int) {
	line := knownLine{id: c.ID, src: c.Src}
	if len(k.lines) < maxKnown {
		k.lines = append(k.lines, line)
		cost = knownCost
	} else {
		k.lines[k.n%maxKnown] = line
	}
	k.n++
	return cost + k.anchor(line)
}

// anchor remembers where a line stands, if it is time for it. Half of those that are too many
// go, so that the others reach twice as far.
func (k *knownLines) anchor(line knownLine) (cost int) {
	if k.passed++; k.passed < k.stride {
		return 0
	}
	if k.passed, k.stride = 0, max(k.stride, firstStride); len(k.anchors) == maxAnchors {
		for n := range maxAnchors / 2 {
			k.anchors[n] = k.anchors[2*n+1]
		}
		k.anchors, k.stride = k.anchors[:maxAnchors/2], 2*k.stride
		cost -= maxAnchors / 2 * knownCost
	}
	k.anchors = append(k.anchors, line)
	return cost + knownCost
}

// newest yields the lines from the newest back.
func (k *knownLines) newest(yield func(knownLine) bool) {
	for n := 1; n <= len(k.lines); n++ {
		if !yield(k.lines[(k.n-n)%len(k.lines)]) {
			return
		}
	}
}

// has says whether a line is known: by its src where it has one, else by its place. It
// looks from the newest back, where a repeated one stands.
func (k *knownLines) has(c Cursor) bool {
	for line := range k.newest {
		if !c.Src.IsZero() && line.src == c.Src || c.Src.IsZero() && line.id == c.ID {
			return true
		}
	}
	return false
}

// shrink keeps only the newest. It returns how much memory was freed.
func (k *knownLines) shrink() (freed int) {
	if len(k.lines) <= idleKnown {
		return 0
	}
	freed = (len(k.lines) - idleKnown) * knownCost
	kept := make([]knownLine, 0, idleKnown)
	for line := range k.newest {
		if kept = append(kept, line); len(kept) == idleKnown {
			break
		}
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	k.lines, k.n = kept, len(kept)
	return freed
}

func (k *knownLines) cost() int { return (len(k.lines) + len(k.anchors)) * knownCost }

// A rewind is a read that has gone back to the oldest entry: viewers who stayed are to get
// of it only what they have not had.
type rewind struct {
	before ID // older entries were had, though nobody remembers them; zero where that is not sure
	srcs   map[Src]struct{}
	ids    map[ID]struct{}
}

// some returns a few of the lines that are known, all over: the oldest first, then the one in
// the middle, and so on; and then some places further back, the newest first.
func (k *knownLines) some() (some []Cursor) {
	for parts := 1; parts <= 8 && parts <= len(k.lines); parts *= 2 {
		for part := min(1, parts/2); part < parts; part += 2 {
			line := k.lines[(k.n-len(k.lines)+len(k.lines)*part/parts)%len(k.lines)]
			some = append(some, Cursor{ID: line.id, Src: line.src})
		}
	}
	for back := 1; back <= len(k.anchors); back *= 2 {
		anchor := k.anchors[len(k.anchors)-back]
		some = append(some, Cursor{ID: anchor.id, Src: anchor.src})
	}
	return some
}

// rewound returns what was had when a rewind begins. Entries before a place were had where
// the history still has the line that stood there: what a failover rewrites is its end.
func (k *knownLines) rewound(before ID) *rewind {
	r := &rewind{before: before, srcs: make(map[Src]struct{}), ids: make(map[ID]struct{})}
	for line := range k.newest {
		if line.src.IsZero() {
			r.ids[line.id] = struct{}{}
		} else {
			r.srcs[line.src] = struct{}{}
		}
	}
	return r
}

func (r *rewind) had(c Cursor) bool {
	if r == nil {
		return false
	}
	if c.ID.Less(r.before) {
		return true
	}
	if c.Src.IsZero() {
		_, had := r.ids[c.ID]
		return had
	}
	_, had := r.srcs[c.Src]
	return had
}
