package loglane

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// DefaultMaxLine bounds a line, in bytes.
const DefaultMaxLine = 64 << 10

// MinMaxLine is the smallest bound of a line that leaves room for a record that says
// what was cut.
const MinMaxLine = 1 << 10

// reservedMember begins the names of members that only Loglane writes.
const reservedMember = "_ll"

// NewRecord makes the record that Loglane stores out of one line: a JSON object is
// compacted and loses its members that begin with "_ll"; anything else becomes
// {"message":…}. Invalid UTF-8 becomes U+FFFD. A record longer than maxLine bytes (0 is
// [DefaultMaxLine]) is cut at a rune boundary and says so. line is not kept.
func NewRecord(line []byte, maxLine int) []byte {
	if maxLine == 0 {
		maxLine = DefaultMaxLine
	}
	line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	record := objectRecord(line)
	if record == nil {
		record = messageRecord(line)
	}
	if len(record) > maxLine {
		return cutRecord(record, maxLine)
	}
	return record
}

func messageRecord(text []byte) []byte {
	return append(append([]byte(`{"message":`), quoteJSON(string(text))...), '}')
}

// quoteJSON leaves <, > and & as they are, unlike json.Marshal: log lines are full of
// them and are read by people.
func quoteJSON(s string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		panic("loglane: a string that cannot be JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// objectRecord returns nil where line is no JSON object.
func objectRecord(line []byte) []byte {
	if !looksLikeObject(line) {
		return nil
	}
	var compact bytes.Buffer
	if json.Compact(&compact, line) != nil {
		return nil
	}
	if !bytes.Contains(compact.Bytes(), []byte(reservedMember)) && !bytes.Contains(compact.Bytes(), []byte(`\u`)) {
		return compact.Bytes()
	}
	record := make([]byte, 1, compact.Len())
	record[0] = '{'
	for name, member := range members(compact.Bytes()) {
		if strings.HasPrefix(name, reservedMember) {
			continue
		}
		if len(record) > 1 {
			record = append(record, ',')
		}
		record = append(record, member...)
	}
	return append(record, '}')
}

// members yields the members of a compact JSON object: the decoded name, and the bytes
// of name and value.
func members(object []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		rest := object[1 : len(object)-1]
		for len(rest) > 0 {
			end := memberEnd(rest)
			member := rest[:end]
			var name string
			if json.Unmarshal(member[:stringEnd(member)], &name) != nil || !yield(name, member) {
				return
			}
			rest = rest[min(end+1, len(rest)):]
		}
	}
}

// memberEnd returns where the first member of a comma-separated list ends.
func memberEnd(list []byte) int {
	depth := 0
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '"':
			i += stringEnd(list[i:]) - 1
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
	return len(list)
}

// stringEnd returns where the JSON string that b begins with ends.
func stringEnd(b []byte) int {
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

// CutText cuts text to at most maxLine bytes at a rune boundary, and says in the text
// how long it was. It returns text itself, and false, where nothing had to be cut.
func CutText(text []byte, maxLine int) ([]byte, bool) {
	if len(text) <= maxLine {
		return text, false
	}
	note := fmt.Sprintf("… [cut, the line had %d bytes]", len(text))
	keep := max(maxLine-len(note), 0)
	for keep > 0 && !utf8.RuneStart(text[keep]) {
		keep--
	}
	return append(bytes.Clone(text[:keep]), note...), true
}

// cutRecord keeps the members that say where a record comes from, as far as they are
// short, and as much of its message as fits.
func cutRecord(record []byte, maxLine int) []byte {
	const shortMember = 128
	var message string
	kept := make([]byte, 0, maxLine)
	for name, member := range members(record) {
		switch name {
		case "message", "msg", "body", "event", "log", "short_message":
			if message == "" {
				message = memberText(member)
			}
		case "level", "severity", "levelname", "levelno", "timestamp", "time", "ts", "@timestamp",
			"logger", "name", "pod", "trace_id", "span_id", "context":
			if len(member) <= shortMember && len(kept)+len(member) < maxLine/2 {
				kept = append(append(kept, ','), member...)
			}
		}
	}
	note := fmt.Sprintf("… [cut, the record had %d bytes]", len(record))
	room := maxLine - len(kept) - len(`{"message":""}`) - len(note)
	text, size := strings.Builder{}, 0
	for _, r := range message {
		if size += quotedSize(r); size > room {
			break
		}
		text.WriteRune(r)
	}
	text.WriteString(note)
	head := messageRecord([]byte(text.String()))
	return append(append(head[:len(head)-1], kept...), '}')
}

// quotedSize is how many bytes a rune takes within a JSON string.
func quotedSize(r rune) int {
	if r >= ' ' && r != '"' && r != '\\' && r != '\u2028' && r != '\u2029' {
		return utf8.RuneLen(r)
	}
	return len(quoteJSON(string(r))) - 2
}

// memberText returns the value of a member as text.
func memberText(member []byte) string {
	value := member[stringEnd(member)+1:]
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

func looksLikeObject(data []byte) bool {
	for _, c := range data {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c == '{'
	}
	return false
}

// isObject is the cheap check of a record that NewRecord made.
func isObject(record []byte) bool {
	return len(record) >= 2 && record[0] == '{' && record[len(record)-1] == '}'
}
