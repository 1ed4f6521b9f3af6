package loglane_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// A found is the answer of one request for the history.
type found struct {
	code   int
	header http.Header
	body   string
}

func (s *stage) history(query string) found {
	s.Helper()
	synctest.Wait()
	handler := s.hub.History(func(*http.Request) (loglane.Grant, error) { return s.grant, nil }, nil)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/logs?"+query, nil))
	return found{w.Code, w.Header(), w.Body.String()}
}

// texts are the messages of an NDJSON answer, and events by their names.
func (f found) texts(t testing.TB) (texts []string) {
	t.Helper()
	for line := range strings.Lines(f.body) {
		var told struct {
			ID, Event string
			Record    json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &told); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if told.Event != "" {
			texts = append(texts, told.Event)
			continue
		}
		if _, err := loglane.ParseCursor(told.ID); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		texts = append(texts, textOf(told.Record))
	}
	return texts
}

var linkForm = regexp.MustCompile(`^<\?(.*)>; rel="(next|prev)"$`)

// link returns the query of another page, "" where there is none.
func (f found) link(t testing.TB, rel string) string {
	t.Helper()
	for _, value := range f.header.Values("Link") {
		parts := linkForm.FindStringSubmatch(value)
		if parts == nil {
			t.Fatalf("Link: %s", value)
		}
		if parts[2] == rel {
			return parts[1]
		}
	}
	return ""
}

func (f found) want(t testing.TB, want ...string) {
	t.Helper()
	if got := f.texts(t); f.code != http.StatusOK || !slices.Equal(got, want) {
		t.Errorf("%d %q, want %q", f.code, got, want)
	}
}

func TestHistory(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.history("").want(t, "end")
		one := s.append(`{"message":"one","level":"info"}`)
		s.store("te\"xt\r\nof lines\x1b[2J")
		text := s.tail()
		s.store("{\n \"message\": \"three\", \"level\":\"error\"\n}")
		three := s.tail()
		all := s.history("")
		if want := `{"id":"` + one.String() + `","record":{"message":"one","level":"info"}}` + "\n" +
			`{"id":"` + text.String() + `","record":{"message":"te\"xt\nof lines␛[2J"}}` + "\n" +
			`{"id":"` + three.String() + `","record":{"message":"three","level":"error"}}` + "\n" +
			`{"event":"end","id":"` + three.String() + `","data":{"lines":3,"scanned":3,"status":"ok","missed":0,"stopped":"end"}}` + "\n"; all.body != want {
			t.Errorf("the answer is\n%s\nwant\n%s", all.body, want)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/x-ndjson", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Loglane-Lines": "3", "Loglane-Scanned": "3", "Loglane-Status": "ok", "Loglane-Stopped": "end", "Loglane-Missed": "",
			"Link": "", "Content-Length": fmt.Sprint(len(all.body)),
		} {
			if got := all.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		s.history("level=warn").want(t, "te\"xt\nof lines␛[2J", "three", "end")
		s.history("q=THREE").want(t, "three", "end")
		s.history("q=/^t/&limit=1").want(t, "three", "end")
		s.history("after=0&limit=1").want(t, "one", "end")
		s.history("after="+one.String()+"&before="+three.String()).want(t, "te\"xt\nof lines␛[2J", "end")
		if got, want := s.history("format=text").body, "one\nte\"xt\nof lines␛[2J\nthree\n"; got != want {
			t.Errorf("as text: %q, want %q", got, want)
		}
		floor := loglane.LevelFatal
		s.grant.Floor = &floor
		s.history("level=info").want(t, "end")
	})
}

