package sse

import (
	"bytes"
	"errors"
	"io"
	"math"
	"time"
)

// DefaultMaxEventSize is the bound of a [Decoder] that sets none: 1 MiB.
const DefaultMaxEventSize = 1 << 20

// ErrTooLong is returned by [Decoder.Next] when an event or a single line is
// larger than the decoder's MaxEventSize.
var ErrTooLong = errors.New("sse: event is too long")

// Decoder reads the blocks of one stream, as a browser would. Create it with
// [NewDecoder], set its fields before the first call of Next, and use it from
// one goroutine at a time. It starts none itself, and holds a buffer that grows
// up to about twice MaxEventSize, with as much again for the data of an event.
type Decoder struct {
	// MaxEventSize bounds, in bytes, what has to be held for one event: the
	// data so far, with an LF for each line, and the line being read, without
	// its end. Zero or less means [DefaultMaxEventSize].
	MaxEventSize int

	// OnComment, if not nil, is called by Next for each comment as soon as its
	// line has ended, with the text after the colon and one space. The text
	// may be kept.
	OnComment func(text string)

	lines lines
	event Event // the block being read; its ID outlives it
	seen  bool  // whether a field has taken effect in the block
	data  []byte
	err   error
}

// NewDecoder returns a decoder of the stream r, which it reads in pieces of any
// size, ahead of what Next has returned. Closing r is up to the caller, and is
// how a Next that waits for bytes is ended.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{lines: lines{r: r}}
}

// Next returns the next block in which a field took effect; comments, unknown
// fields, ids with a NUL and retries that are no number do not count. It waits
// until the blank line that ends the block has arrived, but for nothing after
// that, also where the line ends in a CR that an LF may follow.
//
// At the end of the stream it returns io.EOF, and drops a block without its
// blank line. A reader's error comes after the blocks that were complete before
// it, unchanged. [ErrTooLong] says that the stream exceeds MaxEventSize. After
// an error every call returns the same one.
func (d *Decoder) Next() (Event, error) {
	d.begin()
	for d.err == nil {
		line, err := d.lines.next(d.maxEventSize() - len(d.data))
		switch {
		case err != nil:
			d.err = err
		case len(line) > 0:
			d.field(line)
		case d.seen:
			return d.finish(), nil
		}
	}
	return Event{}, d.err
}

func (d *Decoder) maxEventSize() int {
	if d.MaxEventSize <= 0 {
		return DefaultMaxEventSize
	}
	return d.MaxEventSize
}

func (d *Decoder) begin() {
	d.event = Event{ID: d.event.ID, Retry: -1}
	d.data = d.data[:0]
	d.seen = false
}

func (d *Decoder) finish() Event {
	if d.event.Type == "" {
		d.event.Type = "message"
	}
	if d.event.HasData {
		end := len(d.data) - 1 // every line of data ended in LF
		d.event.Data = d.data[:end:end]
	}
	return d.event
}

// field takes in a line that is not empty.
func (d *Decoder) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "":
		if d.OnComment != nil {
			d.OnComment(string(value))
		}
		return
	case "data":
		d.data = append(d.data, value...)
		d.data = append(d.data, '\n')
		d.event.HasData = true
	case "event":
		d.event.Type = string(value)
	case "id":
		if bytes.IndexByte(value, 0) >= 0 {
			return
		}
		d.setID(value)
	case "retry":
		retry, ok := parseRetry(value)
		if !ok {
			return
		}
		d.event.Retry = retry
	default:
		return
	}
	d.seen = true
}

func (d *Decoder) setID(value []byte) {
	d.event.HasID = true
	if string(value) != d.event.ID {
		d.event.ID = string(value)
	}
}

// parseRetry reads milliseconds, written as ASCII digits only.
func parseRetry(value []byte) (time.Duration, bool) {
	const longest = math.MaxInt64 / int64(time.Millisecond)
	var ms int64
	for _, c := range value {
		if c < '0' || '9' < c {
			return 0, false
		}
		if ms <= longest {
			ms = 10*ms + int64(c-'0')
		}
	}
	if ms > longest {
		return math.MaxInt64, true
	}
	return time.Duration(ms) * time.Millisecond, len(value) > 0
}
