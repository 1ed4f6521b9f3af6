package vt_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/vt"
)

var update = flag.Bool("update", false, "write testdata/hostile.json anew")

// hostile is a line of the corpus that the browser's tests read too. Line is bytes, for
// some are no UTF-8.
type hostile struct {
	Category string `json:"category"`
	Line     []byte `json:"line"`
}

// corpus are the hostile lines by what they try. It is the same every time.
func corpus() (all []hostile) {
	add := func(category string, lines ...string) {
		for _, line := range lines {
			all = append(all, hostile{category, []byte(line)})
		}
	}
	addSequences(add)
	addColours(add)
	addCharacters(add)
	return all
}

func addSequences(add func(string, ...string)) {
	each := func(category, before string, all []string, after string) {
		for _, one := range all {
			add(category, "pass"+before+one+after+"word")
		}
	}
	cursor := strings.Fields("A 5B C 999D E F 1G H 1;1H 2;2f I Z 3` a d e s u 7r 1;5r")
	erase := strings.Fields("J 1J 2J 3J ?J K 1K 2K X P @ L M S 5T 9b ?3h ?1049h ?47l 4h !p 8;1;1t 2t")
	each("cursor moves", "\x1b[", cursor, "")
	each("cursor moves, introducer of one character", "\u009b", cursor, "")
	each("cursor moves, introducer of one byte", "\x9b", cursor, "")
	each("erase and modes", "\x1b[", erase, "")
	each("erase and modes, introducer of one character", "\u009b", erase, "")
	each("reports", "\x1b[", strings.Fields("5n 6n ?6n c >c =c 0c 18t 19t 21t 14t ?2026$p >q ?u x 1x ?15n"), "")
	each("reports", "\x1b", strings.Fields("Z P$qm\x1b\\ P+q544e\x1b\\ ]10;?\a ]11;?\a ]4;1;?\a ]52;c;?\a"), "")
	each("escape sequences", "\x1b", strings.Fields("c 7 8 D E H M N O V W = > n o | } ~ #8 #3 %G %@ (0 (B )0 -A .A /A l m 6 9"), "")

	titles := strings.Fields("0;pwned 1;pwned 2;pwned 0; 2;?")
	links := strings.Fields("8;;javascript:alert(1) 8;;http://evil.example/ 8;;https://evil.example/ 8;;data:text/html,x 8;;file:///etc/passwd 8;id=1;vbscript:x 8;; 8;;//evil.example")
	clipboard := strings.Fields("52;c;cm0gLXJmIH4= 52;p;cHduZWQ= 52;;cHduZWQ= 52;s0;cHduZWQ= 52;c;!")
	others := strings.Fields("4;1;rgb:00/00/00 7;file:///etc 9;notify 10;red 11;black 12;red 50;#1 104 110 133;A 777;notify;a;b 1337;File=inline=1:AAAA P0000000 R")
	for _, end := range []struct{ name, text string }{{"BEL", "\a"}, {"ST", "\x1b\\"}, {"one-character ST", "\u009c"}, {"no end", ""}} {
		each("OSC title, "+end.name, "\x1b]", titles, end.text)
		each("OSC link, "+end.name, "\x1b]", links, end.text)
		each("OSC clipboard, "+end.name, "\x1b]", clipboard, end.text)
	}
	each("OSC of other kinds", "\x1b]", others, "\a")
	each("OSC, introducer of one character", "\u009d", append(titles, append(links, clipboard...)...), "\u009c")
	each("DCS", "\x1bP", strings.Fields("$q\"p +q544e +p 1$r0m q#0;2;0;0;0~ 0;1|17/68 1000p =1s tmux;x"), "\x1b\\")
	each("DCS, introducer of one character", "\u0090", strings.Fields("$qm q#0~ +q544e"), "\u009c")
	each("APC, PM, SOS", "\x1b", strings.Fields("_Gf=100,a=T;AAAA _x ^private Xstart ktitle"), "\x1b\\")
	each("APC, PM, SOS of one character", "", strings.Fields("\u009fG \u009eprivate \u0098start"), "\u009c")
	each("half a sequence at the end", "", []string{"\x1b", "\x1b[", "\x1b[3", "\x1b[31;", "\x1b[38:2", "\x1b]", "\x1b]0;pwn", "\x1bP", "\x1b_", "\u009b", "\u009d0;", "\xc2", "\xe2\x80", "\xf0\x9f"}, "\n")
	for _, half := range []string{"\x1b", "\x1b[", "\x1b[31", "\x1b]0;pwned", "\x1b]52;c;", "\x1bP", "\x9b", "\xc2", "\xe2\x80"} {
		add("half a sequence at the line's end", "pass"+half)
	}
}

