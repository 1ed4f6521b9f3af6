package tail

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/jsonscan"
)

// A record is a line with its fields, from whatever a program published.
type record struct {
	time    time.Time // zero where it has none
	level   level
	context string
	logger  string
	message string
	attrs   []attr // what else the line carries, in its order
}

type attr struct{ key, value string }

// A member is one of a JSON object.
type member struct {
	name  string
	value json.RawMessage
	used  bool
}

// The names by which members are known; the first that can be read is the one.
var (
	messageNames = []string{"message", "msg", "body", "event", "log", "short_message"}
	levelNames   = []string{"level", "severity", "levelname", "log.level"}
	timeNames    = []string{"timestamp", "time", "ts", "@timestamp"}
	loggerNames  = []string{"logger", "name"}

	// nullable members say nothing where they are null; in others null is data.
	nullable = slices.Concat(messageNames, levelNames, timeNames, loggerNames,
		[]string{"levelno", "pod", "trace_id", "span_id", "context", "attrs"})
)

// parseRecord reads one payload. What is no JSON object with a message is a message as
// it stands.
func parseRecord(data []byte) record {
	members, ok := parseObject(data)
	if !ok {
		return record{message: string(data)}
	}
	var r record
	r.time, _ = take(members, timeNames, rawMoment)
	r.level, ok = take(members, levelNames, rawLevel)
	if !ok {
		r.level, ok = take(members, []string{"levelno"}, pythonLevel)
	}
	if !ok {
		r.level = nestedLevel(members)
	}
	r.logger, _ = take(members, loggerNames, rawText)
	if r.message, ok = take(members, messageNames, rawText); !ok {
		r.message = string(compact(data))
		return r
	}
	r.context, _ = take(members, []string{"context"}, rawText)
	r.attrs = attributes(members)
	return r
}

// parseObject reads the members of a JSON object in their order.
func parseObject(data []byte) ([]member, bool) {
	if !jsonscan.LooksLikeObject(data) || !json.Valid(data) {
		return nil, false
	}
	var members []member
	for m := range jsonscan.Members(data) {
		members = append(members, member{name: m.Name, value: m.Value})
	}
	return members, true
}

// take reads the first of the names that can be read, and uses it up.
func take[T any](members []member, names []string, read func(raw []byte) (T, bool)) (value T, ok bool) {
	for _, name := range names {
		for i, m := range members {
			if m.name != name || m.used {
				continue
			}
			if value, ok = read(m.value); ok {
				members[i].used = true
				return value, true
			}
		}
	}
	return value, false
}

// nestedLevel reads the level as ECS nests it; the member stays an attribute, for it may
// hold more.
func nestedLevel(members []member) level {
	for _, m := range members {
		var log struct{ Level json.RawMessage }
		if m.name == "log" && json.Unmarshal(m.value, &log) == nil && log.Level != nil {
			at, _ := rawLevel(log.Level)
			return at
		}
	}
	return level{}
}

func attributes(members []member) (attrs []attr) {
	for _, m := range members {
		if m.used || string(m.value) == "null" && slices.Contains(nullable, m.name) {
			continue
		}
		if m.name == "attrs" {
			if inner, ok := parseObject(m.value); ok {
				for _, m := range inner {
					attrs = append(attrs, attr{m.name, shown(m.value)})
				}
				continue
			}
		}
		attrs = append(attrs, attr{m.name, shown(m.value)})
	}
	return attrs
}

// shown is a value as it stands after its key: quoted where it would not be told from its
// neighbours.
func shown(raw []byte) string {
	text, ok := rawString(raw)
	switch {
	case !ok:
		return string(compact(raw))
	case text == "" || strings.ContainsAny(text, "\"= \t\r\n"):
		return string(compact(raw))
	}
	return text
}

// rawString reads a JSON string.
func rawString(raw []byte) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var text string
	return text, json.Unmarshal(raw, &text) == nil
}

// rawText reads a JSON value that is neither null nor made of others.
func rawText(raw []byte) (string, bool) {
	if text, ok := rawString(raw); ok {
		return text, true
	}
	if len(raw) == 0 || strings.IndexByte("{[n", raw[0]) >= 0 {
		return "", false
	}
	return string(raw), true
}

// compact is JSON on one line; what is none stays.
func compact(data []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return data
	}
	return b.Bytes()
}

// storedAt is when the gateway's broker stored a line; zero where that is not known.
func storedAt(id string) time.Time {
	c, err := loglane.ParseCursor(id)
	if err != nil || c.ID.Ms == 0 || c.ID.Ms > 1<<47 {
		return time.Time{}
	}
	return time.UnixMilli(int64(c.ID.Ms))
}
