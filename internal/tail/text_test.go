package tail_test

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/loglane/loglane/internal/tail"
	"github.com/loglane/loglane/internal/vt"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func text(c tail.Text, id, data string) string {
	c.SetNow(noon)
	return string(c.Append(nil, tail.Line{ID: id, Data: []byte(data)}))
}

func TestText(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"all", `{"message":"paid","level":"info","timestamp":"2026-01-02T11:02:11.5Z","logger":"shop.cart","pod":"p1","attrs":{"order":17,"to":"two words","empty":""}}`,
			"11:02:11 INFO  shop.cart paid pod=p1 order=17 to=\"two words\" empty=\"\"\n"},
		{"another day", `{"message":"x","timestamp":"2026-01-01T23:59:59Z"}`, "2026-01-01 23:59:59 -     x\n"},
		{"msg, severity, time", `{"msg":"x","severity":"Warning","time":"2026-01-02 11:02:11,250+01:00"}`, "10:02:11 WARNING x\n"},
		{"body, levelname, ts", `{"body":"x","levelname":"DEBUG","ts":1767351731.5}`, "11:02:11 DEBUG x\n"},
		{"event, log.level, @timestamp", `{"event":"x","log.level":"error","@timestamp":"2026-01-02T11:02:11Z"}`, "11:02:11 ERROR x\n"},
		{"log, pino's level, ms", `{"log":"x","level":50,"time":1767351731000}`, "11:02:11 ERROR x\n"},
		{"short_message, slog's level, µs", `{"short_message":"x","level":-4,"ts":1767351731000000}`, "11:02:11 DEBUG x\n"},
		{"name, levelno, ns", `{"message":"x","levelno":30,"ts":1767351731000000000,"name":"app"}`, "11:02:11 WARNING app x\n"},
		{"slog between names", `{"message":"x","level":2}`, "03:04:05 INFO+2 x\n"},
		{"ECS nested", `{"message":"x","log":{"level":"error"}}`, "03:04:05 ERROR x log={\"level\":\"error\"}\n"},
		{"a word that is no level", `{"message":"x","level":"verbose"}`, "03:04:05 VERBOSE x\n"},
		{"when it was stored", `{"message":"x"}`, "03:04:05 -     x\n"},
		{"null says nothing", `{"message":"x","pod":null,"level":null,"attrs":null,"mine":null}`, "03:04:05 -     x mine=null\n"},
		{"an alias that was not needed", `{"message":"a","msg":"b"}`, "03:04:05 -     a msg=b\n"},
		{"a message that is a number", `{"message":5}`, "03:04:05 -     5\n"},
		{"numbers keep their digits", `{"message":"x","n":12345678901234567890,"f":1.0}`, "03:04:05 -     x n=12345678901234567890 f=1.0\n"},
		{"no message", "{\"a\":1,\n \"b\":2}", "03:04:05 -     {\"a\":1,\"b\":2}\n"},
		{"text", "plain text", "03:04:05 -     plain text\n"},
		{"broken JSON", `{"message":`, "03:04:05 -     {\"message\":\n"},
		{"an array", `[1,2]`, "03:04:05 -     [1,2]\n"},
		{"rows", `{"message":"a\r\nb\n13:00:00 INFO  forged\n","x":"1\n2"}`, "03:04:05 -     a\n│ b\n│ 13:00:00 INFO  forged x=\"1\\n2\"\n"},
		{"a return", `{"message":"safe\rforged"}`, "03:04:05 -     safe␍forged\n"},
		{"controls", `{"message":"\u001b[2J\u001b]0;t\u0007\u009b1m\u007f"}`, "03:04:05 -     ␛[2J␛]0;t␇␛[1m␡\n"},
		{"colours are taken out", `{"message":"\u001b[31mred\u001b[0m","logger":"\u001b[1ml"}`, "03:04:05 -     l red\n"},
		{"turned around", "{\"message\":\"a\u202eb\u2066c\",\"logger\":\"\u200bl\ufeff\",\"k\u2060\":\"\u2028\"}", "03:04:05 -     <U+200B>l<U+FEFF> a<U+202E>b<U+2066>c k<U+2060>=<U+2028>\n"},
		{"joiners stay", "👩\u200d💻 می\u200cخواهم", "03:04:05 -     👩\u200d💻 می\u200cخواهم\n"},
		{"a level of several rows", `{"message":"x","level":"a\nb"}`, "03:04:05 A↵B   x\n"},
		{"no UTF-8", "a\xffb", "03:04:05 -     a\uFFFDb\n"},
		{"empty", "", "03:04:05 -     \n"},
	} {
		if got := text(tail.Text{}, "0.0.1767323045000-0", c.data); got != c.want {
			t.Errorf("%s:\n%q\nwant\n%q", c.name, got, c.want)
		}
	}
}

func TestTextTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const data = `{"message":"x","level":"info","timestamp":"2026-01-02T11:58:00.25Z"}`
	for _, c := range []struct {
		text tail.Text
		want string
	}{
		{tail.Text{Times: tail.TimesShort, Zone: berlin}, "12:58:00 INFO  x\n"},
		{tail.Text{Times: tail.TimesRFC3339}, "2026-01-02T11:58:00.250Z INFO  x\n"},
		{tail.Text{Times: tail.TimesRFC3339, Zone: berlin}, "2026-01-02T12:58:00.250+01:00 INFO  x\n"},
		{tail.Text{Times: tail.TimesRelative}, "     1m INFO  x\n"},
		{tail.Text{Times: tail.TimesNone}, "INFO  x\n"},
	} {
		if got := text(c.text, "", data); got != c.want {
			t.Errorf("%+v: %q, want %q", c.text, got, c.want)
		}
	}
	if got := text(tail.Text{}, "", "x"); got != "- -     x\n" {
		t.Errorf("without any time: %q", got)
	}
}

func TestTextColors(t *testing.T) {
	c := tail.Text{Color: true, Times: tail.TimesNone, Contexts: true}
	const data = `{"message":"\u001b[35mpaid\u001b[8mhidden","level":"error","context":"User.bob","logger":"l","a":1,"b":2}`
	const want = "\x1b[31mERROR\x1b[0m \x1b[90mUser.bob\x1b[0m \x1b[90ml\x1b[0m \x1b[35mpaid␛[8mhidden\x1b[0m \x1b[90ma=1 b=2\x1b[0m\n"
	if got := text(c, "", data); got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
	c.Color = false
	if got := text(c, "", `{"message":"x","context":"User.bob"}`); got != "-     User.bob x\n" {
		t.Errorf("%q", got)
	}
}

// harmless says what in out a terminal would obey or hide, or "".
func harmless(out string, color bool) string {
	if !utf8.ValidString(out) {
		return "invalid UTF-8"
	}
	if color { // only whole sequences of colours are taken out
		out = string(vt.Strip.Text([]byte(out)))
	}
	for _, r := range out {
		switch {
		case r == '\t', r == '\n':
		case r < 0x20, 0x7f <= r && r <= 0x9f:
			return "a control"
		case r == '\u200b', r == '\u2060', r == '\ufeff', '\u2028' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return "a character that hides or turns"
		}
	}
	return ""
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		`{"message":"x","level":"info","timestamp":"2026-01-02T11:02:11.5Z","attrs":{"a":[1,{"b":null}]}}`,
		"{\"message\":\"\u202e\\u001b[31m\\u009b\\r\\n\x7f\",\"\\u001b]8;;\":\"\\u0007\"}", "\x1b[2Jplain\r", `{"level":1e300,"ts":1e300,"levelno":-1}`,
		`{"log":{"level":"\u001b[1m"},"msg":"\u2028"}`, `{"a":{}}`, "[", `{"message":"a","message":null}`, `{"ts":-1,"message":"\ud800"}`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, color bool) {
		for _, times := range []tail.Timestamps{tail.TimesShort, tail.TimesRFC3339, tail.TimesRelative} {
			c := tail.Text{Color: color, Times: times, Contexts: true}
			out := string(c.Append(nil, tail.Line{ID: "0.0.1767323045000-0", Data: data}))
			if what := harmless(out, color); what != "" {
				t.Errorf("%q has %s: %q", data, what, out)
			}
		}
	})
}
