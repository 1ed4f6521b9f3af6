package loglane_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

func TestNewRecord(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"an object", `{"message":"x"}`, `{"message":"x"}`},
		{"an object with space", " {\n \"message\" : \"a b\" ,\t\"n\":[ 1, 2 ]\r\n} ", `{"message":"a b","n":[1,2]}`},
		{"unknown members and numbers stay", `{"z":1e400,"a":1.0,"a":2,"b":-0}`, `{"z":1e400,"a":1.0,"a":2,"b":-0}`},
		{"HTML stays", `{"message":"<a&b>"}`, `{"message":"<a&b>"}`},
		{"escapes stay", `{"message":"\u003c\u00e9\/\ud83d\ude00"}`, `{"message":"\u003c\u00e9\/\ud83d\ude00"}`},
		{"separators stay", "{\"m\":\"\u2028\"}", "{\"m\":\"\u2028\"}"},
		{"empty object", `{}`, `{}`},
		{"text", "hello", `{"message":"hello"}`},
		{"text with quotes", `say "hi" \ <b>`, `{"message":"say \"hi\" \\ <b>"}`},
		{"lines", "a\nb\r\n\tc", `{"message":"a\nb\r\n\tc"}`},
		{"empty", "", `{"message":""}`},
		{"controls", "\x1b[31m\x00", `{"message":"\u001b[31m\u0000"}`},
		{"an array", `[1]`, `{"message":"[1]"}`},
		{"a number", `17`, `{"message":"17"}`},
		{"broken", `{"message":`, `{"message":"{\"message\":"}`},
		{"two objects", `{} {}`, `{"message":"{} {}"}`},
		{"invalid UTF-8 in text", "a\xffb", `{"message":"a` + "\uFFFD" + `b"}`},
		{"invalid UTF-8 in an object", "{\"m\":\"a\xffb\"}", "{\"m\":\"a\uFFFDb\"}"},
		{"a byte order mark", "\uFEFF{}", `{"message":"` + "\uFEFF" + `{}"}`},
		{"our member", `{"_ll":"1 x","message":"x"}`, `{"message":"x"}`},
		{"our member alone", `{"_ll":{"a":[1,",}"]}}`, `{}`},
		{"our members between", `{"a":1,"_ll":2,"b":3,"_llx":"\"}","c":4,"_ll.y":[{}]}`, `{"a":1,"b":3,"c":4}`},
		{"our member escaped", `{"\u005fll":1,"_\u006cl":2,"\u005F\u006C\u006Cx":3,"m":4}`, `{"m":4}`},
		{"our member deeper", `{"attrs":{"_ll":1},"m":"_ll"}`, `{"attrs":{"_ll":1},"m":"_ll"}`},
		{"almost ours", `{"_l":1,"ll":2,"__ll":3,"_LL":4}`, `{"_l":1,"ll":2,"__ll":3,"_LL":4}`},
		{"names with quotes", `{"a\"_ll":1,"_ll\"":2,"\\":3}`, `{"a\"_ll":1,"\\":3}`},
	}
	for _, c := range cases {
		in := []byte(c.in)
		got := loglane.NewRecord(in, 0)
		if string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		for i := range in {
			in[i] = '#'
		}
		if string(got) != c.want {
			t.Errorf("%s: the record keeps the line's memory", c.name)
		}
	}
}

func messageOf(t *testing.T, record []byte) string {
	t.Helper()
	var r struct{ Message string }
	if err := json.Unmarshal(record, &r); err != nil {
		t.Fatalf("%.100q: %v", record, err)
	}
	return r.Message
}

func TestLongLinesAreCut(t *testing.T) {
	for name, unit := range map[string]string{"letters": "x", "two bytes": "é", "three bytes": "☃", "four bytes": "😀", "quotes": `"`, "controls": "\x01"} {
		for _, limit := range []int{loglane.MinMaxLine, 1025, 1026, 1027, 4096} {
			text := strings.Repeat(unit, 20_000)
			for kind, line := range map[string]string{"text": text, "object": string(loglane.NewRecord([]byte(text), 1<<30))} {
				record := loglane.NewRecord([]byte(line), limit)
				if len(record) > limit {
					t.Errorf("%s, %s, limit %d: %d bytes", name, kind, limit, len(record))
				}
				message := messageOf(t, record)
				kept, note, cut := strings.Cut(message, "… [cut, ")
				if !cut || !strings.HasSuffix(note, " bytes]") {
					t.Errorf("%s, %s, limit %d: the message ends %q", name, kind, limit, message[max(0, len(message)-40):])
				}
				if kept != strings.Repeat(unit, len(kept)/len(unit)) || len(kept) < limit/16 {
					t.Errorf("%s, %s, limit %d: %d bytes are kept", name, kind, limit, len(kept))
				}
			}
		}
	}
	exact := `{"message":"` + strings.Repeat("x", loglane.MinMaxLine-14) + `"}`
	if got := loglane.NewRecord([]byte(exact), loglane.MinMaxLine); string(got) != exact {
		t.Errorf("a line of the exact length became %.40q", got)
	}
	plain := strings.Repeat("x", loglane.DefaultMaxLine-len(`{"message":""}`))
	if got := messageOf(t, loglane.NewRecord([]byte(plain), 0)); got != plain {
		t.Errorf("a text that fits its record was cut to %d bytes", len(got))
	}
}

