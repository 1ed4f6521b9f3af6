package vt

import (
	"bytes"
	"unicode/utf16"
)

// JSON returns object with the strings in it, keys too, as the policy lets them
// pass. The argument must be valid JSON of any kind and layout; a line that is
// not belongs to [Policy.Text].
//
// The result is valid JSON and its strings decode to what Text makes of the
// decoded ones, but for one rule: CR passes only before LF and is shown as ␍
// otherwise, for in a decoded string it would let a line overwrite itself.
// Characters are the same whether written as they are, as \n or as \u000A.
// Characters that pass keep the bytes they were written with, and so does
// everything outside strings. Half of a surrogate pair passes under SGR; Strip
// makes it U+FFFD, lest two halves meet where a colour was taken out.
//
// Two keys of one object that differ in controls only may become the same key.
//
// As with Text, the argument is never modified, and returned itself without any
// allocation if nothing has to change.
func (p Policy) JSON(object []byte) []byte {
	if p == None || unescaped(object) {
		return object
	}
	w := rewrite{src: object}
	for i := 0; i < len(object); {
		quote := bytes.IndexByte(object[i:], '"')
		if quote < 0 {
			break
		}
		i = p.jsonString(&w, i+quote+1)
	}
	return w.result()
}

// jsonString handles the string whose first character is at i and returns what
// comes after its closing quote.
func (p Policy) jsonString(w *rewrite, i int) int {
	w.paint = paint{} // strings are shown apart
	for {
		for i < len(w.src) && isPlain[w.src[i]] {
			i++
		}
		if i == len(w.src) {
			return i
		}
		if w.src[i] == '"' {
			return i + 1
		}
		i = p.jsonChar(w, i)
	}
}

// jsonChar handles the character at i and returns where the next one begins.
func (p Policy) jsonChar(w *rewrite, i int) int {
	r, n := jsonRune(w.src[i:])
	if r == esc {
		if size := sgrSize(w.src[i:], jsonRune, &w.paint); size > 0 {
			if p == Strip {
				w.drop(i, i+size)
			}
			return i + size
		}
	}
	switch {
	case isControl(r):
		w.show(i, i+n, r)
		if r == 0x9c {
			w.out = append(w.out, '\\') // its visible form ends in a backslash
		}
	case r == '\r':
		if next, _ := jsonRune(w.src[i+n:]); next != '\n' {
			w.show(i, i+n, r)
		}
	case utf16.IsSurrogate(r) && p == Strip:
		w.show(i, i+n, invalid)
	}
	return i + n
}

// isPlain marks the bytes that neither end a string nor need a second look.
var isPlain = func() (plain [256]bool) {
	for c := 0x20; c < del; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// jsonRune is the decoder of the inside of a JSON string. Half of a surrogate
// pair is returned as it is.
func jsonRune(p []byte) (rune, int) {
	if len(p) < 2 || p[0] != '\\' {
		return textRune(p)
	}
	switch p[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return jsonUnicode(p)
	}
	return rune(p[1]), 2 // a quote, a slash, a backslash
}

// jsonUnicode reads \uXXXX, and a surrogate pair as one character.
func jsonUnicode(p []byte) (rune, int) {
	r, ok := utf16Unit(p)
	if !ok {
		return '\\', 1
	}
	if low, ok := utf16Unit(p[6:]); ok && utf16.IsSurrogate(r) {
		if pair := utf16.DecodeRune(r, low); pair != '\uFFFD' {
			return pair, 12
		}
	}
	return r, 6
}

func utf16Unit(p []byte) (r rune, ok bool) {
	if len(p) < 6 || p[0] != '\\' || p[1] != 'u' {
		return 0, false
	}
	for _, c := range p[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
