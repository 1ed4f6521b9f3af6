package vt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/loglane/loglane/internal/vt"
)

func FuzzText(f *testing.F) {
	for _, line := range hostileLines() {
		f.Add([]byte(line))
	}
	f.Add([]byte("plain, \x1b[1;38;2;8;8;8mred\x1b[m, größer €😀\r\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, p := range []vt.Policy{vt.SGR, vt.Strip, vt.None} {
			checkLine(t, p, line)
		}
	})
}

// checkLine holds what Text makes of line against the promises.
func checkLine(t *testing.T, p vt.Policy, line []byte) {
	t.Helper()
	before := bytes.Clone(line)
	got := p.Text(line)
	if !bytes.Equal(line, before) {
		t.Fatalf("%v.Text(%q) changed its argument", p, before)
	}
	if bytes.Equal(got, line) && !sameMemory(got, line) {
		t.Errorf("%v.Text(%q) is a needless copy", p, line)
	}
	if want := naive(p, line); string(got) != want {
		t.Errorf("%v.Text(%q) = %q, want %q", p, line, got, want)
	}
	if again := p.Text(got); !sameMemory(again, got) {
		t.Errorf("%v.Text(%q) = %q, a second time %q", p, line, got, again)
	}
	if p == vt.None {
		return
	}
	if bad := violations(got); bad != nil {
		t.Errorf("%v.Text(%q) = %q: %s", p, line, got, bad)
	}
	if !utf8.Valid(got) {
		t.Errorf("%v.Text(%q) = %q is not UTF-8", p, line, got)
	}
}

// FuzzJSON takes text that may be JSON, and makes JSON of any text, spelled in
// the way that the bits of style say.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a\u001b[31m":["\r\n\\\u009b\ud83d\ude00",1.50,{"\f":null}]}`), uint64(0))
	f.Add([]byte("\x1b[38;5;8m\u009c\r\r\n\x7f\U0001f600\"\\u001b"), uint64(0x123456789abcdef))
	f.Add([]byte(`"\ud83d\u001b[m\ude00"`), uint64(1))
	for i, line := range hostileLines() {
		if i%16 == 0 {
			f.Add([]byte(line), uint64(i)*0x9e3779b97f4a7c15)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, style uint64) {
		objects := [][]byte{[]byte(spell(text, style))}
		if json.Valid(text) {
			objects = append(objects, text)
		}
		for _, p := range []vt.Policy{vt.SGR, vt.Strip, vt.None} {
			p.JSON(text) // valid or not, it must not crash
			for _, object := range objects {
				checkObject(t, p, object)
			}
		}
	})
}

// spell writes text as a JSON object, each character raw, short or as lower or
// upper-case escape.
func spell(text []byte, style uint64) string {
	var s strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		raw := string(text[:n])
		text = text[n:]
		how := style & 3
		style = style>>2 | style<<62
		switch quoted, _ := json.Marshal(raw); {
		case r > 0xffff && how < 2:
			fmt.Fprintf(&s, `\u%04x\u%04X`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		case r > 0xffff, r > 0x7e && how > 1:
			s.WriteString(raw)
		case how == 0:
			fmt.Fprintf(&s, `\u%04x`, r)
		case how == 1:
			fmt.Fprintf(&s, `\u%04X`, r)
		default:
			s.Write(quoted[1 : len(quoted)-1])
		}
	}
	return "{ \"" + s.String() + "\":\t[\"" + s.String() + "\"]\r\n}"
}
