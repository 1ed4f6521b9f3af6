package sse_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/sse"
)

func TestAppendEvent(t *testing.T) {
	tests := []struct{ name, event, id, data, want string }{
		{"data only", "", "", "a", "data: a\n\n"},
		{"all lines", "gap", "7.1.17-0", "{}", "event: gap\nid: 7.1.17-0\ndata: {}\n\n"},
		{"id", "", "0", "a", "id: 0\ndata: a\n\n"},
		{"empty", "", "", "", "data: \n\n"},
		{"leading spaces stay", "", "", "  a", "data:   a\n\n"},
		{"LF", "", "", "a\nb", "data: a\ndata: b\n\n"},
		{"CR", "", "", "a\rb", "data: a\ndata: b\n\n"},
		{"CRLF", "", "", "a\r\nb", "data: a\ndata: b\n\n"},
		{"LFCR", "", "", "a\n\rb", "data: a\ndata: \ndata: b\n\n"},
		{"last break", "", "", "a\n", "data: a\ndata: \n\n"},
		{"last CR", "", "", "a\r", "data: a\ndata: \n\n"},
		{"last CRLF", "", "", "a\r\n", "data: a\ndata: \n\n"},
		{"break only", "", "", "\n", "data: \ndata: \n\n"},
		{"no breaks", "", "", "a\v\f\u0085\u2028\u2029\x00b", "data: a\v\f\u0085\u2028\u2029\x00b\n\n"},
		{"field within", "", "", "a\n\nid: 1\r\rdata: b", "data: a\ndata: \ndata: id: 1\ndata: \ndata: data: b\n\n"},
		{"byte order mark", "", "", "\ufeffa", "data: \ufeffa\n\n"},
		{"invalid UTF-8", "", "", "\xff\x80", "data: \xff\x80\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := sse.AppendEvent([]byte("before\n\n"), tt.event, tt.id, []byte(tt.data))
			if want := "before\n\n" + tt.want; string(got) != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestAppendOthers(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"id", string(sse.AppendID(nil, "e.0.0-0")), "id: e.0.0-0\n\n"},
		{"retry", string(sse.AppendRetry(nil, 3000)), "retry: 3000\n\n"},
		{"retry at once", string(sse.AppendRetry(nil, 0)), "retry: 0\n\n"},
		{"comment", string(sse.AppendComment(nil, "keepalive")), ": keepalive\n\n"},
		{"empty comment", string(sse.AppendComment(nil, "")), ": \n\n"},
		{"comment of many lines", string(sse.AppendComment(nil, "\na\r\nb\rc\n\nd\r")), ":  a b c  d \n\n"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestPanics(t *testing.T) {
	long := strings.Repeat("a", 129)
	tests := []struct {
		name, want string
		call       func()
	}{
		{"name with a break", "event name", func() { sse.AppendEvent(nil, "a\ndata: b", "", nil) }},
		{"name in upper case", "event name", func() { sse.AppendEvent(nil, "Gap", "", nil) }},
		{"name with a space", "event name", func() { sse.AppendEvent(nil, "a b", "", nil) }},
		{"id with a break", "event id", func() { sse.AppendEvent(nil, "", "1\n2", nil) }},
		{"long id", "event id", func() { sse.AppendEvent(nil, "", long, nil) }},
		{"empty bare id", "event id", func() { sse.AppendID(nil, "") }},
		{"bare id with NUL", "event id", func() { sse.AppendID(nil, "\x00") }},
		{"negative retry", "retry", func() { sse.AppendRetry(nil, -1) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				message, _ := recover().(string)
				if !strings.HasPrefix(message, "sse: ") || !strings.Contains(message, tt.want) {
					t.Errorf("panic %q does not name the %s", message, tt.want)
				}
			}()
			tt.call()
		})
	}
}

func TestValidID(t *testing.T) {
	for _, id := range []string{"0", "aZ09._-", "Aq3_-x.12.1700000000000-0.0123456789A", strings.Repeat("x", 128)} {
		if !sse.ValidID(id) {
			t.Errorf("ValidID(%q) = false", id)
		}
	}
	for _, id := range []string{"", " ", "a b", "a\n", "\r", "\x00", "a/b", "a:b", "é", "a\x7f", strings.Repeat("x", 129)} {
		if sse.ValidID(id) {
			t.Errorf("ValidID(%q) = true", id)
		}
	}
}

func TestEncodingAllocatesOnlyToGrow(t *testing.T) {
	dst := make([]byte, 0, 1<<10)
	data := []byte("{\"message\":\"a\"}\nb\r\nc\r")
	n := testing.AllocsPerRun(100, func() {
		b := sse.AppendRetry(dst, 3000)
		b = sse.AppendEvent(b, "gap", "7.1.17-0", data)
		b = sse.AppendID(b, "7.1.18-0")
		sse.AppendComment(b, "keep\nalive")
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzEncode(f *testing.F) {
	for _, data := range []string{"", "a", " a", "a\n", "\r", "\r\n\r", "\n\r", "data: a\n\nid: 1\n\n", "\ufeff", "\u2028\u0085\v\f", "\x00\xff"} {
		f.Add([]byte(data), "7.1.17-0", "gap", "keepalive")
	}
	f.Fuzz(func(t *testing.T, data []byte, id, event, comment string) {
		if !sse.ValidID(id) {
			id = ""
		}
		if strings.Trim(event, "abcdefghijklmnopqrstuvwxyz") != "" {
			event = ""
		}
		stream := sse.AppendEvent(nil, event, id, data)
		stream = sse.AppendComment(stream, comment)
		blocks, comments := specDecode(stream)
		if len(blocks) != 1 || len(comments) != 1 {
			t.Fatalf("%q is %d blocks and %d comments", stream, len(blocks), len(comments))
		}
		want := block{Type: event, ID: id, Data: string(normalise(data)), HasData: true, HasID: id != "", Retry: -1}
		if event == "" {
			want.Type = "message"
		}
		if blocks[0] != want {
			t.Errorf("%q\ngot  %+v\nwant %+v", stream, blocks[0], want)
		}
		if got, _ := decodeAll(t, bytes.NewReader(stream)); len(got) != 1 || got[0] != want {
			t.Errorf("Decoder: %q\ngot  %+v\nwant %+v", stream, got, want)
		}
	})
}