// Whoever follows the links sees each line once, in order, whatever the filter.
func TestHistoryPages(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 5000}}, func(s *stage) {
		for n := 1; n <= 1000; n++ {
			if n%7 == 0 {
				s.store(fmt.Sprintf("line %d", n))
			} else {
				s.append(fmt.Sprintf("line %d", n))
			}
		}
		for _, c := range []struct {
			query, rel string
			matches    func(n int) bool
		}{
			{"after=0&limit=37", "next", func(int) bool { return true }},
			{"after=0&limit=500", "next", func(int) bool { return true }},
			{"since=1h&limit=256", "next", func(int) bool { return true }},
			{"limit=37", "prev", func(int) bool { return true }},
			{"limit=256&since=1h&before=0.0.99999999999999-0", "prev", func(int) bool { return true }},
			{"limit=3&q=7", "prev", func(n int) bool { return strings.Contains(fmt.Sprint(n), "7") }},
			{"after=0&limit=3&q=/7$/", "next", func(n int) bool { return n%10 == 7 }},
		} {
			var want, got []string
			for n := 1; n <= 1000; n++ {
				if c.matches(n) {
					want = append(want, fmt.Sprintf("line %d", n))
				}
			}
			pages := 0
			for query := c.query; query != ""; pages++ {
				page := s.history(query)
				texts := page.texts(t)
				texts = texts[:len(texts)-1]
				if c.rel == "next" {
					got = append(got, texts...)
				} else {
					got = append(texts, got...)
				}
				query = page.link(t, c.rel)
			}
			if !slices.Equal(got, want) || pages < 2 {
				t.Errorf("%s: %d lines in %d pages, want %d", c.query, len(got), pages, len(want))
			}
		}
		// There and back again.
		page := s.history("limit=10")
		older := s.history(page.link(t, "prev"))
		if got := s.history(older.link(t, "next") + "&limit=10").texts(t); !slices.Equal(got, page.texts(t)) {
			t.Errorf("the page after the page before is %q", got)
		}
	})
}

func TestHistoryByTime(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		begin := time.Now()
		for n := range 10 {
			s.append(fmt.Sprint(n))
			time.Sleep(time.Minute)
		}
		at := func(minutes int) string {
			return url.QueryEscape(begin.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339))
		}
		for query, want := range map[string]string{
			"since=150s":                                 "8 9",
			"since=3m&until=1m":                          "7 8",
			"since=" + at(4) + "&until=" + at(6):         "4 5",
			"until=" + at(2):                             "0 1",
			"until=" + at(5) + "&limit=2":                "3 4",
			"since=" + at(3) + "&limit=2":                "3 4",
			fmt.Sprintf("since=%d.5", begin.Unix()+7*60): "8 9",
			fmt.Sprintf("since=%d", begin.Unix()+7*60):   "7 8 9",
			"since=7d":  "0 1 2 3 4 5 6 7 8 9",
			"since=0":   "0 1 2 3 4 5 6 7 8 9",
			"until=7d":  "",
			"since=1ms": "",
			"since=" + begin.In(time.FixedZone("", 7200)).Add(8*time.Minute).Format(time.RFC3339): "8 9", // + as it stands
		} {
			texts := s.history(query).texts(t)
			if got := strings.Join(texts[:len(texts)-1], " "); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		// A page that is asked for later begins where it would have begun.
		next := s.history("since=5m&limit=1").link(t, "next")
		time.Sleep(20 * time.Minute)
		s.history(next).want(t, "6", "end")
	})
}

func TestHistoryTellsWhatIsMissing(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 3}}, func(s *stage) {
		first := s.append("one")
		s.append(numbered("line", 2, 9)...)
		page := s.history("after=" + first.String())
		page.want(t, "gap", "line 7", "line 8", "line 9", "end")
		if page.header.Get("Loglane-Status") != "trimmed" || page.header.Get("Loglane-Missed") != "5" {
			t.Errorf("headers %v", page.header)
		}
		if !strings.Contains(page.body, `"data":{"lines":3,"scanned":3,"status":"trimmed","missed":5,"stopped":"end"}`) {
			t.Errorf("the end of %s", page.body)
		}
		if text := s.history("format=text&limit=1&after=" + first.String()).body; text != "--- 5 lines are missing here (trimmed) ---\nline 7\n" {
			t.Errorf("as text: %q", text)
		}
		unknown := s.history("after=AAAAAAAAAAA.1." + first.ID.String())
		unknown.want(t, "gap", "line 7", "line 8", "line 9", "end")
		if unknown.header.Get("Loglane-Status") != "epoch" || unknown.header.Get("Loglane-Missed") != "unknown" {
			t.Errorf("headers %v", unknown.header)
		}
		// What is trimmed between two reads of one page is told by the next page.
		s.append(numbered("more", 1, 3)...)
	})
}

