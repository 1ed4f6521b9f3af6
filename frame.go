package loglane

import (
	"bytes"
	"strconv"
	"strings"
)

// A Frame is a line as it is published: the record with one first member that says where
// the line stands. Its text form, which every client can read as plain JSON, is
//
//	{"_ll":"1 <epoch>.<n>.<ms>-<seq> <prev ms-seq> <producer>:<k>",<the record's members>}
//
// Whether a frame is to be believed is the reader's to judge: it must chain, that is be
// of the epoch that the reader follows and name the entry before it.
type Frame struct {
	Entry
	Producer string
	K        uint64
}

const (
	frameStart = `{"_ll":"1 `
	// maxFrameHead bounds what stands before the record's members: epoch, three numbers
	// of up to 20 digits twice over, a producer's name and its number.
	maxFrameHead = 256
)

// Append appends the frame's text form to dst. The record must be a JSON object.
func (f Frame) Append(dst []byte) []byte {
	dst = append(dst, frameStart...)
	dst = append(dst, f.Cursor.Epoch...)
	dst = append(dst, '.')
	dst = strconv.AppendUint(dst, f.Cursor.N, 10)
	dst = append(dst, '.')
	dst = f.Cursor.ID.append(dst)
	dst = append(dst, ' ')
	dst = f.Prev.append(dst)
	dst = append(dst, ' ')
	dst = append(dst, f.Producer...)
	dst = append(dst, ':')
	dst = strconv.AppendUint(dst, f.K, 10)
	dst = append(dst, '"')
	if len(f.Data) > 2 {
		dst = append(dst, ',')
	}
	return append(dst, f.Data[1:]...)
}

// ParseFrame reads a frame by position. It is strict: what it accepts is what
// [Frame.Append] writes, and everything else is a foreign payload. The record gets its
// own bytes, payload is not kept.
func ParseFrame(payload []byte) (Frame, bool) {
	f, members, ok := parseHead(payload)
	if !ok {
		return Frame{}, false
	}
	f.Cursor.Src = NewSrc(f.Producer, f.K)
	f.Data = append(make([]byte, 0, len(members)+1), '{')
	f.Data = append(f.Data, members...)
	return f, true
}

// FrameID returns the place of a frame, at less cost than [ParseFrame], which accepts the
// same payloads.
func FrameID(payload []byte) (ID, bool) {
	f, _, ok := parseHead(payload)
	return f.Cursor.ID, ok
}

// parseHead reads what stands before the record's members.
func parseHead(payload []byte) (f Frame, members []byte, ok bool) {
	if len(payload) < len(frameStart) || string(payload[:len(frameStart)]) != frameStart || payload[len(payload)-1] != '}' {
		return Frame{}, nil, false
	}
	window := payload[len(frameStart):min(len(payload), maxFrameHead)]
	end := bytes.IndexByte(window, '"')
	if end < 0 {
		return Frame{}, nil, false
	}
	if f, ok = parseFrameHead(string(window[:end])); !ok {
		return Frame{}, nil, false
	}
	members = payload[len(frameStart)+end+1:]
	switch {
	case len(members) == 1:
		return f, members, true
	case members[0] == ',' && len(members) > 2:
		return f, members[1:], true
	default:
		return Frame{}, nil, false
	}
}

func parseFrameHead(head string) (Frame, bool) {
	place, rest, ok1 := strings.Cut(head, " ")
	prev, producer, ok2 := strings.Cut(rest, " ")
	if !ok1 || !ok2 {
		return Frame{}, false
	}
	epoch, numbers, ok1 := strings.Cut(place, ".")
	n, id, ok2 := strings.Cut(numbers, ".")
	if !ok1 || !ok2 || !validEpoch(epoch) {
		return Frame{}, false
	}
	f := Frame{}
	var err1, err2 error
	f.Cursor.Epoch = epoch
	f.Cursor.N, ok1 = parseUint(n)
	f.Cursor.ID, err1 = ParseID(id)
	f.Prev, err2 = ParseID(prev)
	name, k, ok2 := strings.Cut(producer, ":")
	var ok3 bool
	f.K, ok3 = parseUint(k)
	f.Producer = name
	if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil ||
		f.Cursor.N == 0 || f.K == 0 || !ValidProducer(name) || !f.Prev.Less(f.Cursor.ID) {
		return Frame{}, false
	}
	return f, true
}

// NewEpoch returns the name of a fresh numbering: the text form of 64 random bits.
func NewEpoch() string { return randomName(8) }

// NewProducer returns the name of a fresh producer: the text form of 96 random bits.
func NewProducer() string { return randomName(12) }
