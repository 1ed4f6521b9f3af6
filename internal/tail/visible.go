package tail

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/loglane/loglane/internal/vt"
)

// uncolored returns text with nothing in it that a terminal would obey or hide, on one line:
// controls are shown as pictures of themselves, and characters that turn text around or
// take no room by their names, such as <U+202E>. Colours are taken out; TAB stays.
func uncolored(text string) string { return visible(vt.Strip, text) }

// visible does the same, and lets the colours pass that the policy does.
func visible(policy vt.Policy, text string) string {
	text = string(policy.Text([]byte(text)))
	if strings.IndexFunc(text, isSuspect) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString("↵")
		case r == '\r':
			b.WriteString("␍")
		case isSuspect(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isSuspect says whether a character that package vt lets pass is still to be shown
// otherwise: it breaks the line, turns the text around, or cannot be seen.
func isSuspect(r rune) bool { return r == '\n' || r == '\r' || vt.Invisible(r) }

// escaped returns JSON with the same meaning that has no character which a terminal would
// obey or hide: those may stand only within strings, as escapes too.
func escaped(json []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(json); {
		r, size := utf8.DecodeRune(json[i:])
		if isSuspect(r) || r == 0x7f || 0x80 <= r && r <= 0x9f {
			out = append(out, json[done:i]...)
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
			done = i + size
		}
		i += size
	}
	if out == nil {
		return json
	}
	return append(out, json[done:]...)
}
