package ingest_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/ingest"
)

func TestWhatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		contentType string
		encodings   []string
		want        string // part of the message; "" is no error
	}{
		{"application/json", []string{"gzip"}, ""},
		{"application/json", []string{"X-GZIP"}, ""},
		{"application/json", []string{"identity, zstd"}, ""},
		{"", nil, ""},
		{"text/plain; charset", []string{""}, ""},
		{"application/json", []string{"deflate"}, "take gzip, zstd or none"},
		{"application/json", []string{"br"}, "take gzip, zstd or none"},
		{"application/json", []string{"gzip, gzip"}, "encoded more than once; take gzip, zstd or none"},
		{"application/json", []string{"gzip", "zstd"}, "encoded more than once; take gzip, zstd or none"},
		{"application/msgpack", nil, "let Fluent Bit send with format json; NDJSON"},
		{"application/x-protobuf", nil, "send JSON; NDJSON"},
		{"multipart/form-data; boundary=x", nil, "--data-binary"},
	} {
		_, err := ingest.ParseContent(http.Header{"Content-Type": {c.contentType}, "Content-Encoding": c.encodings})
		switch {
		case c.want == "" && err == nil:
		case code(err) != http.StatusUnsupportedMediaType || c.want == "" || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s, %q: %v, want %q", c.contentType, c.encodings, err, c.want)
		}
	}
}

func code(err error) int {
	var status *loglane.StatusError
	if errors.As(err, &status) {
		return status.Code
	}
	return 0
}

func TestTheLimitOfABody(t *testing.T) {
	text := []byte(strings.Repeat("a line of text\n", 100))
	for encoding, encode := range encoders {
		content := ingest.Content{Encoding: encoding}
		got, err := content.Read(bytes.NewReader(encode(t, text)), len(text))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%q: %d bytes, %v", encoding, len(got), err)
		}
		_, err = content.Read(bytes.NewReader(encode(t, text)), len(text)-1)
		if code(err) != http.StatusRequestEntityTooLarge || !strings.Contains(err.Error(), "max-ingest-bytes") {
			t.Errorf("%q, one byte too long: %v", encoding, err)
		}
	}
}

func TestABodyThatIsNotWhatItSays(t *testing.T) {
	text := []byte(strings.Repeat("a line of text\n", 100))
	for _, encoding := range []string{"gzip", "zstd"} {
		content := ingest.Content{Encoding: encoding}
		whole := encoders[encoding](t, text)
		broken := bytes.Clone(whole)
		broken[len(broken)/2] ^= 0xff
		for name, body := range map[string][]byte{"text": text, "cut": whole[:len(whole)-3], "broken": broken} {
			if _, err := content.Read(bytes.NewReader(body), 1<<20); code(err) != http.StatusBadRequest || !strings.Contains(err.Error(), "no whole "+encoding) {
				t.Errorf("%s, %s: %v", encoding, name, err)
			}
		}
		away := errors.New("the sender went away")
		if _, err := content.Read(io.MultiReader(bytes.NewReader(whole[:9]), errorReader{away}), 1<<20); !errors.Is(err, away) {
			t.Errorf("%s: %v", encoding, err)
		}
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// A gibibyte of zeros in a body of few bytes costs no more than the limit allows.
func TestABombIsRefusedWithinTheLimit(t *testing.T) {
	const limit = ingest.DefaultMaxBytes
	for encoding, bomb := range map[string][]byte{"gzip": gzipBomb(t), "zstd": zstdBomb(128 << 10)} {
		if len(bomb) > 2<<20 {
			t.Fatalf("%s: the bomb has %d bytes", encoding, len(bomb))
		}
		content := ingest.Content{Encoding: encoding}
		before := allocated()
		_, err := content.Read(bytes.NewReader(bomb), limit)
		used := allocated() - before
		if code(err) != http.StatusRequestEntityTooLarge || !strings.Contains(err.Error(), "max-ingest-bytes") {
			t.Errorf("%s: %v", encoding, err)
		}
		if used > 3*limit { // all of it, also what was freed meanwhile
			t.Errorf("%s: %d bytes were allocated", encoding, used)
		}
	}
}

// A frame may demand memory before a single byte comes out of it.
func TestAWindowThatIsTooLarge(t *testing.T) {
	frame := zstdBomb(1 << 30)
	before := allocated()
	_, err := ingest.Content{Encoding: "zstd"}.Read(bytes.NewReader(frame), ingest.DefaultMaxBytes)
	if code(err) != http.StatusRequestEntityTooLarge || !strings.Contains(err.Error(), "--long") {
		t.Errorf("the error is %v", err)
	}
	if used := allocated() - before; used > ingest.DefaultMaxBytes {
		t.Errorf("%d bytes were allocated", used)
	}
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(8<<20))
	must(t, err)
	_, err = w.Write(bytes.Repeat([]byte("line\n"), 3<<20/5))
	must(t, err)
	must(t, w.Close())
	if _, err := (ingest.Content{Encoding: "zstd"}).Read(&out, ingest.DefaultMaxBytes); err != nil {
		t.Errorf("the window of zstd -19: %v", err)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// gzipBomb is a gibibyte of zeros: a stretch of 16 MiB, as deflate has it, 64 times over.
func gzipBomb(t *testing.T) []byte {
	var stretch bytes.Buffer
	w, err := flate.NewWriter(&stretch, flate.BestSpeed)
	must(t, err)
	_, err = w.Write(make([]byte, 16<<20))
	must(t, err)
	must(t, w.Flush())
	header := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	return append(header, bytes.Repeat(stretch.Bytes(), 64)...)
}

// zstdBomb is a gibibyte of zeros in blocks of 128 KiB that each say so in 4 bytes.
func zstdBomb(window uint64) []byte {
	exponent := 0
	for 1<<(10+exponent) < window {
		exponent++
	}
	bomb := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, byte(exponent << 3)}
	const size = 128 << 10
	for i := range 1 << 30 / size {
		block := size<<3 | 1<<1 // of one byte, repeated
		if i == 1<<30/size-1 {
			block |= 1
		}
		bomb = append(bomb, byte(block), byte(block>>8), byte(block>>16), 0)
	}
	return bomb
}
