package vt_test

import (
	"testing"
	"unicode"

	"github.com/loglane/loglane/internal/vt"
)

func TestInvisible(t *testing.T) {
	for _, r := range append(append([]rune{0x2028, 0x2029, 0x206a}, bidirectional...), zeroWidth...) {
		if !vt.Invisible(r) {
			t.Errorf("%U is seen", r)
		}
	}
	for _, r := range []rune{'\t', '\n', ' ', 'a', 0xa0, 'é', 0x300, 0x200c, 0x200d, 0x2009, 0x2010, 0x2027, 0x202f, 0x3000, 0xfe0e, 0xfe0f, 0xfffc, 0xfffd, 0x1f600, 0x1f3fb} {
		if vt.Invisible(r) {
			t.Errorf("%U is not seen", r)
		}
	}
	exempt := map[rune]bool{0x200c: true, 0x200d: true, 0xfe0e: true, 0xfe0f: true}
	seen := &unicode.RangeTable{ // format characters that have a shape
		R16: []unicode.Range16{{0x600, 0x605, 1}, {0x6dd, 0x6dd, 1}, {0x70f, 0x70f, 1}, {0x890, 0x891, 1}, {0x8e2, 0x8e2, 1}},
		R32: []unicode.Range32{{0x110bd, 0x110bd, 1}, {0x110cd, 0x110cd, 1}, {0x13430, 0x1343f, 1}},
	}
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		named := unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point, unicode.Zl, unicode.Zp)
		if named && !exempt[r] && !unicode.Is(seen, r) && !vt.Invisible(r) {
			t.Errorf("%U is seen", r)
		}
	}
}

func TestOpen(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "plain": false, "\x1b[31mred": true, "\x1b[31mred\x1b[0m": false, "\x1b[31mred\x1b[m.": false,
		"\x1b[31mred\x1b[0m\x1b[1mbold": true, "\x1b[31mred\x1b[39m": true, "\x1b[0;31mred": true,
	} {
		if got := vt.Open([]byte(text)); got != want {
			t.Errorf("Open(%q) is %v", text, got)
		}
	}
}

func TestTextInTheColourOfItsGround(t *testing.T) {
	tests := []struct{ in, want string }{
		{"\x1b[31;41mx", "␛[31;41mx"},
		{"\x1b[31m\x1b[41mx", "\x1b[31m␛[41mx"},
		{"\x1b[31m\x1b[0;41mx", "\x1b[31m\x1b[0;41mx"},
		{"\x1b[31m\x1b[39;41mx", "\x1b[31m\x1b[39;41mx"},
		{"\x1b[31;41;32mx", "\x1b[31;41;32mx"},
		{"\x1b[31;41;49mx", "\x1b[31;41;49mx"},
		{"\x1b[1m\x1b[31m\x1b[101mx", "\x1b[1m\x1b[31m␛[101mx"},
		{"\x1b[31;101m\x1b[1mx", "\x1b[31;101m␛[1mx"},
		{"\x1b[1;22;31;101mx", "\x1b[1;22;31;101mx"},
		{"\x1b[38;5;16;48;5;16mx", "␛[38;5;16;48;5;16mx"},
		{"\x1b[38;5;0;48;5;16mx", "\x1b[38;5;0;48;5;16mx"}, // the palette is the user's
		{"\x1b[38;5;196m\x1b[48:2::255:0:0mx", "\x1b[38;5;196m␛[48:2::255:0:0mx"},
		{"\x1b[38;5;300;48;5;300mx", "\x1b[38;5;300;48;5;300mx"}, // no colours
		{"\x1b[38;2;300;0;0;48;2;300;0;0mx", "\x1b[38;2;300;0;0;48;2;300;0;0mx"},
		{"\x1b[7mx", "\x1b[7mx"},
	}
	for _, tt := range tests {
		checkText(t, vt.SGR, tt.in, tt.want)
	}
	// Strings are shown apart, so one says nothing of the colours of the next.
	object := `{"a":"\u001b[31m","b":"\u001b[41mx","c":"\u001b[31;41m"}`
	if got := string(vt.SGR.JSON([]byte(object))); got != `{"a":"\u001b[31m","b":"\u001b[41mx","c":"␛[31;41m"}` {
		t.Errorf("JSON(%s) is %s", object, got)
	}
}
