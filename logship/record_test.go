package logship_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// logged returns the record that f's call logs.
func logged(t testing.TB, opts logship.Options, f func(*slog.Logger)) []byte {
	t.Helper()
	sink := newSink(t)
	h := newHandler(t, sink, opts)
	f(slog.New(h))
	flush(t, h)
	page, err := sink.Read(t.Context(), loglane.GlobalChannel, loglane.Last(1), 1)
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("%d entries, %v", len(page.Entries), err)
	}
	data := page.Entries[0].Data
	if !json.Valid(data) || !utf8.Valid(data) || bytes.ContainsAny(data, "\n") {
		t.Fatalf("no compact JSON: %s", data)
	}
	return data
}

func attrsOf(t testing.TB, data []byte) string {
	t.Helper()
	var r struct{ Attrs json.RawMessage }
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return string(r.Attrs)
}

type stringer struct{ s string }

func (s stringer) String() string { return "<" + s.s + ">" }

type pointed struct{ s string }

func (p *pointed) String() string { return p.s }

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

type endless struct{ name string }

func (e endless) LogValue() slog.Value {
	return slog.GroupValue(slog.Any(e.name, e), slog.Any("b", e), slog.Int("n", 1))
}

type panicking struct{}

func (panicking) Error() string { panic("no words") }

type badJSON struct{}

func (badJSON) MarshalJSON() ([]byte, error) { return []byte("{"), nil }

type cyclic struct{ Next *cyclic }

