package loglane

import (
	"hash/maphash"
	"slices"
	"time"
)

const (
	// settleWindow is for how long an entry and a payload of the same bytes are taken
	// for one line.
	settleWindow = 10 * time.Second
	// secondLook is when a payload without an entry is read for once more.
	secondLook = 100 * time.Millisecond
	// maxSettled bounds the entries that wait for their payloads, and the reverse.
	maxSettled = 1 << 14
)

// foreignLines matches what other programs publish with what they store, by raw bytes,
// one to one, whichever comes first. Its owner's lock guards it.
type foreignLines struct {
	seed         maphash.Seed
	settled      map[payloadKey][]time.Time // entries without a payload yet, oldest first
	order        []settledEntry             // the same in the order of their coming
	waiting      []waitingPayload           // payloads without an entry yet
	waitingBytes int                        // of their data
	floated      []floatedPayload           // payloads that went out without an entry
	alone        map[payloadKey]int         // how often a key is in waiting and floated
	noWait       bool                       // a payload stayed without an entry for the whole window
}

type payloadKey struct {
	hash uint64
	size int
}

type settledEntry struct {
	key payloadKey
	at  time.Time
}

type waitingPayload struct {
	key   payloadKey
	data  []byte
	epoch string // of a payload that reads as a frame
	at    time.Time
}

type floatedPayload struct {
	key      payloadKey
	at       time.Time
	position int64 // in the ring
}

func newForeignLines() foreignLines {
	return foreignLines{seed: maphash.MakeSeed(), settled: make(map[payloadKey][]time.Time), alone: make(map[payloadKey]int)}
}

func (f *foreignLines) key(data []byte) payloadKey {
	return payloadKey{hash: maphash.Bytes(f.seed, data), size: len(data)}
}

// arrive takes a payload. It says whether an entry has settled it already; if not, the
// payload waits.
func (f *foreignLines) arrive(data []byte, epoch string, now time.Time) (settled bool) {
	f.prune(now)
	key := f.key(data)
	if times := f.settled[key]; len(times) > 0 {
		f.forget(key)
		return true
	}
	f.waiting = append(f.waiting, waitingPayload{key: key, data: data, epoch: epoch, at: now})
	f.waitingBytes += len(data)
	f.alone[key]++
	return false
}

// entry takes a foreign entry that a read returned. A payload that waited for it is
// settled; floated is the one that went out before.
func (f *foreignLines) entry(data []byte, now time.Time, fresh bool) (floated *floatedPayload) {
	f.prune(now)
	key := f.key(data)
	if f.alone[key] > 0 {
		return f.settle(key)
	}
	if fresh {
		f.settled[key] = append(f.settled[key], now)
		f.order = append(f.order, settledEntry{key: key, at: now})
	}
	return nil
}

// settle takes the oldest payload of a key: one that waits, else one that went out.
func (f *foreignLines) settle(key payloadKey) (floated *floatedPayload) {
	f.release(key)
	for i, w := range f.waiting {
		if w.key == key {
			f.waiting = slices.Delete(f.waiting, i, i+1)
			f.waitingBytes -= w.key.size
			return nil
		}
	}
	i := slices.IndexFunc(f.floated, func(p floatedPayload) bool { return p.key == key })
	p := f.floated[i]
	f.floated = slices.Delete(f.floated, i, i+1)
	return &p
}

func (f *foreignLines) release(key payloadKey) {
	if f.alone[key]--; f.alone[key] == 0 {
		delete(f.alone, key)
	}
}

// due takes the payloads that were still without an entry when a read began that was
// late enough for all of them. Frames of the followed epoch are settled by any read.
func (f *foreignLines) due(readBegan time.Time, epoch string) (payloads []waitingPayload) {
	kept := f.waiting[:0]
	for _, w := range f.waiting {
		switch {
		case w.epoch != "" && w.epoch == epoch && !readBegan.Before(w.at):
			f.release(w.key)
			f.waitingBytes -= w.key.size
		case readBegan.Sub(w.at) >= secondLook:
			payloads = append(payloads, w)
			f.waitingBytes -= w.key.size
		default:
			kept = append(kept, w)
		}
	}
	clear(f.waiting[len(kept):])
	f.waiting = kept
	return payloads
}

// lapse takes away the payloads that came before a read which could not reach back to their
// entries: a gap stands for them, or the history has them.
func (f *foreignLines) lapse(readBegan time.Time) {
	n := 0
	for n < len(f.waiting) && !f.waiting[n].at.After(readBegan) {
		f.release(f.waiting[n].key)
		f.waitingBytes -= f.waiting[n].key.size
		n++
	}
	f.waiting = slices.Delete(f.waiting, 0, n)
}

// forgetFrames takes away the waiting payloads that read as frames.
func (f *foreignLines) forgetFrames() {
	f.waiting = slices.DeleteFunc(f.waiting, func(w waitingPayload) bool {
		if w.epoch != "" {
			f.release(w.key)
			f.waitingBytes -= w.key.size
		}
		return w.epoch != ""
	})
}

// float notes a payload that goes out without an entry; it is one that due or takeWaiting
// took.
func (f *foreignLines) float(w waitingPayload, position int64, now time.Time) {
	f.floated = append(f.floated, floatedPayload{key: w.key, at: now, position: position})
}

// takeTexts takes all that wait and do not read as frames, where none needs to wait: who came
// before that was known goes first.
func (f *foreignLines) takeTexts() (texts []waitingPayload) {
	f.waiting = slices.DeleteFunc(f.waiting, func(w waitingPayload) bool {
		if w.epoch == "" {
			texts = append(texts, w)
			f.waitingBytes -= w.key.size
		}
		return w.epoch == ""
	})
	return texts
}

// takeOldest takes the oldest waiting payload, where too many wait.
func (f *foreignLines) takeOldest() waitingPayload {
	w := f.waiting[0]
	f.waiting[0] = waitingPayload{}
	f.waiting = f.waiting[1:]
	f.waitingBytes -= w.key.size
	return w
}

// wakeAt returns when the oldest waiting payload is to be read for again.
func (f *foreignLines) wakeAt() (time.Time, bool) {
	if len(f.waiting) == 0 {
		return time.Time{}, false
	}
	return f.waiting[0].at.Add(secondLook), true
}

func (f *foreignLines) prune(now time.Time) {
	n := 0
	for n < len(f.order) && (now.Sub(f.order[n].at) > settleWindow || len(f.order)-n > maxSettled) {
		f.drop(f.order[n])
		n++
	}
	f.order = f.order[n:]
	n = 0
	for n < len(f.floated) && (now.Sub(f.floated[n].at) > settleWindow || len(f.floated)-n > maxSettled) {
		f.release(f.floated[n].key)
		n++
		f.noWait = true
	}
	f.floated = f.floated[n:]
}

// forget removes the oldest settled entry of a key; prune drops its place in the order.
func (f *foreignLines) forget(key payloadKey) {
	times := f.settled[key]
	if len(times) == 1 {
		delete(f.settled, key)
		return
	}
	f.settled[key] = times[1:]
}

// drop removes what an entry of the order still has in the map.
func (f *foreignLines) drop(e settledEntry) {
	if times := f.settled[e.key]; len(times) > 0 && !times[0].After(e.at) {
		f.forget(e.key)
	}
}
