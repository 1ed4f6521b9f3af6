package ingest_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/ingest"
)

var bodies = []string{
	"", "a\r\nb\n\nc", `{"message":"x"}`, "{\"a\":1}\n{\"b\":", `[{"a":1},17,{"b":"\"],"}]`, `[{"a":1}`, `[] x`, `{"a":1}{"b":2}`,
	`{"context":"User.bob","\u0063ontext":{},"_ll":1,"attrs":{}}`, "\uFEFF[{\"user\":\"\\ud800\"}]",
}

func FuzzText(f *testing.F)   { fuzz(f, ingest.Text) }
func FuzzNDJSON(f *testing.F) { fuzz(f, ingest.NDJSON) }
func FuzzJSON(f *testing.F)   { fuzz(f, ingest.JSON) }

// fuzz holds every body of a kind to this: numbers rise from 1; what is taken stands in the
// body, in order, and makes a record that has nothing but its data and the true context.
func fuzz(f *testing.F, kind ingest.Kind) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		line, rest := 0, body
		for r := range (ingest.Content{Kind: kind}).Records(body) {
			if r.Line <= line || (r.Err == nil) == (r.Data == nil) {
				t.Fatalf("after %d comes %+v", line, r)
			}
			line = r.Line
			if r.Err != nil {
				continue
			}
			at := bytes.Index(rest, r.Data)
			if at < 0 {
				t.Fatalf("%q is not in the body, or out of order", r.Data)
			}
			rest = rest[at+len(r.Data):]
			if kind != ingest.Text && (r.Data[0] != '{' || !json.Valid(r.Data)) {
				t.Fatalf("%q is no object", r.Data)
			}
			checkRecord(t, r.Data)
		}
	})
}

func checkRecord(t *testing.T, data []byte) {
	record := ingest.NewRecord(data, "User.alice", 0)
	var got, want map[string]any
	if err := json.Unmarshal(record, &got); err != nil {
		t.Fatalf("%q became %q: %v", data, record, err)
	}
	if got["context"] != "User.alice" || bytes.Count(record, []byte(`"context":"User.alice"`)) == 0 || len(record) > loglane.DefaultMaxLine {
		t.Fatalf("%q became %q", data, record)
	}
	if len(data) > loglane.DefaultMaxLine/2 {
		return // it may have been cut
	}
	if err := json.Unmarshal(loglane.NewRecord(data, 0), &want); err != nil {
		t.Fatal(err)
	}
	if _, moved := want["context"].(map[string]any); moved && want["attrs"] == nil {
		delete(got, "attrs")
		delete(want, "attrs")
	}
	delete(got, "context")
	delete(want, "context")
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q became %q, its other members %v", data, record, want)
	}
}

// FuzzNames holds the names that lead to a channel to what encoding/json reads.
func FuzzNames(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := ingest.ReadNames(data)
		var want map[string]any
		if json.Unmarshal(data, &want) != nil {
			if err == nil || names != (ingest.Names{}) {
				t.Fatalf("%q: %+v, %v", data, names, err)
			}
			return
		}
		for name, got := range map[string]string{"user": names.User, "context": names.Context} {
			if text, _ := want[name].(string); got != text && err == nil || got != "" && got != text {
				t.Fatalf("%q: %s is %q", data, name, got)
			}
		}
	})
}
