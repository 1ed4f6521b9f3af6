package logship_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/gatewaytest"
	"github.com/loglane/loglane/logship"
)

// Whatever answers: lines count as stored only where it says that all but the rejected
// are there, and errors show neither the token nor what moves a terminal's cursor.
func FuzzGatewayAnswer(f *testing.F) {
	f.Add(200, `{"accepted":2,"rejected":[],"duplicates":0,"after":"8,8"}`, "")
	f.Add(200, `{"accepted":1,"rejected":[{"line":2,"error":"x\u001b"}],"after":"7,0"}`, "")
	f.Add(409, `{"error":"lost","channel":"global","after":3}`, "")
	f.Add(429, `{"error":"`+gatewaytest.Token+`"}`, "3")
	f.Add(308, "", "Wed, 21 Oct 2015 07:28:00 GMT")
	f.Add(401, "<html>", "-1")
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		if status < 200 || status > 599 {
			return
		}
		sink := over(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.Header().Set("Location", header)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		b := loglane.Batch{Producer: "p", After: 6, Lines: []loglane.Line{{K: 7, Record: []byte(`{"message":"a"}`)}, {K: 8, Record: []byte(`{"message":"b"}`)}}}
		receipt, err := sink.Append(t.Context(), "logs:a", b)
		if err == nil && (status != 200 || receipt.K < 8) {
			t.Errorf("%d %q counts as stored: %+v", status, body, receipt)
		}
		if rejection, ok := errors.AsType[*logship.RejectedError](err); ok && (len(rejection.Lines) == 0 || rejection.Lines[0].K < 7) {
			t.Errorf("%q rejects %+v", body, rejection.Lines)
		}
		if err != nil && (strings.Contains(err.Error(), gatewaytest.Token) || strings.ContainsAny(err.Error(), "\x1b\n\u202e")) {
			t.Errorf("the error is %q", err)
		}
		if delay, ok := errors.AsType[logship.Delayed](err); ok && delay.RetryAfter() < 0 {
			t.Errorf("it is to be tried again after %v", delay.RetryAfter())
		}
	})
}
