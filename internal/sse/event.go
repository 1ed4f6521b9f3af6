package sse

import "time"

// Event is a block of a stream: an event in the narrow sense if HasData, else
// an id, a retry or an event name on its own.
type Event struct {
	// Type is the event's name, "message" if the block had none.
	Type string

	// ID is the last event id now in force: this block's, or else that of the
	// last block before it that had one. It is "" at the start of a stream.
	ID string

	// Data is the lines of data joined by LF, with the bytes as they came:
	// invalid UTF-8 is not replaced. It is memory of the [Decoder] and valid
	// until the next call of Next; whoever keeps it must copy it. Type and ID
	// may be kept.
	Data []byte

	// HasData tells empty data from none. A browser fires an event only if it
	// is true.
	HasData bool

	// HasID says that the block itself set ID, be it to "".
	HasID bool

	// Retry is the time to wait before connecting again, a whole number of
	// milliseconds, or -1 if the block does not set it. It is not checked for
	// sense; what does not fit is the longest Duration there is.
	Retry time.Duration
}