func TestHistoryAsTable(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		id := s.append(`{"message":"=HYPERLINK(\"http://evil\")","severity":"warn","time":"2026-01-31T12:00:00Z","name":"+shop","context":"@x"}`)
		for _, text := range []string{"  =1+1", "\t=1", "\n-1", "＝1", "a;=1,2\r\n\"q\"", "fine", "\u001b[31m=red", "", "'=1"} {
			quoted, _ := json.Marshal(text)
			s.append(`{"message":` + string(quoted) + `}`)
		}
		answer := s.history("format=csv")
		if got := answer.header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv") {
			t.Errorf("Content-Type: %s", got)
		}
		rows, err := csv.NewReader(strings.NewReader(answer.body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(rows[0], ","), "id,received,timestamp,level,logger,context,message,record"; got != want {
			t.Errorf("the header is %s", got)
		}
		if rows[1][0] == "'"+id.String() && strings.HasPrefix(id.String(), "-") { // an epoch may begin like a formula
			rows[1][0] = id.String()
		}
		if got, want := rows[1][:7], []string{id.String(), id.ID.Time().Format(time.RFC3339Nano), "2026-01-31T12:00:00Z", "warn", "'+shop", "'@x", `'=HYPERLINK("http://evil")`}; !slices.Equal(got, want) {
			t.Errorf("the first row is %q, want %q", got, want)
		}
		for n, want := range []string{"'  =1+1", "'\t=1", "'\n-1", "'＝1", "a;=1,2\n\"q\"", "fine", "'=red", "", "'=1"} {
			if got := rows[n+2][6]; got != want {
				t.Errorf("message %d is %q, want %q", n, got, want)
			}
		}
		for line := range strings.Lines(answer.body) {
			if strings.HasPrefix(line, "=") || strings.Contains(line, ",=") || strings.Contains(line, "\x1b") {
				t.Errorf("the line %q", line)
			}
		}
	})
}

func TestHistoryStopsInTime(t *testing.T) {
	if raceDetector {
		t.Skip("100,000 lines take long with the race detector")
	}
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 200_000, Bytes: 64 << 20}}, func(s *stage) {
		const lines = 100_300
		for n := 0; n < lines; {
			b := loglane.Batch{Producer: "alpha"}
			for ; n < lines && len(b.Lines) < 100; n++ {
				record := []byte(`{"message":"hay"}`)
				if n == 1 || n == lines-1 {
					record = []byte(`{"message":"needle"}`)
				}
				b.Lines = append(b.Lines, loglane.Line{K: uint64(n + 1), Record: record})
			}
			if _, err := s.broker.Append(t.Context(), aliceChannel, b); err != nil {
				t.Fatal(err)
			}
		}
		page := s.history("q=needle")
		page.want(t, "needle", "end")
		if page.header.Get("Loglane-Stopped") != "lines" || page.header.Get("Loglane-Scanned") != "100000" {
			t.Errorf("headers %v", page.header)
		}
		next := s.history(page.link(t, "prev"))
		next.want(t, "needle", "end")
		if next.header.Get("Loglane-Stopped") != "end" || next.header.Get("Loglane-Scanned") != "300" {
			t.Errorf("headers %v", next.header)
		}
		if text := s.history("q=needle&format=text").body; text != "needle\n--- the search stopped here after 100000 lines (lines) ---\n" {
			t.Errorf("as text: %q", text)
		}
	})
}

