package loglane

import "testing"

// What stands where a rewind has left lines out is no place to go on from, also once it has left
// the ring.
func TestAFloorInAHoleIsNoPlace(t *testing.T) {
	e := encoder{maxLine: DefaultMaxLine}
	at := func(n uint64) Cursor {
		return Cursor{Epoch: "AAAAAAAAAAA", N: n, ID: ID{Ms: n}, Src: NewSrc("p", n)}
	}
	var r ring
	push := func(n uint64) { r.push(e.line(at(n), []byte(`{"message":"a line"}`), false)) }
	push(1)
	r.newReplay(false)
	r.push(newGap("rewritten", -1, Cursor{Epoch: "AAAAAAAAAAA"}))
	push(2)
	r.leaveOut() // line 3, which viewers of then had
	for n := uint64(4); n < 4+2*ringLines; n++ {
		push(n)
		if position, found := r.locate(at(2)); found {
			t.Fatalf("with line %d the ring goes on after line 2 at position %d, that is after line 3", n, position)
		}
	}
}
