package sse

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// AppendEvent appends one event to dst and returns the extended slice: the
// lines event, id and data, in this order, and a blank line.
//
// Without an event name ("") the reader sees an event of type "message";
// without an id ("") it keeps the id it had. Both are words of our own, never
// user data: AppendEvent panics if the name is not made of the letters a to z
// or the id is not a [ValidID].
//
// Data is split at LF, CR and CRLF and nowhere else; a reader gets LF for each
// of them and every other byte as it was. Empty data is an event with empty
// data, and a line break at the end is kept. Invalid UTF-8 is written as it is,
// and becomes U+FFFD in readers that decode.
//
// Nothing is allocated if dst has room. The function does not keep data.
func AppendEvent(dst []byte, event, id string, data []byte) []byte {
	if event != "" {
		dst = append(dst, "event: "...)
		dst = append(dst, mustName(event)...)
		dst = append(dst, '\n')
	}
	if id != "" {
		dst = appendIDLine(dst, id)
	}
	dst = appendData(dst, data)
	return append(dst, '\n')
}

// AppendID appends a block that moves a reader's last event id to id without
// an event. It panics unless id is a [ValidID]; the empty one is not, for it
// would make the reader forget its place.
func AppendID(dst []byte, id string) []byte {
	dst = appendIDLine(dst, id)
	return append(dst, '\n')
}

// AppendRetry appends a block that sets the time after which a reader connects
// again, in milliseconds. It panics if ms is negative.
func AppendRetry(dst []byte, ms int) []byte {
	if ms < 0 {
		panic(fmt.Sprintf("sse: negative retry of %d ms", ms))
	}
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, int64(ms), 10)
	return append(dst, "\n\n"...)
}

// AppendComment appends a comment and a blank line, which readers ignore and
// which keeps proxies from taking the stream for dead. Each CR, LF and CRLF in
// text becomes a space, so a comment is always one line.
func AppendComment(dst []byte, text string) []byte {
	dst = append(dst, ": "...)
	for {
		i := strings.IndexAny(text, "\r\n")
		if i < 0 {
			break
		}
		dst = append(dst, text[:i]...)
		dst = append(dst, ' ')
		if strings.HasPrefix(text[i:], "\r\n") {
			i++
		}
		text = text[i+1:]
	}
	dst = append(dst, text...)
	return append(dst, "\n\n"...)
}

func appendIDLine(dst []byte, id string) []byte {
	if !ValidID(id) {
		panic(fmt.Sprintf("sse: invalid event id %.200q", id))
	}
	dst = append(dst, "id: "...)
	dst = append(dst, id...)
	return append(dst, '\n')
}

// appendData writes one field per line of data. The space after the colon is
// what lets data that begins with a space keep it.
func appendData(dst, data []byte) []byte {
	for {
		size, end := lineSize(data)
		dst = append(dst, "data: "...)
		dst = append(dst, data[:size]...)
		dst = append(dst, '\n')
		if end == 0 {
			return dst
		}
		data = data[size+end:]
	}
}

// lineSize returns the length of the line that p begins with and that of the
// line break after it, 0 at the end of p.
func lineSize(p []byte) (size, end int) {
	size = bytes.IndexAny(p, "\r\n")
	switch {
	case size < 0:
		return len(p), 0
	case bytes.HasPrefix(p[size:], crlf):
		return size, 2
	}
	return size, 1
}

var crlf = []byte("\r\n")

func mustName(event string) string {
	for i := range len(event) {
		if event[i] < 'a' || 'z' < event[i] {
			panic(fmt.Sprintf("sse: invalid event name %.200q", event))
		}
	}
	return event
}
