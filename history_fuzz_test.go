package loglane_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

// fuzzHub is a hub with a few lines of each kind.
func fuzzHub(f *testing.F) *loglane.Hub {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, data := range []string{`{"message":"order 17 paid","level":"info"}`, "plain text", `{"msg":"é","level":50}`, "{\n\"n\":1}"} {
		broker.StoreForeign(aliceChannel, []byte(data))
	}
	hub, err := loglane.NewHub(broker, &loglane.HubOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = hub.Close(context.Background()) })
	return hub
}

// Whatever a query says, the answer is a page of the history or a 400 that says why.
func FuzzHistoryQuery(f *testing.F) {
	for _, query := range []string{
		"", "q=order", "q=%2Forder+%5Cd%2F&limit=1", "q=/(/", "since=1h&until=2026-01-31T12:00:00+01:00", "since=1.5&before=0.0.1-0",
		"after=0&format=text", "after=AAAAAAAAAAA.1.5-0&format=csv", "level=warn&limit=10000", "since=7d&until=3m",
	} {
		f.Add(query)
	}
	handler := fuzzHub(f).History(admitAlice, nil)
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		switch {
		case w.Code == http.StatusBadRequest && json.Valid(w.Body.Bytes()):
		case w.Code != http.StatusOK:
			t.Fatalf("%q: %d %s", query, w.Code, w.Body)
		case w.Header().Get("Content-Type") == "application/x-ndjson":
			if lines := strings.Split(strings.TrimSuffix(w.Body.String(), "\n"), "\n"); !strings.Contains(lines[len(lines)-1], `"event":"end"`) {
				t.Fatalf("%q: the answer ends with %s", query, lines[len(lines)-1])
			}
			for line := range strings.Lines(w.Body.String()) {
				if !json.Valid([]byte(line)) {
					t.Fatalf("%q: the line %s", query, line)
				}
			}
		}
		for _, link := range w.Header().Values("Link") {
			if strings.ContainsAny(link, "\r\n") || strings.Count(link, ">") != 1 {
				t.Fatalf("%q: Link: %s", query, link)
			}
		}
	})
}

func FuzzAccept(f *testing.F) {
	for _, accept := range []string{"", "*/*", "text/plain;q=0.5, application/x-ndjson", "text/*;q=x", ";,;q=;;"} {
		f.Add(accept)
	}
	handler := fuzzHub(f).Stream(admitAlice, nil)
	f.Fuzz(func(t *testing.T, accept string) {
		response := answer(handler, http.MethodHead, "/", "Accept", accept)
		switch got := response.Header.Get("Content-Type"); got {
		case "text/event-stream", "application/x-ndjson", "text/plain; charset=utf-8":
		default:
			t.Errorf("Accept: %q: %s", accept, got)
		}
	})
}

// A record's message is what encoding/json finds, member by member.
func FuzzRecordMessage(f *testing.F) {
	for _, record := range []string{
		`{"message":"a"}`, `{ "msg" : "b" , "message" : null }`, `{"log":{"level":"x"},"short_message":7}`, `{"\u006dessage":"\ud83d\ude00\n"}`,
		`{"message":1,"message":"two"}`, `{}`, `{"a":[{"message":"no"}],"body":true}`, "{\n\t\"x\":\"}\\\"\" }",
	} {
		f.Add(record)
	}
	f.Fuzz(func(t *testing.T, record string) {
		var members map[string]json.RawMessage
		if !utf8.ValidString(record) || !strings.HasPrefix(strings.TrimSpace(record), "{") || json.Unmarshal([]byte(record), &members) != nil {
			t.Skip()
		}
		got := loglane.RecordMessage([]byte(record))
		for _, name := range []string{"message", "msg", "body", "event", "log", "short_message"} {
			var value any
			if json.Unmarshal(members[name], &value) != nil {
				continue
			}
			switch value := value.(type) {
			case string:
				if got != value {
					t.Fatalf("%q: %q, want %q", record, got, value)
				}
				return
			case float64, bool:
				if got != string(members[name]) {
					t.Fatalf("%q: %q, want %s", record, got, members[name])
				}
				return
			}
		}
		if !json.Valid([]byte(got)) || strings.ContainsAny(got, "\r\n") {
			t.Fatalf("%q: %q, want all of it in one line", record, got)
		}
	})
}
