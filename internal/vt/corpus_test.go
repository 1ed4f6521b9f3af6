package vt_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/loglane/loglane/internal/vt"
)

// What terminals have been made to do, without introducers and terminators.
var (
	controlStrings = []struct{ introducer, body string }{
		{"]", "0;title"}, {"]", "1;icon"}, {"]", "2;title"}, {"]", "4;1;?"}, {"]", "4;1;rgb:00/00/00"},
		{"]", "7;file:///etc/passwd"}, {"]", "8;;javascript:alert(1)"}, {"]", "8;;http://127.0.0.1/\aclick\x1b]8;;"},
		{"]", "9;notify"}, {"]", "10;?"}, {"]", "11;?"}, {"]", "12;red"}, {"]", "50;#1"},
		{"]", "52;c;cm0gLXJmIH4="}, {"]", "52;c;?"}, {"]", "104"}, {"]", "133;A"},
		{"]", "777;notify;a;b"}, {"]", "1337;File=inline=1:AAAA"}, {"]", "1337;RequestUpload"},
		{"]", "P0000000"}, {"]", "R"}, {"]", ""},
		{"P", "$q\"p"}, {"P", "$qm"}, {"P", "+q544e"}, {"P", "+p"}, {"P", "1$r0m"}, {"P", "q#0;2;0;0;0~"},
		{"P", "0;1|17/68"}, {"P", "1000p"}, {"P", "=1s"}, {"P", ""},
		{"_", "Gf=100,a=T;AAAA"}, {"_", "tmux"}, {"_", ""},
		{"^", "private"}, {"^", ""},
		{"X", "start of string"}, {"X", ""},
	}
	csiSequences = []string{
		"A", "5B", "C", "999D", "E", "F", "G", "H", "1;1H", "I", "J", "1J", "2J", "3J", "K", "2K",
		"L", "M", "P", "99S", "T", "X", "Z", "1`", "a", "10b", "c", ">c", "=c", "0c", "d", "e", "1;1f", "0g", "3g",
		"4h", "4l", "20h", "?1h", "?3h", "?5h", "?7l", "?25l", "?25h", "?47h", "?1000h", "?1003h", "?1006h",
		"?1049h", "?1049l", "?2004h", "?2026h", "5i", "4i", "?5i", "5n", "6n", "?6n", "?15n", "?26n",
		"!p", "?2026$p", "61\"p", "1\"q", "2 q", "r", "1;24r", "?1r", "s", "u", "?u", ">1u", "<u",
		"8;1;1t", "11t", "14t", "18t", "19t", "20t", "21t", "22;0t", "23;0t", "3;0;0t",
		"1;1;2;2$z", "1;1;2;2$x", "2*x", "1;1;1;1;2;2*y", "'{", "1'|", "@", "1 @", "1 A", "#{", "#p",
		">4;1m", ">4m", "?4m", "?25m", "<1m", "=1m", "1 m", "1!m", "1;2$m", "1\"m", "1'm", "1\x7fm", "1\am", "1\x00m",
		"8m", "0;8m", "8;31m", "38;5;1;8m", "31;m\x1b[8m", "1", "31;", "", "?", "38:2", "1<m", "1?m", "1;>m",
		strings.Repeat("1;", 33) + "m", strings.Repeat("0", 1000) + "m", "1\u009bm", "1\nm8", "31Ⅿ",
	}
	escapeSequences = []string{
		"c", "7", "8", "D", "E", "H", "M", "N", "O", "V", "W", "Z", "=", ">", "n", "o", "|", "}", "~", "l", "m",
		"#3", "#8", "%G", "%@", " F", " G", "(0", "(B", ")0", "*0", "+0", "-A", ".A", "/A", "(%5", "$(0",
		"\\", "\x18", "\x1a", "[[A", "`", "b", "d", "g", "k title\x1b\\", "\n[31m", " [31m",
	}
)

// hostileLines puts the families together: long and one-character introducers,
// as characters and as stray bytes; every terminator and none.
func hostileLines() []string {
	var lines []string
	add := func(introducer byte, body string) {
		c1 := rune(introducer) + 0x40
		lines = append(lines,
			"\x1b"+string(introducer)+body,
			string(c1)+body,
			string([]byte{byte(c1)})+body)
	}
	for _, s := range controlStrings {
		for _, terminator := range []string{"", "\a", "\x1b\\", "\u009c", "\x9c", "\x18", "\n", "\x1b"} {
			add(s.introducer[0], s.body+terminator+"after")
		}
	}
	for _, s := range csiSequences {
		add('[', s)
	}
	for _, s := range escapeSequences {
		lines = append(lines, "\x1b"+s, "before \x1b[1m\x1b"+s+"\x1b[0m after")
	}
	for c := range rune(0xa0) {
		if c != '\t' && c != '\n' && c != '\r' && (c < 0x20 || c >= 0x7f) {
			lines = append(lines, "pass"+string(c)+"word", "\x1b[3"+string(c)+"1m")
		}
		if c >= 0x80 {
			lines = append(lines, "cut letter \xe2"+string([]byte{byte(c)})+"31m")
		}
	}
	return lines
}

func TestHostileLines(t *testing.T) {
	lines := hostileLines()
	if len(lines) < 300 {
		t.Errorf("only %d lines", len(lines))
	}
	for _, line := range lines {
		if violations([]byte(line)) == nil {
			t.Errorf("the oracle has nothing against %q", line)
		}
		checkHostile(t, line)
	}
}

func checkHostile(t *testing.T, line string) {
	t.Helper()
	for _, p := range []vt.Policy{vt.SGR, vt.Strip} {
		got := p.Text([]byte(line))
		if bad := violations(got); bad != nil {
			t.Errorf("%v.Text(%q) = %q: %s", p, line, got, bad)
		}
		if want := naive(p, []byte(line)); string(got) != want {
			t.Errorf("%v.Text(%q) = %q, want %q", p, line, got, want)
		}
		for _, object := range spellings(line) {
			checkObject(t, p, []byte(object))
		}
	}
}

// spellings writes line as JSON in the ways that encoders have.
func spellings(line string) []string {
	short, err := json.Marshal(map[string]string{line: line})
	if err != nil {
		panic(err)
	}
	var lower, upper strings.Builder
	for _, r := range line {
		if r > 0xffff {
			r = utf8.RuneError
		}
		fmt.Fprintf(&lower, `\u%04x`, r)
		fmt.Fprintf(&upper, `\u%04X`, r)
	}
	return []string{
		string(short),
		`{"` + lower.String() + `":["` + upper.String() + `"]}`,
	}
}
