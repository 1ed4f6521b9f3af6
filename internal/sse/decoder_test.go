package sse_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/loglane/loglane/internal/sse"
)

// data is a block that a browser would make a plain message of.
func data(text string) block {
	return block{Type: "message", Data: text, HasData: true, Retry: -1}
}

func (b block) withID(id string) block              { b.ID, b.HasID = id, true; return b }
func (b block) keepsID(id string) block             { b.ID = id; return b }
func (b block) withType(name string) block          { b.Type = name; return b }
func (b block) withRetry(retry time.Duration) block { b.Retry = retry; return b }
func bare() block                                   { return block{Type: "message", Retry: -1} }

// decodeTests follow the parsing part of the web-platform-tests
// (eventsource/format-*), with the cases of our own after them.
var decodeTests = []struct {
	name, stream string
	want         []block
	comments     []string
}{
	{"bom", "\ufeffdata:1\n\n\ufeffdata:2\n\ndata:3\n\n", []block{data("1"), data("3")}, nil},
	{"bom twice", "\ufeff\ufeffdata:1\n\ndata:2\n\ndata:3\n\n", []block{data("2"), data("3")}, nil},
	{"comments", "data:1\r:\x00\n:\r\ndata:2\n:" + strings.Repeat("x", 2000) + "\rdata:3\n:data:fail\r:" + strings.Repeat("x", 2000) + "\ndata:4\n\n",
		[]block{data("1\n2\n3\n4")}, []string{"\x00", "", strings.Repeat("x", 2000), "data:fail", strings.Repeat("x", 2000)}},
	{"data before final empty line", "retry:1000\ndata:test1\n\nid:test\ndata:test2", []block{data("test1").withRetry(time.Second)}, nil},
	{"field data", "data:\n\ndata\ndata\n\ndata:test\n\n", []block{data(""), data("\n"), data("test")}, nil},
	{"field event empty", "event: \ndata:data\n\n", []block{data("data")}, nil},
	{"field event", "event:test\ndata:x\n\ndata:x\n\n", []block{data("x").withType("test"), data("x")}, nil},
	{"field event, last wins", "event:a\nevent:b\ndata:x\n\n", []block{data("x").withType("b")}, nil},
	{"field id", "id: 1\ndata: a\n\ndata: b\n\n", []block{data("a").withID("1"), data("b").keepsID("1")}, nil},
	{"field id, non-ASCII", "id: …\ndata:hello\n\n", []block{data("hello").withID("…")}, nil},
	{"field id empty", "id:1\ndata:a\n\nid\ndata:b\n\ndata:c\n\n", []block{data("a").withID("1"), data("b").withID(""), data("c")}, nil},
	{"field id null", "id: 1\x002\ndata: hello\n\n", []block{data("hello")}, nil},
	{"field id null keeps the one before", "id:1\nid:\x00\ndata:a\n\n", []block{data("a").withID("1")}, nil},
	{"field parsing", "data:\x00\ndata:  2\rData:1\ndata\x00:2\ndata:1\r\x00data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
		[]block{data("\x00\n 2\n1\n3\n\n4")}, nil},
	{"field retry", "retry:3000\ndata:x\n\n", []block{data("x").withRetry(3 * time.Second)}, nil},
	{"field retry bogus", "retry:3000\nretry:1000x\ndata:x\n\n", []block{data("x").withRetry(3 * time.Second)}, nil},
	{"field retry empty", "retry:1000\nretry\ndata:test\n\n", []block{data("test").withRetry(time.Second)}, nil},
	{"field unknown", "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\n\n", []block{data("test\n")}, []string{"thisisacommentyay"}},
	{"leading space", "data:\ttest\rdata: \ndata:test\n\n", []block{data("\ttest\n\ntest")}, nil},
	{"newlines", "data:test\r\ndata\ndata:test\r\n\r", []block{data("test\n\ntest")}, nil},
	{"null character", "data:\x00\n\n\n\n", []block{data("\x00")}, nil},
	{"utf-8", "data:ok…\n\n", []block{data("ok…")}, nil},
	{"data before id", "data:a\nid:1\n\n", []block{data("a").withID("1")}, nil},

	{"empty stream", "", nil, nil},
	{"bom only", "\ufeff", nil, nil},
	{"half a bom", "\xef\xbbdata:1\n\ndata:2\n\n", []block{data("2")}, nil},
	{"bom before a blank line", "\ufeff\n\ndata:1\n\n", []block{data("1")}, nil},
	{"blank lines", "\n\r\r\n\ndata:1\n\n\r\n\r\r\n", []block{data("1")}, nil},
	{"CR only", "data:1\r\rdata:2\r\r", []block{data("1"), data("2")}, nil},
	{"CRLF only", "id:1\r\ndata:1\r\n\r\ndata:2\r\n\r\n", []block{data("1").withID("1"), data("2").keepsID("1")}, nil},
	{"CR CR LF is two lines", "data:1\r\r\ndata:2\n\n", []block{data("1"), data("2")}, nil},
	{"LF CR is two lines", "data:1\n\rdata:2\n\r", []block{data("1"), data("2")}, nil},
	{"no line breaks", "data:a\v\f\u0085\u2028\u2029b\n\n", []block{data("a\v\f\u0085\u2028\u2029b")}, nil},
	{"invalid UTF-8", "data:\xff\x80\n\n", []block{data("\xff\x80")}, nil},
	{"field names are whole and in lower case", "Data:1\ndata :2\n data:3\ndat:4\ndata:5\n\n", []block{data("5")}, nil},
	{"colons in the value", "data: a: b:\n\n", []block{data("a: b:")}, nil},
	{"bare id", "id:1\n\ndata:a\n\n", []block{bare().withID("1"), data("a").keepsID("1")}, nil},
	{"bare retry", "retry: 500\n\n", []block{bare().withRetry(500 * time.Millisecond)}, nil},
	{"bare event", "event: a\n\ndata:x\n\n", []block{bare().withType("a"), data("x")}, nil},
	{"retry of nought", "retry:0\n\n", []block{bare().withRetry(0)}, nil},
	{"retry out of bounds", "retry:9223372036855\n\nretry:" + strings.Repeat("9", 99) + "\n\n", []block{bare().withRetry(math.MaxInt64), bare().withRetry(math.MaxInt64)}, nil},
	{"largest retry", "retry:9223372036854\n\nretry:0009\n\n", []block{bare().withRetry(9223372036854 * time.Millisecond), bare().withRetry(9 * time.Millisecond)}, nil},
	{"bogus retries", "retry:-1\nretry:+1\nretry:1.5\nretry: 1 \nretry:\u0661\nretry:\n\n", nil, nil},
	{"nothing took effect", "foo:bar\nid:\x00\n:c\n\n", nil, []string{"c"}},
	{"cut line", "data:a\n\ndata:b\n:cut", []block{data("a")}, nil},
	{"cut before the blank line", "data:a\n\nid:2\ndata:b\n", []block{data("a")}, nil},
	{"comment texts", ":a\n: b\n:  c\n::\n:\n", nil, []string{"a", "b", " c", ":", ""}},
}

