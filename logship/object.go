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
	"github.com/loglane/loglane/internal/jsonscan"
)

// An object is a JSON object that a line was, member by member.
type object []jsonscan.Member

// parseObject reports false where line is no JSON object. Invalid UTF-8 becomes U+FFFD.
func parseObject(line []byte) (object, bool) {
	if !jsonscan.LooksLikeObject(line) {
		return nil, false
	}
	var compact bytes.Buffer
	if json.Compact(&compact, bytes.ToValidUTF8(line, []byte("\uFFFD"))) != nil {
		return nil, false
	}
	return slices.Collect(jsonscan.Members(compact.Bytes())), true
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
	return object{{Name: "message", Whole: member, Value: member[len(name):]}}
}

// text returns a member's value where it is text or a number, else "". Members of one
// name that differ say nothing: which of them counts is in the eye of the reader.
func (o object) text(name string) (value string) {
	if name == "" {
		return ""
	}
	found := false
	for _, m := range o {
		if m.Name != name {
			continue
		}
		text := textOf(m.Value)
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
	return slices.ContainsFunc(o, func(m jsonscan.Member) bool { return slices.Contains(names, m.Name) })
}

// recordOf makes the record of an object: its members, what they leave open of the level,
// the time, the logger and the pod, and the context that it goes to.
func (o *Options) recordOf(line object, level slog.Level, channelContext string) []byte {
	record := []byte{'{'}
	for _, m := range line {
		if m.Name != "context" && !strings.HasPrefix(m.Name, "_ll") {
			record = append(append(record, m.Whole...), ',')
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
	record = o.clean(append(appendString(append(record, `"context":`...), channelContext), '}'))
	if len(record) > o.MaxLine {
		return loglane.NewRecord(record, o.MaxLine)
	}
	return record
}
