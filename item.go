package loglane

import (
	"bytes"
	"encoding/json"
	"math"
	"sync/atomic"
	"unicode/utf8"

	"github.com/loglane/loglane/internal/jsonscan"
	"github.com/loglane/loglane/internal/sse"
	"github.com/loglane/loglane/internal/vt"
)

type itemKind uint8

const (
	lineItem   itemKind = iota
	lateItem            // a line whose payload went out before its entry was known
	markItem            // only a place: an entry without data, the end of a history
	gapItem             // lines are missing before the next one
	statusItem          // the broker went away or came back
)

// An item is one thing that viewers of a channel are told, encoded once, whoever reads
// it. Items do not change.
type item struct {
	kind   itemKind
	cursor Cursor // with a zero ID where the item has no place of its own
	frame  []byte // what is written to viewers; behind it may lie another's, see inOnePiece
	dataAt int    // where in frame the data lines begin
	text   bool   // the line is no JSON object
	had    int64  // of lateItem: the ring position of the line without a place
	down   bool   // of statusItem

	level    atomic.Int64              // 0 until asked for, then the level + levelOffset, or levelNone
	verdicts atomic.Pointer[[]verdict] // of the patterns that were asked for

	views atomic.Pointer[[]view] // what those see of the line who may not see all
	whole *item                  // of what is seen of a line: the line
	held  holder                 // guarded by the feed
}

const (
	levelOffset = 1 << 32
	levelNone   = math.MinInt64     // it says none
	levelOdd    = math.MinInt64 + 1 // it says one that nobody knows
	// itemOverhead is about what an item costs beyond its frame.
	itemOverhead = 200
)

func (i *item) size() int { return len(i.frame) + itemOverhead }

// placed says whether the item moves a viewer's cursor.
func (i *item) placed() bool { return !i.cursor.ID.IsZero() || i.kind == gapItem || i.kind == markItem }

// findable says whether a viewer who resumes after the item's place gets what follows the
// item. After a gap that has no place of its own it is the broker who knows.
func (i *item) findable() bool {
	return i.placed() && (i.kind != gapItem || !i.cursor.ID.IsZero())
}

// isLine says whether the item is a line of the channel.
func (i *item) isLine() bool { return i.kind == lineItem || i.kind == lateItem }

// An encoder makes items out of what a broker gives.
type encoder struct {
	policy  vt.Policy
	maxLine int
}

// line encodes an entry's data; foreign data may be anything.
func (e encoder) line(cursor Cursor, data []byte, foreign bool) *item {
	if foreign {
		data = e.admit(data)
	}
	text := !jsonscan.LooksLikeObject(data) || !json.Valid(data)
	if text {
		data = e.policy.Text(data)
	} else {
		data = e.policy.JSON(data)
	}
	id := ""
	if !cursor.ID.IsZero() {
		id = cursor.String()
	}
	i := &item{kind: lineItem, cursor: cursor, text: text}
	if id != "" {
		i.dataAt = len("id: ") + len(id) + 1
	}
	i.frame = sse.AppendEvent(make([]byte, 0, i.dataAt+len("data: ")+len(data)+2), "", id, data)
	return i
}

// admit makes foreign data fit to leave the process: valid UTF-8 of bounded length.
func (e encoder) admit(data []byte) []byte {
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	data, _ = CutText(data, e.maxLine)
	return data
}

// entry encodes a history's entry; one without data is only a place.
func (e encoder) entry(entry Entry) *item {
	if entry.Data == nil {
		return newMark(entry.Cursor)
	}
	return e.line(entry.Cursor, entry.Data, entry.Foreign())
}

func newMark(cursor Cursor) *item {
	i := &item{kind: markItem, cursor: cursor}
	i.frame = sse.AppendID(nil, cursor.String())
	return i
}

// newGap tells that lines are missing; after is where the stream goes on.
func newGap(reason string, missed int64, after Cursor) *item {
	data := struct {
		Reason string `json:"reason"`
		Missed *int64 `json:"missed"`
	}{Reason: reason}
	if missed >= 0 {
		data.Missed = &missed
	}
	return newControl(&item{kind: gapItem, cursor: after}, "gap", after.String(), data)
}

func newStatus(down bool) *item {
	data := struct {
		Upstream string `json:"upstream"`
	}{"up"}
	if down {
		data.Upstream = "down"
	}
	return newControl(&item{kind: statusItem, down: down}, "status", "", data)
}

func newControl(i *item, event, id string, data any) *item {
	i.frame = sse.AppendEvent(nil, event, id, eventData(data))
	i.dataAt = bytes.Index(i.frame, []byte("data: "))
	return i
}

// reasonData is what an auth or bye event has.
func reasonData(reason string) []byte {
	return eventData(struct {
		Reason string `json:"reason"`
	}{reason})
}

func pingData(now int64) []byte {
	return eventData(struct {
		T int64 `json:"t"`
	}{now})
}

func eventData(data any) []byte {
	b, err := json.Marshal(data)
	if err != nil {
		panic("loglane: an event that cannot be JSON: " + err.Error())
	}
	return b
}

// payload returns an item's data as they stood before the event stream split them.
func (i *item) payload() []byte {
	lines := bytes.Split(bytes.TrimSuffix(i.frame[i.dataAt:], []byte("\n\n")), []byte("\n"))
	for n := range lines {
		lines[n] = bytes.TrimPrefix(lines[n], []byte("data: "))
	}
	if len(lines) == 1 {
		return lines[0]
	}
	return bytes.Join(lines, []byte("\n"))
}

// record returns a line as a JSON object without line breaks; text becomes {"message":…}.
func (i *item) record() []byte {
	payload := i.payload()
	if i.text {
		return messageRecord(payload)
	}
	return oneLine(payload)
}

// passes says whether a line is of the level or above; one without a level passes.
func (i *item) passes(floor Level) bool {
	known := i.knownLevel()
	return known == levelNone || known == levelOdd || Level(known-levelOffset) >= floor
}

// reaches is passes for a floor that keeps lines from a viewer: one without a level counts as
// INFO, and one whose level nobody knows is below every floor.
func (i *item) reaches(floor Level) bool {
	switch known := i.knownLevel(); known {
	case levelNone:
		return LevelInfo >= floor
	case levelOdd:
		return false
	default:
		return Level(known-levelOffset) >= floor
	}
}

// knownLevel is the level + levelOffset, or one of the constants. It is worked out once,
// whoever asks.
func (i *item) knownLevel() int64 {
	known := i.level.Load()
	if known != 0 {
		return known
	}
	known = levelNone
	if !i.text {
		level, told, named := recordLevel(i.payload())
		switch {
		case told:
			known = int64(level) + levelOffset
		case named:
			known = levelOdd
		}
	}
	i.level.Store(known)
	return known
}