func TestDecode(t *testing.T) {
	for _, tt := range decodeTests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(how string, r io.Reader) {
				t.Helper()
				got, comments := decodeAll(t, r)
				if !slices.Equal(got, tt.want) || !slices.Equal(comments, tt.comments) {
					t.Fatalf("%s:\ngot  %+v %q\nwant %+v %q", how, got, comments, tt.want, tt.comments)
				}
			}
			blocks, comments := specDecode([]byte(tt.stream))
			if !slices.Equal(blocks, tt.want) || !slices.Equal(comments, tt.comments) {
				t.Fatalf("the oracle has %+v %q", blocks, comments)
			}
			check("whole", strings.NewReader(tt.stream))
			check("byte by byte", iotest.OneByteReader(strings.NewReader(tt.stream)))
			check("halves", iotest.HalfReader(strings.NewReader(tt.stream)))
			check("end with the bytes", iotest.DataErrReader(strings.NewReader(tt.stream)))
			for cut := range tt.stream {
				check("cut", &pieces{list: []string{tt.stream[:cut], tt.stream[cut:]}})
			}
		})
	}
}

// An event must be out before the next read, for that one may take for ever.
func TestDeliversAtTheBlankLine(t *testing.T) {
	tests := []struct {
		name   string
		pieces []string
		reads  int
	}{
		{"LF", []string{"data:a\n\n", "data:b\n\n"}, 1},
		{"CR", []string{"data:a\r\r", "data:b\r\r"}, 1},
		{"CRLF", []string{"data:a\r\n\r\n", "data:b\r\n\r\n"}, 1},
		{"first half of CRLF", []string{"data:a\r\n\r", "\ndata:b\r\n\r", "\n"}, 1},
		{"blank line on its own", []string{"data:a\n", "\n", "data:b\n", "\n"}, 2},
		{"both in one", []string{"data:a\n\ndata:b\n\n"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &pieces{list: slices.Clone(tt.pieces)}
			d := sse.NewDecoder(r)
			e, err := d.Next()
			if err != nil || string(e.Data) != "a" || r.calls != tt.reads {
				t.Errorf("first: %q, %v after %d reads, want %d", e.Data, err, r.calls, tt.reads)
			}
			e, err = d.Next()
			if err != nil || string(e.Data) != "b" {
				t.Errorf("second: %q, %v", e.Data, err)
			}
			if _, err = d.Next(); err != io.EOF {
				t.Errorf("end: %v", err)
			}
		})
	}
}

