package logship

import (
	"context"
	"fmt"
	"time"

	"github.com/loglane/loglane"
)

// A Sink takes batches of lines, as [loglane.Broker] says of its Append; every Broker is
// one, and a [Gateway]. It is called concurrently, for one channel by one call at a time.
//
// A Sink may be a [GlobalCopier] and [Timed] too. Its errors may be a [*RejectedError],
// and [Delayed].
type Sink interface {
	Append(ctx context.Context, channel string, b loglane.Batch) (loglane.Receipt, error)
}

// A GlobalCopier is a [Sink] that may bring lines to the global channel itself. If it
// does, a line is sent to its own channel only, and numbers are consecutive within one
// channel instead of rising over all of them; its answer must not change.
type GlobalCopier interface{ CopiesGlobal() bool }

// A Timed [Sink] says how long a call of it may take; the usual bound is 5 s.
type Timed interface{ Timeout() time.Duration }

// A Delayed error of a [Sink] says how long to wait, at least, before the next try. More
// than a minute is not waited.
type Delayed interface {
	error
	RetryAfter() time.Duration
}

// A RejectedError says that a [Sink] will never take some lines of a batch, and has
// stored all others.
type RejectedError struct {
	Channel string
	Lines   []RejectedLine // in the order of K
}

// A RejectedLine is a line that a [Sink] will never take.
type RejectedLine struct {
	K      uint64 // its number
	Reason string
}

func (e *RejectedError) Error() string {
	text := fmt.Sprintf("%s: %s rejected", e.Channel, countLines(uint64(len(e.Lines))))
	if len(e.Lines) > 0 {
		text += ": " + e.Lines[0].Reason
	}
	return text
}
