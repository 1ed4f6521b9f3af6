package loglane_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func TestQuery(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append(`{"message":"Order 17 paid"}`, `{"message":null,"msg":"order 18 failed"}`, `{"msg":"x","log":{"level":"info"}}`,
			`{"short_message":"say \"order\" \u00e9"}`, `{"level":"error","order":1}`, `{"log":"\u001b[31mor\u001b[0mder 19"}`)
		s.store("plain ORDER\n20 text")
		s.store("{\n \"note\": \"order\",\n \"body\": 42\n}")
		for query, want := range map[string][]string{
			"order":        {"Order 17 paid", `{"message":null,"msg":"order 18 failed"}`, `{"short_message":"say \"order\" \u00e9"}`, `{"level":"error","order":1}`, `{"log":"\u001b[31mor\u001b[0mder 19"}`, "plain ORDER\n20 text"},
			"É":            {`{"short_message":"say \"order\" \u00e9"}`},
			"42":           {"{\n \"note\": \"order\",\n \"body\": 42\n}"},
			"nothing":      {},
			"/order 1\\d/": {`{"message":null,"msg":"order 18 failed"}`, `{"log":"\u001b[31mor\u001b[0mder 19"}`},
			"/(?i)^order/": {"Order 17 paid", `{"message":null,"msg":"order 18 failed"}`, `{"log":"\u001b[31mor\u001b[0mder 19"}`},
			"/ORDER$/":     {},
			"/":            {},
		} {
			v := s.open("q=" + url.QueryEscape(query))
			got := v.lines()
			if strings.Join(got, " | ") != strings.Join(want, " | ") {
				t.Errorf("q=%s shows\n%q, want\n%q", query, got, want)
			}
			v.leave()
		}
	})
}

func TestQueryHidesAndMovesOn(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("red apple", "green pear")
		v := s.open("q=apple")
		v.wantMore("retry", "red apple#", "#green pear")
		s.append("yellow pear", `{"message":"bad apple","level":"error"}`, "blue pear")
		time.Sleep(2 * time.Second)
		v.wantMore("bad apple#", "#blue pear")
		s.open("q=apple&level=warn&backlog=3").want("retry", "bad apple#", "#blue pear")
		s.open("q=apple&replay=bulk").want("retry", `bulk[{"message":"red apple"},{"message":"bad apple","level":"error"}]#blue pear`)
		floor := loglane.LevelCritical
		s.openAs(loglane.Grant{Channel: aliceChannel, Floor: &floor}, "q=/bad.*/").want("retry", "#blue pear")
	})
}

func TestMalformedQueries(t *testing.T) {
	handler := newHub(t).Stream(admitAlice, nil)
	for query, names := range map[string]string{
		"/(/":                                    "missing closing )",
		"//":                                     "empty",
		"/a**/":                                  "invalid nested repetition",
		"/(?:x{1000}){1000}/":                    "expression",
		"/" + strings.Repeat("x{900}", 30) + "/": "too large",
		"/\\1/":                                  "escape",
		strings.Repeat("x", 257):                 "256",
		"\xff":                                   "UTF-8",
	} {
		response := answer(handler, http.MethodGet, "/?q="+url.QueryEscape(query))
		body := bodyOf(t, response)
		if response.StatusCode != http.StatusBadRequest || !strings.HasPrefix(body, `{"error":"q: `) || !strings.Contains(body, names) {
			t.Errorf("q=%.40q: %d %s, want one that names %s", query, response.StatusCode, body, names)
		}
	}
}

// Viewers of one pattern share what was found: a line is looked through once.
func TestQueryOfManyViewers(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		var crowd []*viewer
		for range 50 {
			crowd = append(crowd, s.open("q=/odd/&backlog=0"), s.open("q=even&backlog=0"), s.open("backlog=0"))
		}
		before := s.hub.Stats().Evaluations
		for range 10 {
			s.append("odd", "even")
		}
		synctest.Wait()
		for n, v := range crowd {
			if got, want := len(v.lines()), []int{10, 10, 20}[n%3]; got != want {
				t.Errorf("viewer %d has %d lines, want %d", n, got, want)
			}
		}
		if n := s.hub.Stats().Evaluations - before; n != 40 {
			t.Errorf("20 lines and two patterns were %d evaluations", n)
		}
	})
}

func TestFollowZeroEndsAfterTheReplay(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("follow=0")
		v.wantBytes("retry: 3000\n\nid: 0.0.0-0\n\n")
		if !v.ended() {
			t.Error("the stream of an empty channel does not end")
		}
		one := s.append("one", "two") // each line that is acknowledged, also in the last moment
		for query, want := range map[string]string{
			"follow=0":                                 "retry | one# | two#",
			"follow=0&backlog=1":                       "retry | two#",
			"follow=0&replay=bulk":                     `retry | bulk[{"message":"one"},{"message":"two"}]#two`,
			"follow=0&last_event_id=" + one.String():   "retry | #two",
			"follow=0&last_event_id=0&q=nothing":       "retry | #two",
			"follow=0&last_event_id=AAAAAAAAAAA.7.7-7": `retry | gap{"reason":"expired","missed":null}#start | one# | two#`,
		} {
			v := s.open(query)
			if !v.ended() {
				t.Errorf("%s: the stream does not end", query)
			}
			if got := strings.Join(v.told(), " | "); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		response := answer(s.hub.Stream(admitAlice, nil), http.MethodGet, "/?follow=2")
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("follow=2: %d", response.StatusCode)
		}
	})
}
