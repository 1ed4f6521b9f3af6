package loglane

import (
	"errors"
	"fmt"
	"time"
)

// Retention says how much history a channel keeps: Lines and Bytes of the newest lines,
// until TTL has passed since the last one. Zero members mean the default.
type Retention struct {
	Lines int           // default 1,000
	Bytes int           // default 2 MiB
	TTL   time.Duration // default 1 hour; 24 hours for the global channel
}

const (
	defaultHistoryLines = 1000
	defaultHistoryBytes = 2 << 20

	// DefaultHistoryTTL is how long a channel's history lives after its last line.
	DefaultHistoryTTL = time.Hour
	// DefaultGlobalHistoryTTL is the same for the global channel.
	DefaultGlobalHistoryTTL = 24 * time.Hour

	// MetaTTL is how long a broker remembers a channel's numbering after its last line.
	MetaTTL = 7 * 24 * time.Hour
	// ProducerTTL is how long a broker remembers a silent producer's number.
	ProducerTTL = 15 * time.Minute
	// MaxProducers is about how many producers' numbers a broker remembers of one channel. Of
	// more, those that have been silent the longest are forgotten first: refusing the newest
	// would let one sender shut out all others. Who is forgotten with lines on their way may
	// have them stored again, under the same [Src].
	MaxProducers = 1 << 16
)

// WithDefaults fills the zero members; ttl is the default of TTL.
func (r Retention) WithDefaults(ttl time.Duration) Retention {
	if r.Lines == 0 {
		r.Lines = defaultHistoryLines
	}
	if r.Bytes == 0 {
		r.Bytes = defaultHistoryBytes
	}
	if r.TTL == 0 {
		r.TTL = ttl
	}
	return r
}

// Check reports members out of range: at least 1 line, 128 KiB (two lines of the greatest
// length) and 1 second.
func (r Retention) Check() error {
	var errs []error
	if r.Lines < 1 || r.Lines > 10_000_000 {
		errs = append(errs, fmt.Errorf("history lines %d: take 1 to 10,000,000, such as 1000", r.Lines))
	}
	if r.Bytes < 2*DefaultMaxLine {
		errs = append(errs, fmt.Errorf("history bytes %d: take at least %d, such as 2097152", r.Bytes, 2*DefaultMaxLine))
	}
	if r.TTL < time.Second || r.TTL > MetaTTL {
		errs = append(errs, fmt.Errorf("history TTL %v: take 1s to %v, such as 1h", r.TTL, MetaTTL))
	}
	return errors.Join(errs...)
}
