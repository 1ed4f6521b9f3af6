package vt

import "unicode/utf8"

// Text returns line as the policy lets it pass; the package comment has the
// rules. TAB, LF and CR pass wherever they stand.
//
// The argument is never modified. If nothing has to change it is returned
// itself and nothing is allocated; otherwise the result is memory of its own. So
// a caller who keeps the result must leave the argument alone too.
//
// Filtering a result again changes nothing. There is no limit on the length.
func (p Policy) Text(line []byte) []byte {
	if p == None {
		return line
	}
	w := rewrite{src: line}
	for i := printable(line); i < len(line); i += printable(line[i:]) {
		i = p.text(&w, i)
	}
	return w.result()
}

// text handles the character at i and returns where the next one begins.
func (p Policy) text(w *rewrite, i int) int {
	r, n := textRune(w.src[i:])
	if r == esc {
		if size := sgrSize(w.src[i:], textRune, &w.paint); size > 0 {
			if p == Strip {
				w.drop(i, i+size)
			}
			return i + size
		}
	}
	if isControl(r) {
		w.show(i, i+n, r)
	}
	return i + n
}

// textRune is the decoder of plain UTF-8.
func textRune(p []byte) (rune, int) {
	if len(p) > 0 && p[0] < utf8.RuneSelf {
		return rune(p[0]), 1
	}
	r, n := utf8.DecodeRune(p)
	if r == utf8.RuneError && n <= 1 {
		return invalid, n
	}
	return r, n
}