func TestCommentComesAtTheEndOfItsLine(t *testing.T) {
	r := &pieces{list: []string{": keepalive\n", "\ndata:a\n\n"}}
	d := sse.NewDecoder(r)
	reads := 0
	d.OnComment = func(string) { reads = r.calls }
	if _, err := d.Next(); err != nil || reads != 1 {
		t.Errorf("comment after %d reads, %v", reads, err)
	}
}

func TestErrorComesAfterTheEventsBeforeIt(t *testing.T) {
	broken := errors.New("broken")
	d := sse.NewDecoder(io.MultiReader(strings.NewReader("data:a\n\ndata:b\n\ndata:c\n"), iotest.ErrReader(broken)))
	for _, want := range []string{"a", "b"} {
		if e, err := d.Next(); err != nil || string(e.Data) != want {
			t.Errorf("%q, %v; want %q", e.Data, err, want)
		}
	}
	for range 2 {
		if e, err := d.Next(); err != broken || e.HasData {
			t.Errorf("%+v, %v; want the reader's error", e, err)
		}
	}
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestEmptyReadsEnd(t *testing.T) {
	if _, err := sse.NewDecoder(emptyReader{}).Next(); err != io.ErrNoProgress {
		t.Errorf("Next: %v", err)
	}
}

func TestMaxEventSize(t *testing.T) {
	tests := []struct {
		name, stream string
		events       int
		err          error
	}{
		{"line of the size", "data:6789\n\n", 1, io.EOF},
		{"line above it", "data:6789\n\ndata:67890\n\n", 1, sse.ErrTooLong},
		{"line above it, cut", "data:67890", 0, sse.ErrTooLong},
		{"comment above it", ":234567890\n", 0, sse.ErrTooLong},
		{"unknown field above it", "abcdefghij\n", 0, sse.ErrTooLong},
		{"lines together", "data:67\ndata:9\n\n", 1, io.EOF},
		{"lines together above it", "data:67\ndata:90\n\n", 0, sse.ErrTooLong},
		{"empty lines", "data\ndata\ndata\ndata\ndata\ndata\n\n", 1, io.EOF},
		{"empty lines above it", "data\ndata\ndata\ndata\ndata\ndata\ndata\n\n", 0, sse.ErrTooLong},
		{"comments do not add up", strings.Repeat(":2345678\n", 99) + "data:a\n\n", 1, io.EOF},
		{"events do not add up", strings.Repeat("data:a\n\n", 99), 99, io.EOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{
				strings.NewReader(tt.stream),
				iotest.OneByteReader(strings.NewReader(tt.stream)),
			} {
				d := sse.NewDecoder(r)
				d.MaxEventSize = 9
				events := 0
				var err error
				for err == nil {
					if _, err = d.Next(); err == nil {
						events++
					}
				}
				if events != tt.events || err != tt.err {
					t.Errorf("%d events, %v; want %d, %v", events, err, tt.events, tt.err)
				}
				if _, again := d.Next(); again != err {
					t.Errorf("then %v", again)
				}
			}
		})
	}
}

func TestDefaultMaxEventSize(t *testing.T) {
	for _, tt := range []struct {
		size int
		err  error
	}{
		{sse.DefaultMaxEventSize - len("data: "), nil},
		{sse.DefaultMaxEventSize - len("data: ") + 1, sse.ErrTooLong},
	} {
		want := bytes.Repeat([]byte("x"), tt.size)
		stream := sse.AppendEvent(nil, "", "", want)
		e, err := sse.NewDecoder(bytes.NewReader(stream)).Next()
		if err != tt.err || err == nil && !bytes.Equal(e.Data, want) {
			t.Errorf("%d bytes: %d, %v", tt.size, len(e.Data), err)
		}
	}
}

// A caller that appends to Data must not reach what the decoder holds.
func TestDataHasNoSpareRoom(t *testing.T) {
	e, err := sse.NewDecoder(strings.NewReader("data:abc\n\n")).Next()
	if err != nil || cap(e.Data) != len(e.Data) {
		t.Errorf("len %d, cap %d, %v", len(e.Data), cap(e.Data), err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, tt := range decodeTests {
		f.Add([]byte(tt.stream), []byte{1})
		f.Add([]byte(tt.stream), []byte{3, 7, 255})
	}
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		want, wantComments := specDecode(stream)
		got, comments := decodeAll(t, &sized{stream: stream, sizes: sizes})
		if !slices.Equal(got, want) || !slices.Equal(comments, wantComments) {
			t.Errorf("%q\ngot  %+v %q\nwant %+v %q", stream, got, comments, want, wantComments)
		}
	})
}
