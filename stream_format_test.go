package loglane_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func TestStreamFormatByAccept(t *testing.T) {
	const events, lines, text = "text/event-stream", "application/x-ndjson", "text/plain; charset=utf-8"
	handler := newHub(t).Stream(admitAlice, nil)
	for _, c := range []struct{ accept, want string }{
		{"", events},
		{"*/*", events},
		{"text/event-stream", events},
		{"application/x-ndjson", lines},
		{"Application/X-NDJSON; charset=utf-8", lines},
		{"text/plain", text},
		{"text/*", events},
		{"application/*", lines},
		{"application/json", events},
		{"text/html,application/xhtml+xml,*/*;q=0.8", events},
		{"application/json, text/plain, */*", events},
		{"text/plain, */*;q=0.1", text},
		{"text/plain;q=0.5, application/x-ndjson;q=0.9", lines},
		{"text/plain;q=0.9, application/x-ndjson;q=0.5", text},
		{"*/*, text/event-stream;q=0", lines},
		{"*/*;q=0.5, text/event-stream;q=0.1, text/plain;q=0.7", text},
		{"text/event-stream;q=0, application/x-ndjson;q=0, text/plain;q=0", events},
		{"text/plain;q=x", text},
		{"text/plain;q=0.3, application/x-ndjson;q=NaN", lines},
		{",;,;q=,text/plain", text},
	} {
		response := answer(handler, http.MethodHead, "/", "Accept", c.accept)
		if got := response.Header.Get("Content-Type"); got != c.want {
			t.Errorf("Accept: %s: %s, want %s", c.accept, got, c.want)
		}
		if got := response.Header.Get("Vary"); got != "Accept" {
			t.Errorf("Accept: %s: Vary: %q", c.accept, got)
		}
	}
}

func TestStreamAsNDJSON(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		empty := s.open("follow=0", "Accept", "application/x-ndjson")
		empty.wantBytes(`{"id":"0.0.0-0"}` + "\n")
		one := s.append(`{"message":"one", "n":1e3}`)
		s.both("te\"xt\r\nof lines")
		text := s.tail()
		s.both("{\n \"message\": \"pre tty\"\n}")
		pretty := s.tail()
		synctest.Wait()
		v := s.open("ping=40", "Accept", "application/x-ndjson")
		v.wantBytes(`{"id":"` + one.String() + `","record":{"message":"one","n":1e3}}` + "\n" +
			`{"id":"` + text.String() + `","record":{"message":"te\"xt\nof lines"}}` + "\n" +
			`{"id":"` + pretty.String() + `","record":{"message":"pre tty"}}` + "\n")
		time.Sleep(20 * time.Second)
		v.wantBytes(`{"event":"keepalive"}` + "\n")
		s.broker.leave()
		v.wantBytes(`{"event":"status","data":{"upstream":"down"}}` + "\n")
		s.broker.come()
		v.wantBytes(`{"event":"status","data":{"upstream":"up"}}` + "\n")
		s.hub.End(func(any) bool { return true }, "revoked")
		v.wantBytes(`{"event":"auth","data":{"reason":"revoked"}}` + "\n")
		s.open("replay=bulk&follow=0&level=info", "Accept", "application/x-ndjson").wantBytes(`{"event":"bulk","id":"` + pretty.String() +
			`","data":[{"message":"one","n":1e3},{"message":"te\"xt\nof lines"},{"message":"pre tty"}]}` + "\n")
		s.open("follow=0&q=one", "Accept", "application/x-ndjson").wantBytes(`{"id":"` + one.String() + `","record":{"message":"one","n":1e3}}` + "\n" +
			`{"id":"` + pretty.String() + `"}` + "\n")
		s.open("follow=0&last_event_id=AAAAAAAAAAA.7.7-7&q=nothing", "Accept", "application/x-ndjson").wantBytes(
			`{"event":"gap","id":"` + one.Epoch + `.0.0-0","data":{"reason":"expired","missed":null}}` + "\n" + `{"id":"` + pretty.String() + `"}` + "\n")
		s.publish("never stored")
		time.Sleep(time.Second)
	})
}

// Whoever keeps the last id of an NDJSON stream resumes exactly, wherever it broke.
func TestNDJSONResumesExactly(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		texts := numbered("line", 1, 40)
		s.append(texts...)
		v := s.open("follow=0&q=5", "Accept", "application/x-ndjson")
		synctest.Wait()
		whole := v.w.bytes()
		for cut := range len(whole) {
			id := ""
			var shown []string
			read := func(body []byte) {
				body = body[:bytes.LastIndexByte(body, '\n')+1]
				for line := range bytes.Lines(body) {
					var told struct {
						ID     string
						Record *struct{ Message string }
					}
					if err := json.Unmarshal(line, &told); err != nil {
						t.Fatalf("%s: %v", line, err)
					}
					if told.ID != "" {
						id = told.ID
					}
					if told.Record != nil {
						shown = append(shown, told.Record.Message)
					}
				}
			}
			if cut%40 != 0 {
				continue
			}
			read(whole[:cut])
			rest := s.open("follow=0&q=5", "Accept", "application/x-ndjson", "Last-Event-ID", id)
			synctest.Wait()
			read(rest.w.bytes())
			if got := strings.Join(shown, ","); got != "line 5,line 15,line 25,line 35" {
				t.Fatalf("cut at %d: %s", cut, got)
			}
		}
	})
}

func TestStreamAsText(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 3}}, func(s *stage) {
		first := s.append(`{"message":"one","level":"info"}`)
		s.append("gone", "gone too", `{"message":"\u001b[31mred\u001b[0m\u001b[2J\r\nsecond line\n","n":1}`, `{"n":2}`)
		s.store("plain\rtext\n")
		v := s.open("backlog=3", "Accept", "text/plain")
		v.wantBytes("\x1b[31mred\x1b[0m␛[2J\nsecond line\n" + `{"n":2}` + "\nplain\ntext\n")
		time.Sleep(time.Minute)
		v.wantBytes("")
		s.broker.leave()
		s.broker.come()
		v.wantBytes("--- the log store is away, what it has comes once it is back ---\n--- the log store is back ---\n")
		s.append("live")
		v.wantBytes("live\n")
		s.open("follow=0&replay=bulk&q=live", "Accept", "text/plain").wantBytes("live\n")
		s.open("follow=0&q=live&last_event_id="+first.String(), "Accept", "text/plain").wantBytes("--- lines are missing here (trimmed) ---\nlive\n")
		s.hub.End(func(any) bool { return true }, "expired")
		v.wantBytes("--- the login has ended (expired) ---\n")
	})
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 3}}, func(s *stage) {
		first := s.append("one")
		s.append(numbered("line", 2, 5)...)
		s.open("follow=0&last_event_id="+first.String(), "Accept", "text/plain").wantBytes("--- 1 line is missing here (trimmed) ---\nline 3\nline 4\nline 5\n")
		s.append("line 6")
		s.open("follow=0&last_event_id="+first.String(), "Accept", "text/plain").wantBytes("--- 2 lines are missing here (trimmed) ---\nline 4\nline 5\nline 6\n")
	})
}
