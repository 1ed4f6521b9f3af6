package vt

import "bytes"

// Invisible reports whether a reader of r sees nothing, or sees the text around it in
// another order: bidirectional marks, what takes no room, what Unicode has terminals and
// browsers ignore, and the separators that some of them break a line at. A place that shows
// text to a person writes such characters by name, as in <U+202E>.
//
// Four are left alone because languages and emoji cannot do without them: the joiner and
// the non-joiner (U+200D, U+200C), and the two variation selectors that tell an emoji from
// a sign (U+FE0E, U+FE0F). All others that only choose between shapes of a letter are
// shown, for hundreds in a row can carry a hidden text; so are the tags that make the flags
// of a few regions.
func Invisible(r rune) bool {
	switch {
	case r < 0xad:
		return false
	case r == 0x200c, r == 0x200d, r == 0xfe0e, r == 0xfe0f:
		return false
	}
	for _, span := range invisibles {
		if r <= span.last {
			return r >= span.first
		}
	}
	return false
}

// invisibles are in order: the characters with the property Default_Ignorable_Code_Point
// of Unicode, the two separators, and the marks of interlinear annotations.
var invisibles = [...]struct{ first, last rune }{
	{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
	{0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
	{0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
	{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
}

// Open reports whether text that a policy has let pass leaves a colour or an attribute on,
// which the next line would then have. Without colours it looks at no more than whether
// there is an ESC.
func Open(text []byte) bool {
	last := bytes.LastIndexByte(text, esc)
	if last < 0 {
		return false
	}
	rest := text[last:]
	return !bytes.HasPrefix(rest, []byte("\x1b[m")) && !bytes.HasPrefix(rest, []byte("\x1b[0m"))
}
