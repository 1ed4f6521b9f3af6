package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/loglane/loglane/internal/jsonscan"
)

func TestMembersAsTheyAreWritten(t *testing.T) {
	type member struct{ name, whole, value string }
	tests := map[string][]member{
		`{}`:     nil,
		" { }\n": nil,
		`{"a":1,"b":"x,}\"]","c":{"d":[1,{"e":","}]}}`: {
			{"a", `"a":1`, `1`},
			{"b", `"b":"x,}\"]"`, `"x,}\"]"`},
			{"c", `"c":{"d":[1,{"e":","}]}`, `{"d":[1,{"e":","}]}`},
		},
		"\r\n{ \"\\u0061\" : 1e400 ,\n\t\"a\":null }": {
			{"a", `"\u0061" : 1e400`, `1e400`},
			{"a", `"a":null`, `null`},
		},
		`{"":"","\\":"\\"}`: {{"", `"":""`, `""`}, {`\`, `"\\":"\\"`, `"\\"`}},
	}
	for object, want := range tests {
		var got []member
		for m := range jsonscan.Members([]byte(object)) {
			got = append(got, member{m.Name, string(m.Whole), string(m.Value)})
		}
		if !slices.Equal(got, want) {
			t.Errorf("members of %q:\n%q\nwant\n%q", object, got, want)
		}
	}
}

func TestQuoteAndBack(t *testing.T) {
	for _, text := range []string{"", "plain", "a<b>&c", `"quoted" \ back`, "line\nbreak\x1b[0m", "ünï\u2028"} {
		quoted := jsonscan.Quote(text)
		if got, ok := jsonscan.Unquote(quoted); !ok || got != text {
			t.Errorf("%q: quoted %s, and back %q, %v", text, quoted, got, ok)
		}
	}
	if got := string(jsonscan.Quote("<&>\xff")); got != `"<&>`+"\uFFFD"+`"` && got != `"<&>\ufffd"` {
		t.Errorf("got %s", got)
	}
	if got, ok := jsonscan.Unquote([]byte("\"a\xff\"")); !ok || got != "a\uFFFD" {
		t.Errorf("unquoted to %q, %v", got, ok)
	}
	if got, ok := jsonscan.Unquote([]byte(`"\x"`)); ok {
		t.Errorf("unquoted to %q", got)
	}
}

// The members are those that the standard library reads, in their order and with their
// bytes.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":"}"}],"a":"\"\\"}`))
	f.Add([]byte(" { \"\\u0061\" : null , \"b\" : { } }\n"))
	f.Fuzz(func(t *testing.T, object []byte) {
		if !json.Valid(object) || !jsonscan.LooksLikeObject(object) {
			t.Skip()
		}
		decoder := json.NewDecoder(bytes.NewReader(object))
		if _, err := decoder.Token(); err != nil {
			t.Fatal(err)
		}
		for m := range jsonscan.Members(object) {
			name, err := decoder.Token()
			var value json.RawMessage
			if err != nil || decoder.Decode(&value) != nil {
				t.Fatalf("%q: a member %q too many", object, m.Name)
			}
			if m.Name != name || !bytes.Equal(m.Value, value) {
				t.Fatalf("%q: got %q: %s, want %q: %s", object, m.Name, m.Value, name, value)
			}
			if !json.Valid([]byte("{" + string(m.Whole) + "}")) {
				t.Fatalf("%q: the whole member is %q", object, m.Whole)
			}
		}
		if decoder.More() {
			t.Fatalf("%q: a member was left out", object)
		}
	})
}
