package chaos

import (
	"hash/crc32"

	"github.com/loglane/loglane"
)

// A Sent is a line that a producer has given a number.
type Sent struct {
	K     uint64
	Sum   uint32 // of the record, see [SumOf]
	Acked bool
	// Late says that the producer had sent lines with higher numbers before: it is a note
	// of what a broker has lost for good, and stands where the lines that are sent again
	// begin, which viewers may have been shown.
	Late bool
}

// Foreign is who has sent what another program has stored.
const Foreign = "foreign"

// ForeignK is the number of a line of [Foreign]: its place tells the order.
func ForeignK(id loglane.ID) uint64 { return id.Ms<<20 | id.Seq }

// A Published is what the producers of one channel have sent, each in the order of its
// numbers.
type Published map[string][]Sent

// An Occurrence is the kind of a [Sight].
type Occurrence uint8

// What a viewer is shown.
const (
	Shown Occurrence = iota // a line
	Gap                     // lines are missing here
)

// A Sight is one thing that a viewer was shown.
type Sight struct {
	ID     loglane.ID  // place of a line
	Src    loglane.Src // identity of a line
	Sum    uint32      // of a line's data
	At     int32       // microseconds since the viewer began, for half an hour
	Kind   Occurrence
	Reason Reason // of a gap
}

// A Reason is a gap's, as one byte.
type Reason uint8

// The reasons of gaps.
const (
	NoReason Reason = iota
	Trimmed
	Rewritten
	Epoch
	Expired
	Slow
)

var reasons = [...]string{"", "trimmed", "rewritten", "epoch", "expired", "slow"}

func (r Reason) String() string { return reasons[r] }

// ReasonOf returns the reason of that name, NoReason where there is none.
func ReasonOf(name string) Reason {
	for i, reason := range reasons {
		if reason == name {
			return Reason(i)
		}
	}
	return NoReason
}

// SumOf returns what tells whether a record came whole.
func SumOf(record []byte) uint32 { return crc32.Checksum(record, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