func addColours(add func(string, ...string)) {
	for _, p := range []string{"8", "08", "0;8", "8;31", "31;8", "1;8;1", "38;5;1;8", "38;2;1;2;3;8", "38:5:1;8", "58;5;8", "8:1", ";8", "38;5;;8"} {
		add("conceal", "pass\x1b["+p+"mhidden\x1b[0mword")
	}
	for _, p := range []string{
		"31;41", "41;31", "91;101", "30;40", "37;47", "1;30;100", "1;31;101", "38;5;1;41", "31;48;5;1", "38;5;9;101", "38;5;196;48;5;196",
		"38;5;16;48;2;0;0;0", "38;5;231;48;2;255;255;255", "38;5;244;48;2;128;128;128", "38;2;1;2;3;48;2;1;2;3", "38:2:1:2:3;48:2::1:2:3",
		"38:5:1;41", "31;48:5:1", "38:2::9:9:9;48;2;9;9;9",
	} {
		add("text in the colour of its ground", "pass\x1b["+p+"mhidden\x1b[0mword")
		add("text in the colour of its ground, by two sequences", "pass\x1b["+strings.Replace(p, ";4", "m\x1b[4", 1)+"mhidden\x1b[0mword")
	}
	for _, p := range []string{strings.Repeat("1;", 33), strings.Repeat("0", 1000), strings.Repeat("9", 400), strings.Repeat(":", 70), strings.Repeat("38;5;1;", 40)} {
		add("parameters without end", "pass\x1b["+p+"mword")
	}
	add("colours of other forms", "\x1b[>4;1mword", "\x1b[>4mword", "\x1b[?4mword", "\x1b[=1mword", "\x1b[<1mword", "\x1b[1 mword", "\x1b[1!mword", "\x1b[1;2$mword",
		"\x1b[1\x7fmword", "\x1b[1\amword", "\x1b[1\x00mword", "\x1b[1\rmword", "\x1b[1\nmword", "\x1b[3\x1b[1m1mword", "\x1b[1\u009bmword", "\u009b31mword", "\x9b31mword", "\x1b[31Ⅿword")
	for _, p := range []string{"31", "41", "7", "4", "9", "1;3;4;53", "38;2;255;0;0", "38:2:255:0:0", "48:2::0:0:255", "58:2::1:2:3;4:3", "38;5;200", "21"} {
		add("a colour that is left on", "pass\x1b["+p+"mword")
	}
}

func addCharacters(add func(string, ...string)) {
	for c := range rune(0xa0) {
		switch {
		case c == '\t', 0x20 <= c && c < 0x7f:
		case c == '\n', c == '\r':
			add("line breaks", "pass"+string(c)+"word", "pass"+strings.Repeat(string(c), 5)+"word")
		case c < 0x80:
			add("C0", "pass"+string(c)+"word")
		default:
			add("C1 as a character", "pass"+string(c)+"word")
			add("C1 as a byte", "pass"+string([]byte{byte(c)})+"31mword")
		}
	}
	add("overwriting", "failed\rall is well", "failed\b\b\b\b\b\bpassed", "a\r\r\nb", "first\r\nsecond", "x\v\fy", "pass\x7f\x7f\x7f\x7fword")
	add("forged lines", "pass\n12:00:00 INFO  all is well", "pass\r\n\r\n\r\nERROR forged", "pass\u2028INFO forged", "pass\u2029INFO forged", "pass\u0085INFO forged", "data: x\n\nid: 1\nevent: gap\ndata: {}\n\n", "pass\n: comment\nretry: 1\nid: 0")
	for _, c := range bidirectional {
		add("bidirectional", fmt.Sprintf("pass %c drow", c))
	}
	for _, c := range zeroWidth {
		add("zero width and invisible", fmt.Sprintf("pass%cword", c))
	}
	add("letters that are none", "\xc0\x9b31m", "\xe0\x82\x9b2J", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff\xfe", "\xc2", "\x80\x80\x80")
}

var (
	bidirectional = []rune{0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069}
	zeroWidth     = []rune{
		0xad, 0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180e, 0x200b, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x206a, 0x206f,
		0x3164, 0xfe00, 0xfe0d, 0xfeff, 0xffa0, 0xfff9, 0xfffb, 0x1d173, 0xe0001, 0xe0041, 0xe007f, 0xe0100, 0xe01ef,
	}
)

func TestHostileCorpus(t *testing.T) {
	lines := corpus()
	if len(lines) < 300 {
		t.Errorf("only %d lines", len(lines))
	}
	for _, h := range lines {
		checkHostile(t, string(h.Line))
		for _, p := range []vt.Policy{vt.SGR, vt.Strip} {
			checkObeyed(t, p, h.Line)
		}
	}
	for _, line := range hostileLines() {
		checkObeyed(t, vt.SGR, []byte(line))
	}
}

// The browser's tests read the corpus from a file, which must be this one.
func TestHostileCorpusFile(t *testing.T) {
	const path = "testdata/hostile.json"
	var want strings.Builder
	want.WriteString("[\n")
	for i, h := range corpus() {
		line, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			want.WriteString(",\n")
		}
		want.Write(line)
	}
	want.WriteString("\n]\n")
	if *update {
		if err := os.WriteFile(path, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want.String() {
		t.Errorf("%s is not the corpus (%v): run go test ./internal/vt -run TestHostileCorpusFile -update", path, err)
	}
}
