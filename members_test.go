package loglane_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/loglane/loglane"
)

func mustMembers(t testing.TB, paths ...string) *loglane.Members {
	t.Helper()
	m, err := loglane.ParseMembers(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMembersOfARecord(t *testing.T) {
	tests := []struct{ members, record, want string }{
		{"message", `{"message":"m","attrs":{"a":1},"context":"User.alice"}`, `{"message":"m"}`},
		{"message,attrs", `{"message":"m","attrs":{"a":1,"b":{"c":2}},"x":1}`, `{"message":"m","attrs":{"a":1,"b":{"c":2}}}`},
		{"attrs.a", `{"message":"m","attrs":{"a":1,"b":2}}`, `{"attrs":{"a":1}}`},
		{"attrs.a", `{"attrs":{"b":2,"a":1,"c":{"a":3}}}`, `{"attrs":{"a":1}}`},
		{"attrs.a.b,message", `{"attrs":{"a":{"b":{"c":1},"d":2},"b":3},"message":"m"}`, `{"attrs":{"a":{"b":{"c":1}}},"message":"m"}`},
		{"attrs.a", `{"attrs":{"b":2}}`, ""},
		{"attrs.a", `{"attrs":{}}`, ""},
		{"attrs.a", `{"attrs":"text"}`, ""},
		{"attrs.a", `{"attrs":[{"a":1}]}`, ""}, // no path leads into an array
		{"attrs.a", `{"attrs":{"a":[{"b":1}]}}`, `{"attrs":{"a":[{"b":1}]}}`},
		{"message", `{}`, ""},
		// Spelled otherwise, it is the same name.
		{"message", `{"mess\u0061ge":"m","\u0073ecret":"s"}`, `{"mess\u0061ge":"m"}`},
		{"message", `{"Message":"M","message ":"n","message\u0000":"o","\u006dessage":"m"}`, `{"\u006dessage":"m"}`},
		{"attrs.a", `{"\u0061ttrs":{"\u0061":1,"\u0062":2}}`, `{"\u0061ttrs":{"\u0061":1}}`},
		{"attrs.a", `{"attrs.a":1,"attrs":{"a":2}}`, `{"attrs.a":1,"attrs":{"a":2}}`},
		// One name twice is shown twice or not at all, whichever a reader takes.
		{"message", `{"message":"1","secret":"s","message":"2","secret":"t"}`, `{"message":"1","message":"2"}`},
		{"attrs.a", `{"attrs":{"a":1,"s":"x"},"attrs":{"s":"y"},"attrs":"s","attrs":{"s":1,"a":2}}`, `{"attrs":{"a":1},"attrs":{"a":2}}`},
		// What is read as the message is it; beside one it is not.
		{"message", `{"msg":"m","body":"secret"}`, `{"msg":"m"}`},
		{"message", `{"body":"b","message":"m","event":"secret"}`, `{"message":"m"}`},
		{"message", `{"message":null,"body":"m","event":"e"}`, `{"message":null,"body":"m"}`},
		{"message", `{"log":{"level":"info"},"short_message":"m"}`, `{"short_message":"m"}`},
		{"level", `{"msg":"m","severity":"error","log":{"level":"warn","file":"f"},"log.level":1,"levelno":30}`, `{"severity":"error","log":{"level":"warn"},"log.level":1,"levelno":30}`},
		{"timestamp", `{"ts":1,"@timestamp":2,"time":3,"name":"Jane"}`, `{"ts":1,"@timestamp":2,"time":3}`},
		{"logger", `{"name":"Jane","logger":"l"}`, `{"logger":"l"}`},
		// Bytes stay as they are, white space too.
		{"n,o.p", "{ \"n\" : 1e400 ,\n\"x\":1, \"o\" : { \"q\":1 , \"p\" : 1.50 } }\n", `{"n" : 1e400,"o" : {"p" : 1.50}}`},
		{"message", `{"message":"m"}`, `{"message":"m"}`},
	}
	for _, test := range tests {
		m := mustMembers(t, strings.Split(test.members, ",")...)
		if got := string(m.OfRecord([]byte(test.record))); got != test.want {
			t.Errorf("%s of %s:\n%s, want\n%s", test.members, test.record, got, test.want)
		}
	}
}

func TestMembersAreRefused(t *testing.T) {
	tests := map[string][]string{
		"no member is named": {},
		"without a name":     {"message", ""},
		"a name is missing":  {"attrs."},
		"beside a dot":       {".a"},
		"too long":           {strings.Repeat("a", 201)},
		"not valid UTF-8":    {"a\xff"},
		"line break":         {"a\nb"},
		"101 members":        strings.Split(strings.Repeat("a,", 100)+"a", ","),
		`"a..b": a name`:     {"a..b", "message"},
	}
	for want, paths := range tests {
		if m, err := loglane.ParseMembers(paths...); err == nil || !strings.Contains(err.Error(), want) || m != nil {
			t.Errorf("%q: %v, want %q", paths, err, want)
		}
	}
}

// Of any record, nothing of a hidden value is left, and all of the shown ones is.
func FuzzMembers(f *testing.F) {
	for _, record := range []string{
		`{"message":"m","level":"info","attrs":{"order":{"id":1},"card":"4"},"log":{"level":"x","file":"y"}}`,
		`{"mess\u0061ge":1,"msg":2,"attrs":{"order":[{"id":1}],"a":{"b":{"c":{}}}},"attrs":{"a":{"x":1,"b":2}}}`,
		"{ \"attrs\" : { \"\\u006frder\" : null , \"o\":1 } ,\n\"attrs.order\":[ ] , \"\":{\"\":1} , \"log\":\"l\" }\r\n",
		`{"event":{"a":1},"body":"b","log.level":3,"log":{"log.level":2,"level":{"x":[1,2,{"y":3}]}},"short_message":"s"}`,
		`{"attrs.a":{"b":1},"attrs":{"a.b":{"c":1}},"\ud800":1,"attrs":{"a":{"b":"\ud83d\ude00"}}}`,
	} {
		f.Add([]byte(record))
	}
	m := mustMembers(f, "message", "level", "attrs.order", "attrs.a.b")
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) || !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) || bytes.Contains(data, []byte("CANARY")) || bytes.Contains(data, []byte("SHOWN")) {
			t.Skip()
		}
		c := canaries{data: data, decoder: json.NewDecoder(bytes.NewReader(data))}
		c.decoder.UseNumber()
		record := c.mark()
		got := m.OfRecord(record)
		if bytes.Contains(got, []byte("CANARY")) {
			t.Fatalf("of %s\n%s", record, got)
		}
		if n := bytes.Count(got, []byte("SHOWN")); n != c.shown {
			t.Fatalf("%d of %d values are shown of %s\n%s", n, c.shown, record, got)
		}
		if got != nil && !json.Valid(got) {
			t.Fatalf("of %s\n%s", record, got)
		}
	})
}

