package tail_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/tail"
)

// page answers with a page of the history, cut where it does not end in a line feed.
func page(body, link string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		headers := []string{"Content-Type", "application/x-ndjson"}
		if link != "" {
			headers = append(headers, "Link", link)
		}
		return answer(req, 200, io.NopCloser(strings.NewReader(body)), headers...), nil
	}
}

func entry(n int, text string) string {
	return fmt.Sprintf(`{"id":%q,"record":{"message":%q}}`+"\n", id(n, srcA[:10]+string(rune('A'+4*n))), text)
}

var since = time.UnixMilli(1000)

func TestSinceATime(t *testing.T) {
	one, two, three := entry(1, "one"), entry(2, "two"), entry(3, "three")
	for _, c := range []struct {
		name   string
		script script
		want   string
		after  string // the place from which the stream goes on
	}{
		{"one page", script{page(one+two, ""), stream("", nil)}, "one|two", id(2, "AAAAAAAAAAI")},
		{"two pages", script{page(one+two, `</logs/api/v1/logs?after=x>; rel="next"`), page(three, ""), stream("", nil)}, "one|two|three", id(3, "AAAAAAAAAAM")},
		{"a page that is cut", script{page(one+two[:20], ""), page(one+two, ""), stream("", nil)}, "one|two", id(2, "AAAAAAAAAAI")},
		{"a page that is refused for a while", script{refusal(503, "soon"), page(one, ""), stream("", nil)}, "one", id(1, "AAAAAAAAAAE")},
		{"a gap", script{page(one+`{"event":"gap","id":"`+id(5, "")+`","data":{"reason":"trimmed","missed":4}}`+"\n", ""), stream("", nil)}, "one|gap trimmed 4", id(5, "")},
		{"events of other kinds", script{page(`{"event":"keepalive"}`+"\n\n"+one+`{"event":"looked","data":{"lines":3}}`+"\n", ""), stream("", nil)}, "one", id(1, "AAAAAAAAAAE")},
		{"the stream repeats the last", script{page(one+two, ""), stream("id: "+id(2, "AAAAAAAAAAI")+"\ndata: two\n\nid: "+id(3, "")+"\ndata: three\n\n", nil)}, "one|two|three", id(2, "AAAAAAAAAAI")},
		{"the place that was looked to", script{page(one+`{"event":"end","id":"`+id(7, "")+`","data":{"lines":1}}`+"\n", ""), stream("", nil)}, "one", id(7, "")},
		{"nothing but that", script{page(`{"event":"end","id":"`+id(7, "")+`","data":{"lines":0}}`+"\n", ""), stream("id: "+id(8, "")+"\ndata: new\n\n", nil)}, "new", id(7, "")},
		{"nothing yet: older lines are left out", script{page("", ""), stream("id: 0.0.999-0\ndata: old\n\nid: "+id(1, "")+"\ndata: new\n\n", nil)}, "new", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := tail.Options{MaxRetries: -1, User: "alice", Level: "info", Start: tail.Start{Since: since}}
				p := perform(t, opts, c.script...)
				if p.all() != c.want || !errors.Is(p.err, errHour) {
					t.Errorf("shown: %q, want %q; %v", p.all(), c.want, p.err)
				}
				if got := p.requests[len(c.script)-1].Header.Get("Last-Event-ID"); got != c.after {
					t.Errorf("the stream goes on after %q, want %q", got, c.after)
				}
				if got := p.requests[0].URL.String(); got != "http://gateway.test/logs/api/v1/logs?level=info&limit=1000&since=1970-01-01T00%3A00%3A01Z&user=alice" {
					t.Errorf("the history was asked with %s", got)
				}
			})
		})
	}
}

func TestUntilATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := tail.Options{MaxRetries: 3, Until: since}
		p := perform(t, opts, page(entry(1, "one"), `<https://elsewhere.test/steal?after=x&until=1>; rel=next`), page(entry(2, "two"), `<?before=x>; rel="prev", <?x>; title="next"`))
		if p.err != nil || p.all() != "one|two" || len(p.requests) != 2 {
			t.Errorf("%v after %d requests: %s", p.err, len(p.requests), p.all())
		}
		if got := p.requests[0].URL.RawQuery; got != "limit=1000&since=1970-01-01T00%3A00%3A00Z&until=1970-01-01T00%3A00%3A01Z" {
			t.Errorf("the first asks for %s", got)
		}
		if got := p.requests[1].URL.String(); got != "http://gateway.test/logs/api/v1/logs?after=x&until=1" {
			t.Errorf("the token went to %s", got)
		}
	})
}

func TestHistoryThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		answer func(*http.Request) (*http.Response, error)
		want   string
	}{
		{page("nonsense\n", ""), "cannot be read"},
		{refusal(404, "", "Content-Type", "text/html"), "is the URL right"},
		{refusal(403, "not yours"), "forbidden: not yours"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := perform(t, tail.Options{MaxRetries: -1, Until: since}, c.answer)
			if p.err == nil || !strings.Contains(p.err.Error(), c.want) || len(p.requests) != 1 {
				t.Errorf("%v after %d requests, want %s", p.err, len(p.requests), c.want)
			}
		})
	}
}

// On a computer whose clock is fast, --since reaches less far back, and what comes live is shown.
func TestSinceByAFastClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.UnixMilli(1000 + 5*60_000) // the client's; the broker is at 1.000 s
		opts := tail.Options{MaxRetries: -1, Start: tail.Start{Since: now.Add(-time.Minute)}}
		p := perform(t, opts,
			page(`{"event":"end","id":"`+id(0, "")+`","data":{"lines":0}}`+"\n", ""),
			stream(line(1, "one", srcA)+line(2, "two", srcB), nil))
		if p.all() != "one|two" {
			t.Errorf("shown: %q, want the live lines", p.all())
		}
	})
}

// A page that begins with a gap and is cut is read again: the gap is told once.
func TestAGapOfAPageThatIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gap := `{"event":"gap","id":"` + id(5, "") + `","data":{"reason":"trimmed","missed":4}}` + "\n"
		six := entry(6, "six")
		opts := tail.Options{MaxRetries: -1, Start: tail.Start{Since: since}}
		p := perform(t, opts, page(entry(1, "one"), `<?after=x>; rel="next"`), page(gap+six[:20], ""), page(gap+six, ""), stream("", nil))
		if p.all() != "one|gap trimmed 4|six" {
			t.Errorf("shown: %q", p.all())
		}
	})
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	at := func(t time.Time) tail.Start { return tail.Start{Since: t} }
	for text, want := range map[string]tail.Start{
		"0":                      {All: true},
		"5m":                     at(now.Add(-5 * time.Minute)),
		"1h30m":                  at(now.Add(-90 * time.Minute)),
		"2d":                     at(now.Add(-48 * time.Hour)),
		"2026-01-02T11:00:00Z":   at(now.Add(-time.Hour)),
		"2026-01-02 13:00+02:00": at(now.Add(-time.Hour)),
		"1767351600":             at(now.Add(-time.Hour)),
		"1767351600000":          at(now.Add(-time.Hour)),
		"1767351600.5":           at(now.Add(-time.Hour + 500*time.Millisecond)),
		id(7, srcA):              {Cursor: id(7, srcA)},
		"0.0.0-0":                {Cursor: "0.0.0-0"},
	} {
		got, err := tail.ParseSince(text, now)
		if err != nil || got.Cursor != want.Cursor || got.All != want.All || !got.Since.Equal(want.Since) {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-5m", "-1", "12:00", "a.b.c", "1.2.3.4.5"} {
		if got, err := tail.ParseSince(text, now); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// Whatever a page is, it is read to an end, and what is shown is a line.
func FuzzHistory(f *testing.F) {
	f.Add(entry(1, "one")+entry(2, "two"), `<?after=x>; rel="next"`)
	f.Add(`{"event":"gap","data":{"missed":-3}}`+"\n"+`{"record":null,"id":"x"}`+"\n", `<<>>; rel=next,<`)
	f.Add("{\"id\":5}\nhalf", "<%zz>; rel=next")
	f.Fuzz(func(t *testing.T, body, link string) {
		s := &scripted{begin: time.Now(), script: script{page(body, link), page("", "")}}
		reader, err := tail.New(tail.Options{URL: "http://gateway.test", Until: since, Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		r := newRecorder()
		_ = reader.Read(t.Context(), r)
		if len(s.requests) > 2 || len(r.told) > strings.Count(body, "\n") {
			t.Errorf("%d requests, %d lines", len(s.requests), len(r.told))
		}
	})
}
