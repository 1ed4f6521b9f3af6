package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// Whatever the headers say, the answer is that a line is stored under that very number, that
// it was before, or which header is wrong.
func FuzzProducerHeaders(f *testing.F) {
	for _, seed := range [][3]string{
		{"run-1", "1", "0,0"}, {"run-1", "9007199254740991", ""}, {"run-1", "9007199254740992", "1,1"}, {"", "", ""},
		{"a b", "1", "1,1"}, {"a", "01", " 1 , 2 "}, {"a", "+1", ","}, {"a", "1e3", "1,2,3"}, {"a", "-1", "18446744073709551616,0"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	hub, err := loglane.NewHub(newLossy(), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = hub.Close(context.Background()) }) // it has no streams
	f.Fuzz(func(t *testing.T, name, seq, after string) {
		broker := newLossy()
		s := setup{Options: server.Options{Hub: hub, Broker: broker, Pages: pages}}
		withKnownTokens(&s)
		s.Ways = append(s.Ways, s.tokens)
		srv, err := server.New(s.Options)
		must(t, err)
		r := httptest.NewRequest(http.MethodPost, "/api/v1/logs?user=alice", strings.NewReader("a line"))
		r.Header.Set("Authorization", "Bearer all")
		r.Header.Set("Producer", name)
		r.Header.Set("Producer-Seq", seq)
		r.Header.Set("Producer-After", after)
		w := httptest.NewRecorder()
		srv.Handler().ServeHTTP(w, r)
		lines := len(stored(t, broker, "logs:User.alice"))
		switch w.Code {
		case http.StatusOK:
			var got struct{ After string }
			must(t, json.Unmarshal(w.Body.Bytes(), &got))
			k, _, _ := strings.Cut(got.After, ",")
			number, err := strconv.ParseUint(k, 10, 64)
			sent, _ := strconv.ParseUint(seq, 10, 64) // refused where it is none
			if lines != 1 || name+seq+after != "" && (err != nil || number != sent || !loglane.ValidProducer(name)) {
				t.Fatalf("%q %q %q: %s, %d lines", name, seq, after, w.Body, lines)
			}
		case http.StatusConflict: // it claims what this broker never had
			if lines != 0 && !strings.Contains(w.Body.String(), `"channel":"global"`) {
				t.Fatalf("%q %q %q: %s, %d lines", name, seq, after, w.Body, lines)
			}
		case http.StatusBadRequest:
			if lines != 0 || !strings.Contains(w.Body.String(), `{"error":"Producer`) {
				t.Fatalf("%q %q %q: %s, %d lines", name, seq, after, w.Body, lines)
			}
		default:
			t.Fatalf("%q %q %q: %d %s", name, seq, after, w.Code, w.Body)
		}
	})
}