// canaries writes a record anew, with values that say whether they may be seen. It knows
// nothing of how members are found.
type canaries struct {
	data    []byte
	decoder *json.Decoder
	out     bytes.Buffer
	shown   int
	message string
}

func (c *canaries) mark() []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(c.data, &members) != nil {
		panic("no object")
	}
	for _, name := range []string{"message", "msg", "body", "event", "log", "short_message"} {
		if value := members[name]; len(value) > 0 && value[0] != '{' && value[0] != '[' {
			c.message = name
			break
		}
	}
	c.value("", false)
	return c.out.Bytes()
}

var canaryPaths = []string{"message", "level", "severity", "levelname", "levelno", "log.level", "attrs.order", "attrs.a.b"}

func (c *canaries) value(path string, shown bool) {
	token, err := c.decoder.Token()
	if err != nil {
		panic(err)
	}
	switch token {
	case json.Delim('{'):
		c.out.WriteByte('{')
		for n := 0; c.decoder.More(); n++ {
			if n > 0 {
				c.out.WriteByte(',')
			}
			begin := c.decoder.InputOffset()
			name, err := c.decoder.Token()
			if err != nil {
				panic(err)
			}
			c.out.Write(bytes.Trim(c.data[begin:c.decoder.InputOffset()], " ,\t\r\n"))
			c.out.WriteByte(':')
			at := name.(string)
			if path != "" {
				at = path + "." + at
			}
			below := path != "\x01" && (slices.Contains(canaryPaths, at) || path == "" && at != "" && at == c.message)
			if path == "\x01" || at == "" {
				at = "\x01"
			}
			c.value(at, shown || below)
		}
	case json.Delim('['):
		c.out.WriteByte('[')
		for n := 0; c.decoder.More(); n++ {
			if n > 0 {
				c.out.WriteByte(',')
			}
			c.value("\x01", shown) // no path leads in
		}
	default:
		if c.out.WriteString(`"CANARY"`); shown {
			c.out.Truncate(c.out.Len() - len(`"CANARY"`))
			c.out.WriteString(`"SHOWN"`)
			c.shown++
		}
		return
	}
	closing, err := c.decoder.Token()
	if err != nil {
		panic(err)
	}
	fmt.Fprint(&c.out, closing)
}