func TestCutRecordsSayWhereTheyComeFrom(t *testing.T) {
	line := fmt.Sprintf(`{"level":"error","timestamp":"2026-01-02T03:04:05Z","logger":"app","trace_id":"abc","junk":%q,"msg":%q,"attrs":{"a":1},"context":"User.alice"}`,
		strings.Repeat("j", 5000), strings.Repeat("m", 5000))
	record := loglane.NewRecord([]byte(line), 1024)
	var r map[string]any
	if err := json.Unmarshal(record, &r); err != nil || len(record) > 1024 {
		t.Fatalf("%d bytes, %v", len(record), err)
	}
	for name, want := range map[string]string{"level": "error", "timestamp": "2026-01-02T03:04:05Z", "logger": "app", "trace_id": "abc", "context": "User.alice"} {
		if r[name] != want {
			t.Errorf("%s is %v, want %s", name, r[name], want)
		}
	}
	if message, _ := r["message"].(string); !strings.HasPrefix(message, "mmmm") || !strings.Contains(message, fmt.Sprint(len(line))) {
		t.Errorf("the message is %q", message)
	}
}

func TestCutText(t *testing.T) {
	if got, cut := loglane.CutText([]byte("short"), 1024); cut || string(got) != "short" {
		t.Errorf("%q, %v", got, cut)
	}
	for limit := 100; limit < 110; limit++ {
		got, cut := loglane.CutText([]byte(strings.Repeat("é", 200)), limit)
		if !cut || len(got) > limit || !utf8.Valid(got) || !strings.HasSuffix(string(got), "… [cut, the line had 400 bytes]") {
			t.Errorf("limit %d: %q, %v", limit, got, cut)
		}
	}
}

// Whatever comes, a record is a valid compact JSON object within the limit, without
// members of ours; and what is a record already stays as it is.
func FuzzNewRecord(f *testing.F) {
	for _, line := range []string{"", "text", `{"message":"x"}`, `{"_ll":1}`, `{"\u005fll":1,"a":"\""}`, "{\"a\":\"\xff\"}", `{"a":{}} x`, strings.Repeat("é", 2000), `{"a":"` + strings.Repeat(`\u0001`, 500) + `"}`} {
		f.Add([]byte(line), 0)
		f.Add([]byte(line), 1024)
	}
	f.Fuzz(func(t *testing.T, line []byte, limit int) {
		if limit != 0 {
			limit = loglane.MinMaxLine + (limit&0x7fffffff)%4096
		}
		record := loglane.NewRecord(bytes.Clone(line), limit)
		if limit == 0 {
			limit = loglane.DefaultMaxLine
		}
		if len(record) > limit {
			t.Fatalf("%d bytes, limit %d: %.200q", len(record), limit, record)
		}
		if !utf8.Valid(record) || !json.Valid(record) {
			t.Fatalf("%.200q becomes %.200q", line, record)
		}
		var compact bytes.Buffer
		var members map[string]json.RawMessage
		if json.Compact(&compact, record) != nil || !bytes.Equal(compact.Bytes(), record) || json.Unmarshal(record, &members) != nil {
			t.Fatalf("%.200q becomes %.200q", line, record)
		}
		for name := range members {
			if strings.HasPrefix(name, "_ll") {
				t.Fatalf("%.200q keeps the member %q", line, name)
			}
		}
		if again := loglane.NewRecord(record, limit); !bytes.Equal(again, record) {
			t.Fatalf("%.200q becomes %.200q the second time", record, again)
		}
		if (loglane.Batch{Producer: "p", Lines: []loglane.Line{{K: 1, Record: record}}}).Check() != nil {
			t.Fatalf("no broker takes %.200q", record)
		}
	})
}
