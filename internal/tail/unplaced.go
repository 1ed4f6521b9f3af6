package tail

import (
	"crypto/sha256"
	"slices"
)

// maxUnplaced is how many lines without a place are known again.
const maxUnplaced = 2_000

// A fingerprint stands for a text, which may be long.
type fingerprint [sha256.Size]byte

// unplaced remembers lines without a place. Such a line stays in the gateway's ring, and
// a stream that resumes before it gets it again; nothing but its text tells that it was
// shown. So the texts since the cursor last moved are matched with the replay one to one,
// until an event shows that the replay has passed them.
type unplaced struct {
	shown    []fingerprint
	expected []fingerprint
}

// resume begins a replay from the same cursor.
func (u *unplaced) resume() { u.expected = slices.Clone(u.shown) }

// arrived says whether a line without a place is to be shown.
func (u *unplaced) arrived(data []byte) bool {
	print := fingerprint(sha256.Sum256(data))
	if u.take(print) {
		return false
	}
	if len(u.shown) == maxUnplaced {
		u.shown = slices.Delete(u.shown, 0, 1)
	}
	u.shown = append(u.shown, print)
	return true
}

// placed says whether a line with a place and without a producer is to be shown: it may
// be one that was shown before it had its place.
func (u *unplaced) placed(data []byte) bool {
	if len(u.expected) > 0 && u.take(sha256.Sum256(data)) {
		return false
	}
	u.passed()
	return true
}

// passed says that the replay is past the lines in question.
func (u *unplaced) passed() { u.expected = nil }

// moved says that the cursor is at another entry: what came before will not come again.
func (u *unplaced) moved() { u.shown = u.shown[:0] }

func (u *unplaced) take(print fingerprint) bool {
	at := slices.Index(u.expected, print)
	if at < 0 {
		return false
	}
	u.expected = slices.Delete(u.expected, at, at+1)
	return true
}
