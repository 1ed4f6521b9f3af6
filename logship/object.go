package logship

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

// An object is a JSON object that a line was, member by member.
type object []objectMember

type objectMember struct {
	name string
	text []byte // name and value, as they are written
	at   int    // where in text the value begins
}

// parseObject reports false where line is no JSON object. Invalid UTF-8 becomes U+FFFD.
func parseObject(line []byte) (object, bool) {
	if start := bytes.TrimLeft(line, " \t\r"); len(start) == 0 || start[0] != '{' {
		return nil, false
	}
	var compact bytes.Buffer
	if json.Compact(&compact, bytes.ToValidUTF8(line, []byte("\uFFFD"))) != nil {
		return nil, false
	}
	var o object
	rest := compact.Bytes()[1 : compact.Len()-1]
	for len(rest) > 0 {
		end := endOfMember(rest)
		m := objectMember{text: rest[:end], at: endOfString(rest) + 1}
		if json.Unmarshal(m.text[:m.at-1], &m.name) != nil {
			return nil, false
		}
		o = append(o, m)
		rest = rest[min(end+1, len(rest)):]
	}
	return o, true
}

// endOfMember returns where the first of compact members ends.
func endOfMember(members []byte) int {
	depth := 0
	for i := 0; i < len(members); i++ {
		switch members[i] {
		case '"':
			i += endOfString(members[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(members)
}

// endOfString returns where the JSON string that b begins with ends.
func endOfString(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// textObject is a line of text as a message. Of its end, cut bytes are not in text.
func textObject(text []byte, cut, maxLine int) object {
	if whole := len(text) + cut; whole > maxLine {
		note := fmt.Sprintf("… [cut, the line had %d bytes]", whole)
		keep := min(len(text), maxLine-len(note))
		for keep > 0 && keep < len(text) && !utf8.RuneStart(text[keep]) {
			keep--
		}
		text = append(bytes.Clone(text[:keep]), note...)
	}
	const name = `"message":`
	member := make([]byte, 0, len(name)+len(text)+8)
	member = appendString(append(member, name...), string(text))
	return object{{name: "message", text: member, at: len(name)}}
}

// text returns a member's value where it is text or a number, else "". Members of one
// name that differ say nothing: which of them counts is in the eye of the reader.
func (o object) text(name string) (value string) {
	if name == "" {
		return ""
	}
	found := false
	for _, m := range o {
		if m.name != name {
			continue
		}
		text := textOf(m.text[m.at:])
		if found && text != value {
			return ""
		}
		value, found = text, true
	}
	return value
}

func textOf(value []byte) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(value, &number) == nil {
		return number.String()
	}
	return ""
}

func (o object) has(names ...string) bool {
	return slices.ContainsFunc(o, func(m objectMember) bool { return slices.Contains(names, m.name) })
}

// recordOf makes the record of an object: its members, what they leave open of the level,
// the time, the logger and the pod, and the context that it goes to.
func (o *Options) recordOf(line object, level slog.Level, channelContext string) []byte {
	record := []byte{'{'}
	for _, m := range line {
		if m.name != "context" && !strings.HasPrefix(m.name, "_ll") {
			record = append(append(record, m.text...), ',')
		}
	}
	if !line.has("level", "severity", "levelname", "levelno", "log.level") {
		record = append(appendLevel(append(record, `"level":`...), level), ',')
	}
	if !line.has("timestamp", "time", "ts", "@timestamp") {
		record = append(appendStamp(append(record, `"timestamp":`...), time.Now()), ',')
	}
	if o.Logger != "" && !line.has("logger", "name") {
		record = append(appendString(append(record, `"logger":`...), o.Logger), ',')
	}
	if o.Pod != "" && !line.has("pod") {
		record = append(appendString(append(record, `"pod":`...), o.Pod), ',')
	}
	record = append(appendString(append(record, `"context":`...), channelContext), '}')
	if len(record) > o.MaxLine {
		return loglane.NewRecord(record, o.MaxLine)
	}
	return record
}
