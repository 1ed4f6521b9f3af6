package ingest_test

import (
	"fmt"
	"strings"
	"testing"
)

// told writes records as the tables below do: lines of number and data, or of what is
// wrong.
func told(t *testing.T, contentType, body string) string {
	t.Helper()
	var b strings.Builder
	for _, r := range read(t, contentType, "", []byte(body)) {
		if r.Err != nil {
			fmt.Fprintf(&b, "%d! %v\n", r.Line, r.Err)
		} else {
			fmt.Fprintf(&b, "%d %s\n", r.Line, r.Data)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestRecords(t *testing.T) {
	deep := strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100)
	for _, c := range []struct{ contentType, body, want string }{
		{"text/plain", "", ""},
		{"text/plain", "\n \r\n\t", ""},
		{"text/plain", "a\r\nb\n\n c \nd", "1 a\n2 b\n4  c \n5 d"},
		{"text/plain", "a\rb\x1b[2J\x00\xff", "1 a\rb\x1b[2J\x00\xff"},
		{"text/plain", "\uFEFFa", "1 a"},
		{"text/plain", `{"a":1}`, `1 {"a":1}`},
		{"", "a", "1 a"},
		{"application/x-www-form-urlencoded", "a=1&b", "1 a=1&b"},

		{"application/x-ndjson", "{\"a\":1}\r\n\n  {\"b\" : 2} \n", "1 {\"a\":1}\n3 {\"b\" : 2}"},
		{"application/jsonl; charset=utf-8", `[{"a":1}]`, "1! it is no JSON object"},
		{"Application/NDJSON", "a", "1! it is no valid JSON: invalid character 'a' looking for beginning of value (its byte 1)"},
		{"application/x-ndjson", `{"a":` + deep[1:199] + "}\n{\"a\":" + deep + "}", `1 {"a":` + deep[1:199] + "}\n2! it is nested deeper than 100 objects and arrays"},

		{"application/json", "", ""},
		{"application/json", " \n", ""},
		{"application/json", "\uFEFF[]", ""},
		{"application/json", " [ ] ", ""},
		{"application/json", `{"a":"]}"}`, `1 {"a":"]}"}`},
		{"application/json", "{\n\"a\": 1\n}", "1 {\n\"a\": 1\n}"},
		{"application/json", "{\n\"a\": 1\n}\n{\"b\":2}{\"c\":3}", "1 {\n\"a\": 1\n}\n2 {\"b\":2}\n3 {\"c\":3}"},
		{"application/json", `[{"a":"\"],"} , {"b":[1,{}]}]`, "1 {\"a\":\"\\\"],\"}\n2 {\"b\":[1,{}]}"},
		{"application/json", `[{"a":1},]`, "1 {\"a\":1}\n2! nothing stands where a JSON object should"},
		{"application/json", `[{"a":1},,{"b":2}]`, "1 {\"a\":1}\n2! nothing stands where a JSON object should\n3 {\"b\":2}"},
		{"application/json", `[{"a":1}},{"b":2}]`, "1! it is no valid JSON: invalid character '}' after top-level value (its byte 8)\n2 {\"b\":2}"},
		{"application/json", `[{"a":1} {"b":2},{"c":3}]`, "1! it is no valid JSON: invalid character '{' after top-level value (its byte 9)\n2 {\"c\":3}"},
		{"application/json", `[{"a":1},{"b":{"c":2},{"d":3}]`, "1 {\"a\":1}\n2! the array is not closed: from byte 9 on, the body was not read"},
		{"application/json", `[{"a":1},{"b":"2},{"c":3}`, "1 {\"a\":1}\n2! the array is not closed: from byte 9 on, the body was not read"},
		{"application/json", `[{"a":1}`, "1! the array is not closed: from byte 1 on, the body was not read"},
		{"application/json", `[`, "1! the array is not closed: from byte 1 on, the body was not read"},
		{"application/json", `[{"a":1}] [{"b":2}]`, "1 {\"a\":1}\n2! something follows the array: from byte 9 on, the body was not read"},
		{"application/json", `[] x`, "1! something follows the array: from byte 2 on, the body was not read"},
		{"application/json", `17`, "1! no JSON object that closes: from byte 0 on, the body was not read"},
		{"application/json", `{"a":1} x {"b":2}`, "1 {\"a\":1}\n2! no JSON object that closes: from byte 8 on, the body was not read"},
		{"application/json", `{"a":1}{"b":`, "1 {\"a\":1}\n2! no JSON object that closes: from byte 7 on, the body was not read"},
		{"application/json", "{\"a\":1}\n{\"b\":\n{\"c\":3}", "1 {\"a\":1}\n2! it is no valid JSON: unexpected end of JSON input (its byte 5)\n3 {\"c\":3}"},
	} {
		if got := told(t, c.contentType, c.body); got != c.want {
			t.Errorf("%s, %q:\n%s\nwant\n%s", c.contentType, c.body, got, c.want)
		}
	}
}
