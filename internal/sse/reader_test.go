package sse_test

import (
	"errors"
	"io"
	"testing"

	"github.com/loglane/loglane/internal/sse"
)

// pieces is a reader that returns one piece a call, whatever the room, and
// counts the calls.
type pieces struct {
	list  []string
	err   error // at the end; nil means io.EOF
	calls int
}

func (p *pieces) Read(b []byte) (int, error) {
	p.calls++
	if len(p.list) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		return 0, io.EOF
	}
	n := copy(b, p.list[0])
	if p.list[0] = p.list[0][n:]; p.list[0] == "" {
		p.list = p.list[1:]
	}
	return n, nil
}

// sized is a reader whose calls return as many bytes as sizes says, over and
// over; the last bytes come together with io.EOF.
type sized struct {
	stream []byte
	sizes  []byte
	call   int
}

func (s *sized) Read(b []byte) (int, error) {
	n := 1
	if len(s.sizes) > 0 {
		n = int(s.sizes[s.call%len(s.sizes)])
	}
	s.call++
	n = copy(b[:min(n, len(b))], s.stream)
	s.stream = s.stream[n:]
	if len(s.stream) == 0 {
		return n, io.EOF
	}
	if n == 0 {
		n = copy(b[:1], s.stream) // io.Reader discourages empty reads
		s.stream = s.stream[n:]
	}
	return n, nil
}

// decodeAll reads blocks and comments up to the end of the stream.
func decodeAll(t *testing.T, r io.Reader) (blocks []block, comments []string) {
	t.Helper()
	d := sse.NewDecoder(r)
	d.OnComment = func(text string) { comments = append(comments, text) }
	for {
		e, err := d.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("Next: %v", err)
			}
			return blocks, comments
		}
		blocks = append(blocks, toBlock(e))
	}
}

func toBlock(e sse.Event) block {
	return block{
		Type: e.Type, ID: e.ID, Data: string(e.Data),
		HasData: e.HasData, HasID: e.HasID, Retry: e.Retry,
	}
}