// A search with an expression that takes too long ends in time, and goes on by its link.
func TestHistoryWithACostlyPattern(t *testing.T) {
	t.Parallel()
	c := newCrowdHub(t, loglane.Retention{Bytes: 64 << 20})
	c.append(1, func(int) []byte { return []byte(`{"message":"` + strings.Repeat("x", 200_000) + `"}`) })
	c.append(1, func(int) []byte { return []byte(`{"message":"y"}`) })
	handler := c.hub.History(admitAlice, nil)
	response := answer(handler, http.MethodGet, "/?q="+url.QueryEscape("/^y$|"+costly[1:]))
	page := found{response.StatusCode, response.Header, bodyOf(t, response)}
	page.want(t, "y", "end")
	if page.header.Get("Loglane-Stopped") != "time" || page.link(t, "prev") == "" {
		t.Errorf("headers %v", page.header)
	}
	begin := time.Now()
	response = answer(handler, http.MethodGet, "/?"+page.link(t, "prev"))
	if body := bodyOf(t, response); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "simpler expression") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("the answer took %v", took)
	}
}

// What an answer takes in memory is bounded as it is written, for quotes are doubled in CSV.
func TestHistoryAnswersAreBounded(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 5000, Bytes: 64 << 20}}, func(s *stage) {
		line := `{"message":"` + strings.Repeat(`\"`, 32_000) + `"}`
		const lines = 120
		for range lines {
			s.append(line)
		}
		for _, format := range []string{"ndjson", "text", "csv"} {
			got, pages := 0, 0
			for query := "format=" + format; query != ""; pages++ {
				page := s.history(query)
				if size := len(page.body); page.code != http.StatusOK || size > 4<<20+256<<10 {
					t.Fatalf("%s: %d with %d bytes", format, page.code, size)
				}
				if stopped, next := page.header.Get("Loglane-Stopped"), page.link(t, "prev"); (stopped == "bytes") != (next != "") {
					t.Errorf("%s: stopped by %s, and the next page is %q", format, stopped, next)
				}
				n, err := strconv.Atoi(page.header.Get("Loglane-Lines"))
				if err != nil || n == 0 {
					t.Fatalf("%s: %d lines, %v", format, n, err)
				}
				got += n
				query = page.link(t, "prev")
			}
			if got != lines || pages < 2 && format != "text" {
				t.Errorf("%s: %d lines in %d pages", format, got, pages)
			}
		}
	})
}

func TestHistoryRequests(t *testing.T) {
	hub := newHub(t)
	handler := hub.History(admitAlice, nil)
	for _, c := range []struct{ query, names string }{
		{"after=x", "after"}, {"after=00", "after"}, {"before=x", "before"}, {"before=0", "before"},
		{"since=yesterday", "since"}, {"since=-5m", "since"}, {"since=1e9", "since"}, {"since=NaN", "since"},
		{"since=1769860800000", "since"}, {"since=.", "since"}, {"since=1.2.3", "since"}, {"since=9999999d", "since"}, {"until=2026-01-31", "until"},
		{"limit=0", "limit"}, {"limit=10001", "limit"}, {"limit=x", "limit"},
		{"level=loud", "level"}, {"q=" + url.QueryEscape("/(/"), "q: "}, {"format=xml", "format"}, {"%zz", "query"},
	} {
		response := answer(handler, http.MethodGet, "/?"+c.query)
		if body := bodyOf(t, response); response.StatusCode != http.StatusBadRequest || !strings.Contains(body, c.names) {
			t.Errorf("%s: %d %s, want 400 that names %s", c.query, response.StatusCode, body, c.names)
		}
	}
	refused := hub.History(func(*http.Request) (loglane.Grant, error) {
		return loglane.Grant{}, &loglane.StatusError{Code: http.StatusForbidden, Message: "no"}
	}, nil)
	if response := answer(refused, http.MethodGet, "/?limit=x"); response.StatusCode != http.StatusForbidden {
		t.Errorf("rights before parameters: %d", response.StatusCode)
	}
	if response := answer(handler, http.MethodDelete, "/"); response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("DELETE: %d, Allow %q", response.StatusCode, response.Header.Get("Allow"))
	}
	if response := answer(handler, http.MethodHead, "/?format=csv"); response.StatusCode != http.StatusOK || bodyOf(t, response) != "" || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("HEAD: %d %v", response.StatusCode, response.Header)
	}
	onStage(t, stageOptions{}, func(s *stage) {
		s.broker.leave()
		if got := s.history(""); got.code != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("the broker away: %d %v", got.code, got.header)
		}
	})
}