func TestValues(t *testing.T) {
	loop := &cyclic{}
	loop.Next = loop
	loopMap := map[string]any{}
	loopMap["m"] = loopMap
	tests := []struct {
		name string
		in   any
		want string // "~" before a part of it
	}{
		{"string", "a\"b\\c\n\x1b[31m\u2028<&>", `"a\"b\\c\n\u001b[31m` + "\u2028" + `<&>"`},
		{"invalid UTF-8", "a\xffb\xc3", `"a` + "\uFFFDb\uFFFD" + `"`},
		{"int", -7, `-7`},
		{"uint", uint64(math.MaxUint64), `18446744073709551615`},
		{"float", 1.5, `1.5`},
		{"big float", 1e300, `1e+300`},
		{"NaN", math.NaN(), `"NaN"`},
		{"infinity", math.Inf(-1), `"-Inf"`},
		{"NaN within", []float64{math.NaN()}, `~"!ERROR: json: unsupported value: NaN`},
		{"bool", true, `true`},
		{"duration", 1500 * time.Millisecond, `"1.5s"`},
		{"time", time.Date(2026, 5, 4, 9, 0, 0, 5, time.FixedZone("", 3600)), `"2026-05-04T09:00:00.000000005+01:00"`},
		{"year 12000", time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), `"12000-01-01T00:00:00Z"`},
		{"nil", nil, `null`},
		{"error", errors.New("it <failed>"), `"it <failed>"`},
		{"joined error", errors.Join(errors.New("a"), errors.New("b")), `"a\nb"`},
		{"nil error", error(nil), `null`},
		{"Stringer", stringer{"x"}, `"<x>"`},
		{"nil Stringer", (*pointed)(nil), `null`},
		{"TextMarshaler", netip.MustParseAddr("::1"), `"::1"`},
		{"bytes", []byte("text"), `"text"`},
		{"binary", []byte{0xff, 0xfe}, `"//4="`},
		{"struct", struct{ A, B any }{1, "<x>"}, `{"A":1,"B":"<x>"}`},
		{"raw", json.RawMessage("{ \"a\":\n1 }"), `{"a":1}`},
		{"invalid raw", json.RawMessage("{"), `~"!ERROR: `},
		{"raw of invalid UTF-8", json.RawMessage("\"a\xff\""), "\"a\uFFFD\""},
		{"bad marshaler", badJSON{}, `~"!ERROR: `},
		{"channel", make(chan int), `~"!ERROR: json: unsupported type: chan int`},
		{"cyclic", loop, `~"!ERROR: json: unsupported value: encountered a cycle`},
		{"cyclic map", loopMap, `~"!ERROR: json: unsupported value: encountered a cycle`},
		{"panic", panicking{}, `"!PANIC: no words"`},
		{"LogValuer", valuer{slog.AnyValue(valuer{slog.IntValue(3)})}, `3`},
		{"LogValuer group", valuer{slog.GroupValue(slog.Int("n", 1))}, `{"n":1}`},
		{"level", slog.LevelWarn, `"WARN"`},
		{"attributes", []slog.Attr{slog.Int("n", 1)}, `{"n":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := attrsOf(t, logged(t, logship.Options{}, func(l *slog.Logger) { l.Info("m", "k", tt.in) }))
			value := strings.TrimSuffix(strings.TrimPrefix(got, `{"k":`), `}`)
			if part, ok := strings.CutPrefix(tt.want, "~"); ok && strings.Contains(value, part) || value == tt.want {
				return
			}
			t.Errorf("got %s, want %s", value, tt.want)
		})
	}
}

func TestAttrs(t *testing.T) {
	tests := []struct {
		name string
		f    func(*slog.Logger)
		want string // of member attrs, "" for absent
	}{
		{"none", func(l *slog.Logger) { l.Info("m") }, ``},
		{"empty attr", func(l *slog.Logger) { l.Info("m", slog.Attr{}, "a", 1) }, `{"a":1}`},
		{"empty key", func(l *slog.Logger) { l.Info("m", "", 1) }, `{"":1}`},
		{"empty group", func(l *slog.Logger) { l.Info("m", slog.Group("g"), slog.Group("h", slog.Group("i"))) }, ``},
		{"open empty group", func(l *slog.Logger) { l.With("a", 1).WithGroup("g").WithGroup("h").Info("m", slog.Group("i")) }, `{"a":1}`},
		{"inline group", func(l *slog.Logger) { l.Info("m", slog.Group("", "a", 1, "b", 2)) }, `{"a":1,"b":2}`},
		{"nested", func(l *slog.Logger) {
			l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h").With().Info("m", "c", 3, slog.Group("i", "d", 4))
		}, `{"a":1,"g":{"b":2,"h":{"c":3,"i":{"d":4}}}}`},
		{"twin", func(l *slog.Logger) { l.Info("m", "a", 1, "b", 2, "a", 3) }, `{"b":2,"a":3}`},
		{"twin of With", func(l *slog.Logger) { l.With("a", 1, "b", 2).Info("m", "b", 3, "a", 4) }, `{"b":3,"a":4}`},
		{"twin in a group", func(l *slog.Logger) { l.With("a", 1).WithGroup("g").With("a", 2, "x", 0).Info("m", "a", 3, "c", 4) }, `{"a":1,"g":{"x":0,"a":3,"c":4}}`},
		{"twin groups", func(l *slog.Logger) { l.Info("m", slog.Group("g", "a", 1, "b", 2), "x", 0, slog.Group("g", "b", 3)) }, `{"x":0,"g":{"b":3}}`},
		{"twin of an open group", func(l *slog.Logger) {
			l.With("g", 1, "x", 2).WithGroup("g").WithGroup("h").Info("m", "a", 1, "b", 2, "a", 3)
		}, `{"x":2,"g":{"h":{"b":2,"a":3}}}`},
		{"no twin of an empty group", func(l *slog.Logger) { l.With("g", 1).WithGroup("g").Info("m") }, `{"g":1}`},
		{"twin by escape", func(l *slog.Logger) { l.Info("m", "a\xff", 1, "a\uFFFD", 2) }, "{\"a\uFFFD\":2}"},
		{"endless value", func(l *slog.Logger) { l.Info("m", "n", endless{"a"}) }, `cut`},
		{"endless inline", func(l *slog.Logger) { l.Info("m", slog.Any("", endless{""})) }, `cut`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := logged(t, logship.Options{}, tt.f)
			if tt.want == "cut" && (bytes.Contains(data, []byte(`"message":"m… [cut`)) || bytes.Contains(data, []byte(`"too many attributes"`))) {
				return
			}
			if got := attrsOf(t, data); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// Loggers made of one logger do not write into each other's attributes.
func TestSiblings(t *testing.T) {
	base := func(l *slog.Logger) *slog.Logger { return l.With("a", 1).WithGroup("g").With("b", 2) }
	got := attrsOf(t, logged(t, logship.Options{}, func(l *slog.Logger) {
		l = base(l)
		first := l.WithGroup("first").With("x", 1)
		_ = l.WithGroup("second").With("y", strings.Repeat("z", 100))
		_ = l.With("c", 3)
		first.Info("m", "d", 4)
	}))
	if want := `{"a":1,"g":{"b":2,"first":{"x":1,"d":4}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLayout(t *testing.T) {
	at := time.Date(2026, 5, 4, 9, 0, 0, 120_000_000, time.FixedZone("", 7200))
	opts := logship.Options{Logger: "shop", Pod: "web-1"}
	got := string(logged(t, opts, func(l *slog.Logger) {
		r := slog.NewRecord(at, slog.LevelInfo, "m", 0)
		r.Add("trace_id", "4bf9", "a", 1, "span_id", 7, slog.Group("g", "pod", "inner"))
		h := l.With("logger", "shop.cart").Handler().(*logship.Handler)
		if err := h.Handle(logship.WithUser(t.Context(), "alice"), r); err != nil {
			t.Error(err)
		}
	}))
	want := `{"message":"m","level":"INFO","timestamp":"2026-05-04T07:00:00.120000000Z","logger":"shop.cart","pod":"web-1","trace_id":"4bf9","context":"User.alice","attrs":{"a":1,"span_id":7,"g":{"pod":"inner"}}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Every level is read back by the gateway as it was logged.
func TestLevels(t *testing.T) {
	for level := slog.Level(-10); level <= 21; level++ {
		data := logged(t, logship.Options{Level: slog.Level(-100)}, func(l *slog.Logger) { l.Log(t.Context(), level, "m") })
		got, ok := loglane.RecordLevel(data)
		want := loglane.Level(level)
		switch level {
		case 10: // pino's number for trace
			want = loglane.LevelError
		case 21:
			want = loglane.LevelEmergency
		}
		if !ok || got != want {
			t.Errorf("level %d is written as %s and read as %d", level, data, got)
		}
	}
}

func TestReplaceAttr(t *testing.T) {
	drop := func(keys ...string) func([]string, slog.Attr) slog.Attr {
		return func(groups []string, a slog.Attr) slog.Attr {
			for _, key := range keys {
				if a.Key == key || fmt.Sprint(append(groups, a.Key)) == key {
					return slog.Attr{}
				}
			}
			return a
		}
	}
	call := func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Info("m", "b", 2, slog.Group("h", "c", 3)) }
	tests := []struct {
		name    string
		replace func([]string, slog.Attr) slog.Attr
		want    string
	}{
		{"time", drop("time"), `{"message":"m","level":"INFO","context":"_","attrs":{"a":1,"g":{"b":2,"h":{"c":3}}}}`},
		{"all built in", drop("time", "level", "msg"), `{"message":"","context":"_","attrs":{"a":1,"g":{"b":2,"h":{"c":3}}}}`},
		{"groups become empty", drop("time", "[g b]", "[g h c]"), `{"message":"m","level":"INFO","context":"_","attrs":{"a":1}}`},
		{"other values", func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case a.Key == slog.TimeKey:
				return slog.Int(a.Key, 17)
			case a.Key == slog.LevelKey:
				return slog.String(a.Key, "NOTICE")
			case a.Key == slog.MessageKey:
				return slog.String("other", strings.ToUpper(a.Value.String()))
			case a.Key == "b":
				return slog.Any("bb", valuer{slog.GroupValue(slog.Int("n", 1))})
			}
			return a
		}, `{"message":"M","level":"NOTICE","timestamp":17,"context":"_","attrs":{"a":1,"g":{"bb":{"n":1},"h":{"c":3}}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(logged(t, logship.Options{ReplaceAttr: tt.replace}, call))
			start := strings.Index(got, `"context":"`) + len(`"context":"`)
			got = got[:start] + "_" + got[start+strings.IndexByte(got[start:], '"'):]
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAddSource(t *testing.T) {
	data := logged(t, logship.Options{AddSource: true}, func(l *slog.Logger) { l.WithGroup("g").Info("m", "a", 1) })
	var r struct {
		Source struct {
			Function, File string
			Line           int
		}
	}
	if err := json.Unmarshal(data, &r); err != nil || !strings.HasSuffix(r.Source.File, "record_test.go") || r.Source.Line == 0 {
		t.Errorf("%s: %v", data, err)
	}
}

func TestMaxLine(t *testing.T) {
	for _, f := range []func(*slog.Logger){
		func(l *slog.Logger) { l.Info(strings.Repeat("é", 5000)) },
		func(l *slog.Logger) { l.Info("m", "a", strings.Repeat("\x00", 5000)) },
		func(l *slog.Logger) { l.With("a", strings.Repeat("x", 5000)).Info("m", "b", 1) },
	} {
		data := logged(t, logship.Options{MaxLine: 1}, f)
		if len(data) > loglane.MinMaxLine || !bytes.Contains(data, []byte("[cut, the record had ")) || !bytes.Contains(data, []byte(`"context":"job_`)) {
			t.Errorf("%d bytes: %s", len(data), data)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("m", "k", "v", "g", 1.5)
	f.Add("\xff\x1b[0m", "", "\u2028", "g", math.Inf(1))
	f.Fuzz(func(t *testing.T, message, key, value, group string, number float64) {
		data := logged(t, logship.Options{}, func(l *slog.Logger) {
			l.With(key, value).WithGroup(group).Info(message, key, number, value, key, slog.Group(key, value, number, key, value))
		})
		var r record
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if want := strings.ToValidUTF8(message, "\uFFFD"); utf8.ValidString(message) && r.Message != want && !strings.Contains(r.Message, "[cut") {
			t.Errorf("message %q, want %q", r.Message, want)
		}
		noTwins(t, json.NewDecoder(bytes.NewReader(data)))
	})
}

// noTwins fails for a name that comes twice in an object.
func noTwins(t *testing.T, d *json.Decoder) {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	if token != json.Delim('{') && token != json.Delim('[') {
		return
	}
	seen := make(map[string]bool)
	for d.More() {
		if token == json.Delim('{') {
			name, err := d.Token()
			if err != nil || seen[name.(string)] {
				t.Fatalf("name %v twice, or %v", name, err)
			}
			seen[name.(string)] = true
		}
		noTwins(t, d)
	}
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
}
