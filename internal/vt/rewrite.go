package vt

import "unicode/utf8"

const (
	esc = 0x1b
	del = 0x7f

	// invalid stands for a byte that is not part of valid UTF-8, so that it
	// can be told from a U+FFFD that somebody wrote.
	invalid rune = -1
)

// rewrite is a line on its way out. It takes memory only when the first
// character has to change, so that a clean line costs nothing.
type rewrite struct {
	src  []byte
	out  []byte
	done int // src[:done] has its final form in out

	paint paint // after what has passed
}

// drop leaves out src[from:to]. Calls go from left to right.
func (w *rewrite) drop(from, to int) {
	if w.out == nil {
		// A control grows by two bytes at most; a few of them are usual.
		w.out = make([]byte, 0, len(w.src)+32)
	}
	w.out = append(w.out, w.src[w.done:from]...)
	w.done = to
}

// show writes the visible form of r in the place of src[from:to].
func (w *rewrite) show(from, to int, r rune) {
	w.drop(from, to)
	w.out = appendVisible(w.out, r)
}

// result returns src itself if nothing had to change.
func (w *rewrite) result() []byte {
	if w.out == nil {
		return w.src
	}
	return append(w.out, w.src[w.done:]...)
}

// isControl reports whether r must not leave as it is. ESC is among them: a
// sequence that may pass is recognised before this is asked.
func isControl(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return false
	case r < 0x20: // invalid is below zero
		return true
	}
	return del <= r && r <= 0x9f
}

// appendVisible appends what a reader sees in the place of r, a control or a
// character that cannot be.
func appendVisible(dst []byte, r rune) []byte {
	switch {
	case 0 <= r && r < 0x20:
		return utf8.AppendRune(dst, 0x2400+r)
	case r == del:
		return append(dst, "␡"...)
	case isC1(r):
		dst = append(dst, "␛"...)
		return append(dst, byte(r-0x40))
	}
	return append(dst, "\uFFFD"...)
}

// isC1 reports whether r is the one-character form of a two-character escape
// sequence.
func isC1(r rune) bool { return 0x80 <= r && r <= 0x9f }
