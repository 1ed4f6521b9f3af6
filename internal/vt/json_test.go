package vt_test

import (
	"encoding/json"
	"testing"

	"github.com/loglane/loglane/internal/vt"
)

func TestJSON(t *testing.T) {
	tests := []struct{ name, in, sgr, strip string }{
		{"empty object", `{}`, `{}`, `{}`},
		{"plain", `{"a":"b","n":1.5e3}`, `{"a":"b","n":1.5e3}`, `{"a":"b","n":1.5e3}`},
		{"layout", "{\r\n\t\"a\" : [ true , null ]\n}", "{\r\n\t\"a\" : [ true , null ]\n}", "{\r\n\t\"a\" : [ true , null ]\n}"},
		{"layout of a dirty one", "{\n \"a\": \"\\u0007\"\n}\r\n", "{\n \"a\": \"␇\"\n}\r\n", "{\n \"a\": \"␇\"\n}\r\n"},
		{"colour", `"\u001b[31mred\u001B[0m"`, `"\u001b[31mred\u001B[0m"`, `"red"`},
		{"colour all in escapes", `"\u001b\u005B\u0033\u003b\u0031\u006D!"`, `"\u001b\u005B\u0033\u003b\u0031\u006D!"`, `"!"`},
		{"conceal", `"\u001b[8m\u001b[38;5;8m"`, `"␛[8m\u001b[38;5;8m"`, `"␛[8m"`},
		{"conceal in escapes", `"\u001b[\u0038m"`, `"␛[\u0038m"`, `"␛[\u0038m"`},
		{"erase", `"\u001b[2J"`, `"␛[2J"`, `"␛[2J"`},
		{"key", `{"\u001b[2J":{"\u001b[1mk":1}}`, `{"␛[2J":{"\u001b[1mk":1}}`, `{"␛[2J":{"k":1}}`},
		{"short forms", `"\b\f\n\t\/\\\""`, `"␈␌\n\t\/\\\""`, `"␈␌\n\t\/\\\""`},
		{"C0 and DEL", `"\u0000\u0007\u001f\u007F"`, `"␀␇␟␡"`, `"␀␇␟␡"`},
		{"raw DEL and C1", "\"\x7f\u009b31m\u0085\"", `"␡␛[31m␛E"`, `"␡␛[31m␛E"`},
		{"escaped C1", `"\u009b31m\u009B\u0080"`, `"␛[31m␛[␛@"`, `"␛[31m␛[␛@"`},
		{"string terminator", `"\u009c","` + "\u009c" + `"`, `"␛\\","␛\\"`, `"␛\\","␛\\"`},
		{"line breaks", `"a\r\nb\u000D\u000ac\nd\u000a"`, `"a\r\nb\u000D\u000ac\nd\u000a"`, `"a\r\nb\u000D\u000ac\nd\u000a"`},
		{"bare CR", `"a\rb\u000db\r"`, `"a␍b␍b␍"`, `"a␍b␍b␍"`},
		{"CR twice", `"\r\r\n\r"`, `"␍\r\n␍"`, `"␍\r\n␍"`},
		{"CR before a colour", `"\r\u001b[m\n"`, `"␍\u001b[m\n"`, `"␍\n"`},
		{"CR before text that looks like LF", `"\r\\n"`, `"␍\\n"`, `"␍\\n"`},
		{"escaped backslash", `"\\u001b[2J\\\u001b[2J\\\\u0007"`, `"\\u001b[2J\\␛[2J\\\\u0007"`, `"\\u001b[2J\\␛[2J\\\\u0007"`},
		{"escaped quote", `"\"\u0007\"","\u0007"`, `"\"␇\"","␇"`, `"\"␇\"","␇"`},
		{"quote as escape", `"\u0022\u0007"`, `"\u0022␇"`, `"\u0022␇"`},
		{"sequence ends with its string", `["\u001b[3","1m"]`, `["␛[3","1m"]`, `["␛[3","1m"]`},
		{"escape at the end", `"\u001b"`, `"␛"`, `"␛"`},
		{"surrogate pair", `"\ud83d\ude00\uD83D\uDE00"`, `"\ud83d\ude00\uD83D\uDE00"`, `"\ud83d\ude00\uD83D\uDE00"`},
		{"halves", `"\ud83d\ude00\ude00\ud83d"`, `"\ud83d\ude00\ude00\ud83d"`, "\"\\ud83d\\ude00\ufffd\ufffd\""},
		{"halves do not meet", `"\ud83d\u001b[m\ude00"`, `"\ud83d\u001b[m\ude00"`, "\"\ufffd\ufffd\""},
		{"half before a control", `"\ud83d\u001b[2J"`, `"\ud83d␛[2J"`, "\"\ufffd␛[2J\""},
		{"invalid UTF-8", "\"\x9b\xff\"", "\"\ufffd\ufffd\"", "\"\ufffd\ufffd\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkJSON(t, vt.SGR, tt.in, tt.sgr)
			checkJSON(t, vt.Strip, tt.in, tt.strip)
			checkJSON(t, vt.None, tt.in, tt.in)
		})
	}
}

func checkJSON(t *testing.T, p vt.Policy, in, want string) {
	t.Helper()
	argument := []byte(in)
	got := p.JSON(argument)
	if string(got) != want {
		t.Errorf("%v.JSON(%s) = %s, want %s", p, in, got, want)
	}
	if string(argument) != in {
		t.Errorf("%v.JSON(%s) changed its argument", p, in)
	}
	if !json.Valid([]byte("[" + string(got) + "]")) {
		t.Errorf("%v.JSON(%s) = %s is not valid", p, in, got)
	}
}

// What is not JSON has no promised result, but must not crash.
func TestInvalidJSON(t *testing.T) {
	whole := `{"a\u001b":"\u001b[31m\ud83d\ude00\r\n\\"}`
	for cut := range whole {
		vt.SGR.JSON([]byte(whole[:cut]))
		vt.Strip.JSON([]byte(whole[cut:]))
	}
	checks := []struct{ in, want string }{
		{`"\u00`, `"\u00`},
		{`"\u00zz\u001b"`, `"\u00zz␛"`},
		{"\"\x1b[2J\r\x07", "\"␛[2J␍␇"},
		{`"\`, `"\`},
	}
	for _, c := range checks {
		if got := vt.SGR.JSON([]byte(c.in)); string(got) != c.want {
			t.Errorf("JSON(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestCleanJSONIsFree(t *testing.T) {
	lines := []string{
		`{"message":"all is well","level":"info","attrs":{"n":17}}`,
		`{"message":"größer als 5 €, 😀","path":"C:\\temp\"\r\n\u00e9\ud83d\ude00"}`,
		"{\r\n\t\"message\" : \"all is well\"\n}",
		`{"message":"\u001b[1;38;2;10;20;30mcoloured\u001b[0m"}`,
	}
	for _, line := range lines {
		checkFree(t, vt.SGR.JSON, line)
		checkFree(t, vt.None.JSON, line)
	}
	checkFree(t, vt.Strip.JSON, lines[1])
	checkFree(t, vt.None.JSON, `"\u001b[2J"`)
}
