package loglane

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An ID is the place of an entry in its stream: milliseconds of the broker's clock
// and a number within that millisecond. The zero ID is the place before the first.
type ID struct{ Ms, Seq uint64 }

// ParseID reads the form <ms>-<seq>, both decimal without signs or leading zeros.
func ParseID(s string) (ID, error) {
	ms, seq, found := strings.Cut(s, "-")
	id := ID{}
	var okMs, okSeq bool
	id.Ms, okMs = parseUint(ms)
	id.Seq, okSeq = parseUint(seq)
	if !found || !okMs || !okSeq {
		return ID{}, fmt.Errorf("%q is not an entry's id of the form <ms>-<seq>", s)
	}
	return id, nil
}

// String returns the form that [ParseID] reads.
func (id ID) String() string { return string(id.append(nil)) }

func (id ID) append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, id.Ms, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, id.Seq, 10)
}

// IsZero says whether id is the place before a stream's first entry.
func (id ID) IsZero() bool { return id == ID{} }

// latestTime is the end of 9999 in Unix milliseconds.
const latestTime = 253_402_300_799_999

// Time is when the broker took the entry by its clock. Places that another program chose
// may be no times: what is before 1973 or after 9999 is the zero time.
func (id ID) Time() time.Time {
	if id.Ms < 1e11 || id.Ms > latestTime {
		return time.Time{}
	}
	return time.UnixMilli(int64(id.Ms)).UTC()
}

// Less says whether id comes before other.
func (id ID) Less(other ID) bool {
	return id.Ms < other.Ms || (id.Ms == other.Ms && id.Seq < other.Seq)
}

// A Src is the identity of a line across a resend: the same line may get a new place
// after a failover, but keeps its Src. The zero Src is that of a line without a
// producer.
type Src [8]byte

// NewSrc returns the identity of a producer's line: the first 8 bytes of SHA-256 of
// "<producer>:<k>".
func NewSrc(producer string, k uint64) Src {
	sum := sha256.Sum256(strconv.AppendUint(append([]byte(producer), ':'), k, 10))
	return Src(sum[:8])
}

// IsZero says whether the line has no producer.
func (s Src) IsZero() bool { return s == Src{} }

// String returns 11 characters of base64url.
func (s Src) String() string { return base64.RawURLEncoding.EncodeToString(s[:]) }

const (
	epochLen = 11 // 64 bits in base64url
	srcLen   = 11
)

// A Cursor is a place in a channel's stream that survives reconnects, restarts and
// failovers: when it can no longer be honoured exactly, a [Broker] can tell why.
// Its text form is the id of the server-sent event.
type Cursor struct {
	Epoch string // of the channel's numbering, 11 characters of base64url; "" is unknown
	N     uint64 // number of the line within the epoch; 0 where another program wrote it
	ID    ID     // place in the stream
	Src   Src    // identity of the line; zero where it has none
}

// same says whether two cursors are one place. Before a stream's first entry it is the
// number that tells them apart: histories end and begin anew.
func (c Cursor) same(other Cursor) bool {
	return c.ID == other.ID && c.Src == other.Src && (!c.ID.IsZero() || c.N == other.N && c.Epoch == other.Epoch)
}

// ParseCursor reads the form <epoch or 0>.<n or 0>.<ms>-<seq>[.<src>]. It is strict:
// what it accepts is what [Cursor.String] writes.
func ParseCursor(s string) (Cursor, error) {
	fail := func(why string) (Cursor, error) {
		if len(s) > 80 {
			s = s[:80] + "…"
		}
		return Cursor{}, fmt.Errorf("cursor %q %s: send an id as the stream gave it, or 0 for all that is kept", s, why)
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 && len(parts) != 4 {
		return fail("does not have 3 or 4 parts")
	}
	var c Cursor
	if parts[0] != "0" {
		if !validEpoch(parts[0]) {
			return fail("has a malformed epoch")
		}
		c.Epoch = parts[0]
	}
	var ok bool
	if c.N, ok = parseUint(parts[1]); !ok {
		return fail("has a malformed number")
	}
	var err error
	if c.ID, err = ParseID(parts[2]); err != nil {
		return fail("has a malformed place")
	}
	if len(parts) == 4 {
		if c.Src, ok = parseSrc(parts[3]); !ok {
			return fail("has a malformed src")
		}
	}
	return c, nil
}

// String returns the form that [ParseCursor] reads.
func (c Cursor) String() string { return string(c.Append(nil)) }

// Append appends the form that [ParseCursor] reads.
func (c Cursor) Append(dst []byte) []byte {
	if c.Epoch == "" {
		dst = append(dst, '0')
	} else {
		dst = append(dst, c.Epoch...)
	}
	dst = append(dst, '.')
	dst = strconv.AppendUint(dst, c.N, 10)
	dst = append(dst, '.')
	dst = c.ID.append(dst)
	if !c.Src.IsZero() {
		dst = append(dst, '.')
		dst = base64.RawURLEncoding.AppendEncode(dst, c.Src[:])
	}
	return dst
}

func validEpoch(s string) bool {
	if len(s) != epochLen {
		return false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == 8
}

func parseSrc(s string) (Src, bool) {
	if len(s) != srcLen {
		return Src{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 8 || Src(b).IsZero() {
		return Src{}, false
	}
	return Src(b), true
}

// parseUint reads what strconv.AppendUint writes and nothing else.
func parseUint(s string) (uint64, bool) {
	if s == "" || len(s) > 20 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}
