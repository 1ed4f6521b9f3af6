package ingest_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/ingest"
)

func TestARecordHasItsTrueContext(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{`a line`, `{"message":"a line","context":"User.alice"}`},
		{`{}`, `{"context":"User.alice"}`},
		{`{"message":"x"}`, `{"message":"x","context":"User.alice"}`},
		{`{"context":"User.alice","message":"x"}`, `{"context":"User.alice","message":"x"}`},
		{`{"context":"User.bob","message":"x"}`, `{"message":"x","context":"User.alice"}`},
		{`{"context":null}`, `{"context":"User.alice"}`},
		{`{"context":"User.alice","a":1,"context":"User.bob"}`, `{"a":1,"context":"User.alice"}`},
		{`{"context":"User.bob","a":1,"context":"User.alice"}`, `{"a":1,"context":"User.alice"}`},
		{`{"\u0063ontext":"User.bob","a":1}`, `{"a":1,"context":"User.alice"}`},
		{`{"message":"\u00e4"}`, `{"message":"\u00e4","context":"User.alice"}`},
		{`{"a":{"context":"User.bob"}}`, `{"a":{"context":"User.bob"},"context":"User.alice"}`},
		{`{"Context":"User.bob"}`, `{"Context":"User.bob","context":"User.alice"}`},
		{`{"_ll":"forged","user":"bob"}`, `{"user":"bob","context":"User.alice"}`},
		{`{"message":"paid","context":{"order":17,"to":[{}]},"level":200}`, `{"message":"paid","level":200,"attrs":{"order":17,"to":[{}]},"context":"User.alice"}`},
		{`{"attrs":{"a":1},"context":{"order":17}}`, `{"attrs":{"a":1},"context":"User.alice"}`},
		{`{"message":"paid","context":[]}`, `{"message":"paid","context":"User.alice"}`},
		{"{\"message\":\"\xff\"}", `{"message":"` + "\uFFFD" + `","context":"User.alice"}`},
	} {
		if got := ingest.NewRecord([]byte(c.data), "User.alice", 0); string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.data, got, c.want)
		}
	}
}

// A line that is cut keeps its context, however long that is.
func TestACutRecordKeepsItsContext(t *testing.T) {
	for _, context := range []string{"User.alice", "User." + strings.Repeat(`x"`, 100)} {
		for _, data := range []string{
			strings.Repeat("long ", 1000),
			`{"context":"User.bob","message":"` + strings.Repeat("long ", 1000) + `"}`,
			`{"message":"` + strings.Repeat("x", loglane.MinMaxLine-16) + `"}`,
		} {
			got := ingest.NewRecord([]byte(data), context, loglane.MinMaxLine)
			var record struct{ Context, Message string }
			if err := json.Unmarshal(got, &record); err != nil || len(got) > loglane.MinMaxLine || record.Context != context || !strings.Contains(record.Message, "cut, the") {
				t.Errorf("%d bytes, %v: %s", len(got), err, got)
			}
		}
	}
	// One that has its context already and just fits is stored as it is.
	fits := []byte(`{"context":"User.alice","message":"` + strings.Repeat("x", loglane.MinMaxLine-37) + `"}`)
	if got := ingest.NewRecord(fits, "User.alice", loglane.MinMaxLine); len(fits) != loglane.MinMaxLine || !bytes.Equal(got, fits) {
		t.Errorf("%d bytes became %s", len(fits), got)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		data          string
		user, context string
		fails         bool
	}{
		{`{"user":"alice"}`, "alice", "", false},
		{`{"context":"job_1","user":"Zo\u00eb"}`, "Zoë", "job_1", false},
		{`{"user":17,"context":{"order":1}}`, "", "", false},
		{`{"user":null,"context":[]}`, "", "", false},
		{`{"User":"alice","attrs":{"context":"x"}}`, "", "", false},
		{`{"user":"\ud800"}`, "", "", true},
		{"{\"context\":\"a\xff\"}", "", "", true},
	} {
		names, err := ingest.ReadNames([]byte(c.data))
		if names.User != c.user || names.Context != c.context || (err != nil) != c.fails {
			t.Errorf("%s: %+v, %v", c.data, names, err)
		}
	}
}
