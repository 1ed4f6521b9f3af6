package loglane

import (
	"context"
	"errors"
	"fmt"
)

// Limits of one [Batch].
const (
	MaxBatchLines = 128
	MaxBatchBytes = 256 << 10
)

// A Broker keeps the channels. Its methods may be called concurrently.
//
// Channels are named as [ChannelName] and [Template.Channel] name them.
type Broker interface {
	// Append stores and publishes a batch of one producer, in order. The receipt
	// says what is stored. A [*RefusedError] names the number to go on from and
	// means that nothing was written; any other error leaves it open whether the
	// batch was stored: send it again as it is, what is stored already is dropped.
	Append(ctx context.Context, channel string, b Batch) (Receipt, error)

	// Read returns at most limit entries, oldest first, and how the cursor stands.
	// It fails with an error that is [ErrUnavailable] while the broker is away.
	Read(ctx context.Context, channel string, from From, limit int) (Page, error)

	// Follow reports [Confirmed] (now, and after every reconnect), [Lines], [Broken]
	// and [Expired], serially for one call, until stop has returned. It costs no
	// goroutine per channel. emit must neither block nor call the broker; bytes
	// may be kept and must not be changed.
	Follow(channel string, emit func(Event)) (stop func())
}

// ErrUnavailable is what a broker's errors are while it cannot be reached.
var ErrUnavailable = errors.New("broker unavailable")

// A Line is a record on its way into a channel.
type Line struct {
	K      uint64 // number within the producer, from 1, rising over all its channels
	Record []byte // as [NewRecord] makes it; not to be changed after
}

// A Batch is a run of lines of one producer for one channel. It may be without lines:
// that only says what After says.
type Batch struct {
	Producer string // 1 to 64 of [0-9A-Za-z_-], unique to one run of a program
	After    uint64 // number of the last acknowledged line that the producer still keeps for this channel; 0 claims nothing
	Lines    []Line // K rising; at most MaxBatchLines and MaxBatchBytes
}

// A Receipt says what became of a batch.
type Receipt struct {
	K          uint64 // the producer's highest number that the channel has
	Stored     int    // lines stored now
	Duplicates int    // lines that were stored before, and dropped now
}

// A RefusedError says that the broker lost lines it had acknowledged: a batch claimed
// that all up to Batch.After is stored, and it is not. Nothing was written. The producer
// sends what it still keeps of this channel above After again; its next batch claims no
// more than After.
type RefusedError struct {
	Channel string
	After   uint64 // the producer's highest number that the channel has
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("channel %s has this producer's lines only up to number %d: send the later ones again", e.Channel, e.After)
}

// Check reports what is wrong with a batch that no broker may take.
func (b Batch) Check() error {
	if !ValidProducer(b.Producer) {
		return fmt.Errorf("producer %q: a producer's name is 1 to 64 of [0-9A-Za-z_-]", b.Producer)
	}
	if len(b.Lines) > MaxBatchLines {
		return fmt.Errorf("a batch of %d lines: at most %d are allowed", len(b.Lines), MaxBatchLines)
	}
	size, k := 0, uint64(0)
	for _, l := range b.Lines {
		if l.K <= k {
			return fmt.Errorf("line number %d after %d: a producer's numbers begin at 1 and rise", l.K, k)
		}
		if l.K > MaxNumber {
			return fmt.Errorf("line number %d: at most %d is allowed", l.K, uint64(MaxNumber))
		}
		if !isObject(l.Record) {
			return fmt.Errorf("line number %d is no JSON object: make records with NewRecord", l.K)
		}
		k, size = l.K, size+len(l.Record)
	}
	if size > MaxBatchBytes && len(b.Lines) > 1 {
		return fmt.Errorf("a batch of %d bytes: at most %d are allowed", size, MaxBatchBytes)
	}
	return nil
}

// MaxNumber is the highest number of a line. Redis scripts count in float64, which is
// exact up to here.
const MaxNumber = 1<<53 - 1

// ValidProducer says whether name is 1 to 64 of [0-9A-Za-z_-].
func ValidProducer(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// An Entry is a record with its place.
type Entry struct {
	Cursor Cursor // N is 0 where another program wrote the entry
	Prev   ID     // place of the entry before it; known only where Loglane wrote it
	Data   []byte // the record or a foreign payload as stored; nil where the entry has no data to show
}

// Foreign says whether another program than Loglane wrote the entry.
func (e Entry) Foreign() bool { return e.Cursor.N == 0 }

// From says where [Broker.Read] begins. Its values come from [After], [Before], [Last]
// and [Oldest].
type From struct {
	Kind   FromKind
	Cursor Cursor // of FromAfter and FromBefore
	N      int    // of FromLast

	// Follower says that the caller follows the channel too, and takes in all that the page
	// tells: entries up to its tail need not be reported to followers any more. What anybody
	// else reads is still reported.
	Follower bool
}

// FromKind is the kind of a [From].
type FromKind uint8

// The kinds of a [From].
const (
	FromOldest FromKind = iota
	FromAfter
	FromBefore
	FromLast
)

// After reads forward from the entry after c, and judges how c stands. Where c does not
// stand, the page begins at the oldest entry that is kept.
func After(c Cursor) From { return From{Kind: FromAfter, Cursor: c} }

// Before reads the entries just before c; the status is always [OK].
func Before(c Cursor) From { return From{Kind: FromBefore, Cursor: c} }

// Last reads the last n entries; the status is always [OK].
func Last(n int) From { return From{Kind: FromLast, N: n} }

// Oldest reads forward from the oldest entry that is kept; the status is always [OK].
func Oldest() From { return From{Kind: FromOldest} }

// A Page is what [Broker.Read] returns.
type Page struct {
	Entries []Entry // oldest first
	More    bool    // further entries follow: newer ones for After and Oldest, older ones for Before and Last
	Status  Status  // how the cursor of After stands
	Missed  int64   // with a status that is not OK: how many lines are missing; -1 is unknown
	Epoch   string  // the channel's; "" is unknown
	Floor   Cursor  // the place just before the oldest entry that is kept, as far as known
	Tail    Cursor  // the place of the last entry; with a zero ID where the stream is empty
	Now     uint64  // the broker's clock, Unix milliseconds
}

// An EventKind is the kind of an [Event].
type EventKind uint8

// The kinds of an [Event].
const (
	// Confirmed: what is published from here on will be reported.
	Confirmed EventKind = iota + 1
	// Lines: Payloads were published.
	Lines
	// Broken: lines may have been missed. With Err the broker is away, and Confirmed
	// will follow; without it one Read mends it.
	Broken
	// Expired: the history ended at its appointed time, and all of it was reported.
	Expired
)

// An Event is what [Broker.Follow] reports of one channel.
type Event struct {
	Kind     EventKind
	Payloads [][]byte // of Lines: frames and foreign payloads as published, in order
	Err      error    // of Broken
}
