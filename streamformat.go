package loglane

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/loglane/loglane/internal/sse"
	"github.com/loglane/loglane/internal/vt"
)

// A streamFormat writes down what a viewer is told. Where it has nothing for what there
// is to tell, it returns nil.
type streamFormat interface {
	contentType() string
	item(*item) []byte
	mark(Cursor) []byte // only a place
	event(name, id string, data []byte) []byte
	retry(ms int) []byte
	keepalive() []byte
}

// eventStream is the format that browsers read; an item has it already.
type eventStream struct{}

func (eventStream) contentType() string  { return "text/event-stream" }
func (eventStream) item(i *item) []byte  { return i.frame }
func (eventStream) mark(c Cursor) []byte { return sse.AppendID(nil, c.String()) }
func (eventStream) retry(ms int) []byte  { return sse.AppendRetry(nil, ms) }
func (eventStream) keepalive() []byte    { return sse.AppendComment(nil, "keepalive") }
func (eventStream) event(name, id string, data []byte) []byte {
	return sse.AppendEvent(nil, name, id, data)
}

// ndjson is one JSON object a line, with all that the event stream tells.
type ndjson struct{}

func (ndjson) contentType() string { return "application/x-ndjson" }
func (ndjson) retry(int) []byte    { return nil }
func (ndjson) keepalive() []byte   { return []byte("{\"event\":\"keepalive\"}\n") }

func (f ndjson) item(i *item) []byte {
	switch i.kind {
	case markItem:
		return f.mark(i.cursor)
	case gapItem:
		return f.event("gap", i.cursor.String(), i.payload())
	case statusItem:
		return f.event("status", "", i.payload())
	}
	record := i.record()
	line := append(make([]byte, 0, len(record)+96), '{')
	if i.placed() {
		line = append(append(appendMember(line, "id"), i.cursor.String()...), '"', ',')
	}
	line = append(append(line, `"record":`...), record...)
	return append(line, "}\n"...)
}

func (ndjson) mark(c Cursor) []byte {
	return append(append(appendMember([]byte{'{'}, "id"), c.String()...), "\"}\n"...)
}

func (ndjson) event(name, id string, data []byte) []byte {
	line := append(append(appendMember([]byte{'{'}, "event"), name...), '"', ',')
	if id != "" {
		line = append(append(appendMember(line, "id"), id...), '"', ',')
	}
	return append(append(append(line, `"data":`...), data...), "}\n"...)
}

// appendMember begins a member with a string that has nothing to escape.
func appendMember(dst []byte, name string) []byte {
	return append(append(append(dst, '"'), name...), `":"`...)
}

// plainText is messages for people, and a note where lines are missing. It has no places,
// so that nobody can resume from it.
type plainText struct{}

// resetColours ends the colours that a line leaves on, for the next has its own.
const resetColours = "\x1b[0m"

func (plainText) contentType() string { return "text/plain; charset=utf-8" }
func (plainText) mark(Cursor) []byte  { return nil }
func (plainText) retry(int) []byte    { return nil }
func (plainText) keepalive() []byte   { return nil }

func (f plainText) item(i *item) []byte {
	switch i.kind {
	case markItem:
		return nil
	case gapItem:
		return f.event("gap", "", i.payload())
	case statusItem:
		return f.event("status", "", i.payload())
	}
	message := []byte(i.message())
	if bytes.IndexByte(message, '\r') >= 0 {
		message = bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n"))
		message = bytes.ReplaceAll(message, []byte("\r"), []byte("\n"))
	}
	message = bytes.TrimSuffix(message, []byte("\n"))
	if vt.Open(message) {
		message = append(message, resetColours...)
	}
	return append(message, '\n')
}

func (plainText) event(name, _ string, data []byte) []byte {
	var told struct {
		Reason   string
		Missed   *int64
		Upstream string
		Watchers int
	}
	if name == "bulk" || name == "ping" || json.Unmarshal(data, &told) != nil {
		return nil
	}
	switch {
	case name == "gap" && told.Missed == nil:
		return note("lines are missing here (%s)", told.Reason)
	case name == "gap" && *told.Missed == 1:
		return note("1 line is missing here (%s)", told.Reason)
	case name == "gap":
		return note("%d lines are missing here (%s)", *told.Missed, told.Reason)
	case name == "status" && told.Upstream == "down":
		return note("the log store is away, what it has comes once it is back")
	case name == "status":
		return note("the log store is back")
	case name == "watch" && told.Watchers == 0:
		return note("nobody else watches this channel any more")
	case name == "watch":
		return note("others watch this channel: %d", told.Watchers)
	case name == "auth":
		return note("the login has ended (%s)", told.Reason)
	default:
		return note("the stream ends (%s)", told.Reason)
	}
}

func note(format string, args ...any) []byte {
	return fmt.Appendf(nil, "--- "+format+" ---\n", args...)
}
