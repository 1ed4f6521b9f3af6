package tail_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/tail"
)

// show writes lines and a gap with a view, and returns what was written where.
func show(v *tail.View, lines ...string) (out, notices string, err error) {
	var o, n bytes.Buffer
	v.Out, v.Notices = &o, &n
	v.Text.Times = tail.TimesNone
	for i, data := range lines {
		if err = v.Line(tail.Line{ID: id(i+1, srcA), Data: []byte(data)}); err != nil {
			break
		}
	}
	if err == nil {
		err = v.Gap(tail.Gap{ID: id(9, ""), Reason: "trimmed", Missed: 37, Data: []byte(`{"reason":"trimmed","missed":37}`)})
	}
	if flush := v.Flush(); err == nil {
		err = flush
	}
	return o.String(), n.String(), err
}

func TestFormats(t *testing.T) {
	lines := []string{`{"message":"<a> & b", "n": 1e2}`, "text\x1b[2J", "\u202e\x1b[31mred\ra\nb"}
	place := func(n int) string { return `{"id":"` + id(n, srcA) + `","record":` }
	gap := `{"event":"gap","id":"` + id(9, "") + `","data":{"reason":"trimmed","missed":37}}` + "\n"
	for _, c := range []struct {
		name, want string
		view       tail.View
	}{
		{"json", place(1) + `{"message":"<a> & b","n":1e2}}` + "\n" + place(2) + `{"message":"text\u001b[2J"}}` + "\n" + place(3) + "{\"message\":\"\u202e\\u001b[31mred\\ra\\nb\"}}\n" + gap,
			tail.View{Format: tail.FormatJSON}},
		{"json on a terminal", place(1) + `{"message":"<a> & b","n":1e2}}` + "\n" + place(2) + `{"message":"text\u001b[2J"}}` + "\n" + place(3) + `{"message":"\u202e\u001b[31mred\ra\nb"}}` + "\n" + gap,
			tail.View{Format: tail.FormatJSON, Terminal: true}},
		{"raw", lines[0] + "\n" + lines[1] + "\n" + lines[2] + "\n", tail.View{Format: tail.FormatRaw}},
		{"raw on a terminal", lines[0] + "\ntext␛[2J\n<U+202E>red␍a\nb\n", tail.View{Format: tail.FormatRaw, Terminal: true}},
		{"raw with colours", lines[0] + "\ntext␛[2J\n<U+202E>\x1b[31mred␍a\x1b[0m\nb\n", tail.View{Format: tail.FormatRaw, Terminal: true, Text: tail.Text{Color: true}}},
		{"text", "-     <a> & b n=1e2\n-     text␛[2J\n-     <U+202E>red␍a\n│ b\n", tail.View{Format: tail.FormatText}},
	} {
		out, notices, err := show(&c.view, lines...)
		if out != c.want || err != nil {
			t.Errorf("%s:\n%q, want\n%q; %v", c.name, out, c.want, err)
		}
		if notices != "--- 37 lines are missing here: trimmed from history ---\n" || c.view.Gaps != 1 {
			t.Errorf("%s: notices %q, %d gaps", c.name, notices, c.view.Gaps)
		}
	}
}

func TestFilters(t *testing.T) {
	all := []string{`{"message":"paid","level":"checkout"}`, `{"msg":"checkout begun"}`, "checkout failed", `{"message":"healthz checkout"}`}
	re := func(patterns ...string) (list []*regexp.Regexp) {
		for _, p := range patterns {
			list = append(list, regexp.MustCompile(p))
		}
		return list
	}
	for _, c := range []struct {
		include, exclude []*regexp.Regexp
		want             string
	}{
		{nil, nil, "0123"},
		{re("^checkout"), nil, "12"},
		{re("paid", "failed$"), nil, "02"},
		{nil, re("healthz", "paid"), "12"},
		{re("checkout"), re("healthz"), "12"},
	} {
		v := &tail.View{Format: tail.FormatRaw, Include: c.include, Exclude: c.exclude}
		out, notices, err := show(v, all...)
		got := ""
		for i, data := range all {
			if strings.Contains(out, data+"\n") {
				got += string(rune('0' + i))
			}
		}
		if got != c.want || err != nil || !strings.Contains(notices, "37 lines") {
			t.Errorf("-i %v -e %v shows %s, want %s; %v; %s", c.include, c.exclude, got, c.want, err, notices)
		}
	}
}

func TestExitOn(t *testing.T) {
	v := &tail.View{Format: tail.FormatRaw, ExitOn: regexp.MustCompile("^ready"), Exclude: []*regexp.Regexp{regexp.MustCompile("not really")}}
	out, _, err := show(v, "not ready", "ready, not really", "ready", "later")
	if !errors.Is(err, tail.ErrFound) || out != "not ready\nready\n" {
		t.Errorf("%v after %q", err, out)
	}
}

func TestGapWords(t *testing.T) {
	for _, c := range []struct {
		gap  tail.Gap
		want string
	}{
		{tail.Gap{Reason: "slow", Missed: 1}, "--- 1 line is missing here: this reader was too slow ---\n"},
		{tail.Gap{Reason: "epoch", Missed: -1}, "--- an unknown number of lines is missing here: the broker lost its data ---\n"},
		{tail.Gap{Reason: "new\x1b[2J", Missed: 2}, "--- 2 lines are missing here: new␛[2J ---\n"},
	} {
		var notices bytes.Buffer
		v := &tail.View{Out: &bytes.Buffer{}, Notices: &notices}
		if err := v.Gap(c.gap); err != nil || notices.String() != c.want {
			t.Errorf("%+v: %q, %v", c.gap, &notices, err)
		}
	}
}

func TestWatcherWords(t *testing.T) {
	for _, c := range []struct {
		format tail.Format
		others int
		want   string
	}{
		{tail.FormatText, 1, "--- an operator is watching ---\n"},
		{tail.FormatText, 2, "--- 2 operators are watching ---\n"},
		{"", 0, "--- no operator is watching any more ---\n"},
		{tail.FormatJSON, 1, ""},
		{tail.FormatRaw, 1, ""},
	} {
		var out, notices bytes.Buffer
		v := &tail.View{Out: &out, Format: c.format, Notices: &notices}
		if v.Watched(c.others); notices.String() != c.want || v.Flush() != nil || out.Len() > 0 {
			t.Errorf("%+v: %q and %q", c, &notices, &out)
		}
	}
	(&tail.View{}).Watched(1) // --quiet
}

func FuzzFormats(f *testing.F) {
	for _, seed := range []string{`{"message":"x"}`, "text\x1b[31m", "{\"a\":\"\u009b\u202e\xff\"}", "a\nb\r", `{"a":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range []tail.Format{tail.FormatJSON, tail.FormatRaw} {
			for _, color := range []bool{false, true} {
				out, _, err := show(&tail.View{Format: format, Terminal: true, Text: tail.Text{Color: color}}, string(data))
				if what := harmless(out, color); what != "" || err != nil {
					t.Errorf("%q as %s has %s: %q; %v", data, format, what, out, err)
				}
			}
		}
		out, _, _ := show(&tail.View{Format: tail.FormatJSON}, string(data))
		for line := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
			if !json.Valid([]byte(line)) {
				t.Errorf("%q becomes %q, which is no JSON", data, line)
			}
		}
	})
}
