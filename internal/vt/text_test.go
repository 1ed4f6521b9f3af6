package vt_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/vt"
)

func TestText(t *testing.T) {
	p64, p65 := strings.Repeat("1", 64), strings.Repeat("1", 65)
	tests := []struct{ name, in, sgr, strip string }{
		{"empty", "", "", ""},
		{"plain", "all is well", "all is well", "all is well"},
		{"letters of all sizes", "aé€😀", "aé€😀", "aé€😀"},
		{"breaks", "a\tb\nc\rd\r\n", "a\tb\nc\rd\r\n", "a\tb\nc\rd\r\n"},
		{"separators are no controls", "a\u2028b\u2029c\u00a0", "a\u2028b\u2029c\u00a0", "a\u2028b\u2029c\u00a0"},
		{"colour", "\x1b[31mred\x1b[0m.", "\x1b[31mred\x1b[0m.", "red."},
		{"reset without parameters", "\x1b[m", "\x1b[m", ""},
		{"empty parameters", "\x1b[;;m", "\x1b[;;m", ""},
		{"colons", "\x1b[4:3;38:2::1:2:3mx", "\x1b[4:3;38:2::1:2:3mx", "x"},
		{"as many parameters as may be", "\x1b[" + p64 + "m", "\x1b[" + p64 + "m", ""},
		{"one more", "\x1b[" + p65 + "m", "␛[" + p65 + "m", "␛[" + p65 + "m"},
		{"erase", "\x1b[2Jx", "␛[2Jx", "␛[2Jx"},
		{"private marker", "\x1b[?25m", "␛[?25m", "␛[?25m"},
		{"modifyOtherKeys", "\x1b[>4;1m", "␛[>4;1m", "␛[>4;1m"},
		{"intermediate", "\x1b[1 m", "␛[1 m", "␛[1 m"},
		{"control within", "\x1b[3\a1m", "␛[3␇1m", "␛[3␇1m"},
		{"line break within", "\x1b[3\n1m", "␛[3\n1m", "␛[3\n1m"},
		{"cut short", "\x1b[31", "␛[31", "␛[31"},
		{"cut shorter", "x\x1b", "x␛", "x␛"},
		{"two escapes", "\x1b\x1b[31m", "␛\x1b[31m", "␛"},
		{"colour inside a sequence", "\x1b[3\x1b[1m1m", "␛[3\x1b[1m1m", "␛[31m"},
		{"title", "\x1b]0;pwned\a", "␛]0;pwned␇", "␛]0;pwned␇"},
		{"string terminator", "\x1b\\", "␛\\", "␛\\"},
		{"controls", "\x00\b\v\f\x1f\x7f", "␀␈␋␌␟␡", "␀␈␋␌␟␡"},
		{"one-character forms", "\u0080\u0085\u009b31m\u009c\u009d\u009f", "␛@␛E␛[31m␛\\␛]␛_", "␛@␛E␛[31m␛\\␛]␛_"},
		{"stray bytes", "\x9b31m\xff\xc2", "\ufffd31m\ufffd\ufffd", "\ufffd31m\ufffd\ufffd"},
		{"control after a cut letter", "\xe2\x9b\x1b", "\ufffd\ufffd␛", "\ufffd\ufffd␛"},
		{"long form of a control", "\xc0\x9b\xe0\x82\x9b", "\ufffd\ufffd\ufffd\ufffd\ufffd", "\ufffd\ufffd\ufffd\ufffd\ufffd"},
		{"halves do not meet", "\xc2\x1b[m\x9b", "\ufffd\x1b[m\ufffd", "\ufffd\ufffd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkText(t, vt.SGR, tt.in, tt.sgr)
			checkText(t, vt.Strip, tt.in, tt.strip)
			checkText(t, vt.None, tt.in, tt.in)
		})
	}
}

func checkText(t *testing.T, p vt.Policy, in, want string) {
	t.Helper()
	argument := []byte(in)
	got := p.Text(argument)
	if string(got) != want {
		t.Errorf("%v.Text(%q) = %q, want %q", p, in, got, want)
	}
	if string(argument) != in {
		t.Errorf("%v.Text(%q) changed its argument", p, in)
	}
}

func TestConceal(t *testing.T) {
	tests := []struct {
		parameters string
		passes     bool
	}{
		{"8", false},
		{"08", false},
		{"0008", false},
		{"1;8", false},
		{"8;1", false},
		{";8", false},
		{"8:1", false},
		{"18", true},
		{"80", true},
		{"28", true},
		{"88888888888888888888", true},
		{"4:8", true},
		{"38;5;8", true},
		{"48;5;8", true},
		{"038;05;08", true},
		{"38;5;8;8", false},
		{"38;5;1;8", false},
		{"38;2;8;8;8", true},
		{"48;2;1;2;8;1", true},
		{"38;2;1;2;3;8", false},
		{"38;5;8;48;2;8;8;8", true},
		{"38;2;8;8", false},
		{"38;5;;8", false},
		{"38;2;;;8", true},
		{"38;8", false},
		{"38;;8", false},
		{"38;1;8", false},
		{"38:5:8", true},
		{"48:2::8:8:8", true},
		{"38:5:8;8", false},
		{"38:5;8", false},
		{"38;5:1;8", false},
		{"38;5;8:1", false},
		{"58:5:8", true},
		{"58;5;8", false},
		{"39;5;8", false},
	}
	for _, tt := range tests {
		in := "\x1b[" + tt.parameters + "m"
		want := in
		if !tt.passes {
			want = "␛[" + tt.parameters + "m"
		}
		if got := vt.SGR.Text([]byte(in)); string(got) != want {
			t.Errorf("SGR.Text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanTextIsFree(t *testing.T) {
	lines := []string{
		"",
		"2026-01-02 03:04:05 INFO\tall is well",
		"größer als 5 €, 😀",
		"\x1b[1;38;2;10;20;30mcoloured\x1b[0m\r\n",
	}
	for _, line := range lines {
		checkFree(t, vt.SGR.Text, line)
		checkFree(t, vt.None.Text, line)
	}
	checkFree(t, vt.Strip.Text, lines[1])
	checkFree(t, vt.None.Text, "\x1b[2J\xff")
}

// checkFree fails unless filter returns line itself and allocates nothing.
func checkFree(t *testing.T, filter func([]byte) []byte, line string) {
	t.Helper()
	in := []byte(line)
	if got := filter(in); !sameMemory(got, in) {
		t.Errorf("%q: %q is a copy", line, got)
	}
	if n := testing.AllocsPerRun(100, func() { filter(in) }); n != 0 {
		t.Errorf("%q: %v allocations", line, n)
	}
}

func sameMemory(a, b []byte) bool {
	return bytes.Equal(a, b) && (len(a) == 0 || &a[0] == &b[0])
}
