package ingest

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/klauspost/compress/zstd"

	"github.com/loglane/loglane"
)

const (
	// DefaultMaxBytes bounds a body, both as it is sent and decompressed.
	DefaultMaxBytes = 8 << 20

	// maxWindow is what a decoder of Zstandard should at least be able to keep.
	maxWindow = 8 << 20
)

// Read returns a body decompressed. It fails with code 413 once the body is longer than
// limit bytes, and has then read hardly more; with 400 where the body is not what its
// encoding says; and with body's own error. The body as it is sent is bounded by its
// caller.
func (c Content) Read(body io.Reader, limit int) ([]byte, error) {
	sent := &source{reader: body}
	plain, end, err := c.decompress(sent, limit)
	if err != nil {
		return nil, c.readError(sent, err)
	}
	defer end()
	data, err := readUpTo(plain, limit+1)
	switch {
	case len(data) > limit:
		return nil, TooLarge(limit)
	case err != nil:
		return nil, c.readError(sent, err)
	}
	return data, nil
}

// readUpTo reads r to its end, or its first most bytes. Unlike io.ReadAll, it never holds
// twice as many at once.
func readUpTo(r io.Reader, most int) ([]byte, error) {
	data := make([]byte, 0, min(most, 16<<10))
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil || len(data) == most:
			return data, err
		case len(data) == cap(data):
			data = append(make([]byte, 0, grown(cap(data), most)), data...)
		}
	}
}

func (c Content) decompress(body io.Reader, limit int) (plain io.Reader, end func(), err error) {
	switch c.Encoding {
	case "gzip":
		plain, err = gzip.NewReader(body)
		return plain, func() {}, err
	case "zstd":
		decoder, err := zstd.NewReader(body,
			zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(max(maxWindow, limit))))
		if err != nil {
			return nil, nil, err
		}
		return decoder, decoder.Close, nil
	default:
		return body, func() {}, nil
	}
}

func grown(size, most int) int {
	if 3*size >= most {
		return most
	}
	return 2 * size
}

// A source remembers why the body could not be read, to tell that from a body that is
// not what it says.
type source struct {
	reader io.Reader
	err    error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.reader.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (c Content) readError(sent *source, err error) error {
	switch {
	case sent.err != nil:
		return sent.err
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return &loglane.StatusError{
			Code:    http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the body's zstd window is larger than %d bytes: compress without --long and --ultra", maxWindow),
		}
	default:
		return &loglane.StatusError{Code: http.StatusBadRequest, Message: fmt.Sprintf("the body is no whole %s: %v", c.Encoding, err)}
	}
}

// TooLarge is the error of a body of more than limit bytes.
func TooLarge(limit int) error {
	return &loglane.StatusError{
		Code:    http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("the body is larger than %d bytes (max-ingest-bytes; decompressed, too): send less at once", limit),
	}
}
