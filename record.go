package loglane

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/loglane/loglane/internal/jsonscan"
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
	return append(append([]byte(`{"message":`), jsonscan.Quote(string(text))...), '}')
}

// objectRecord returns nil where line is no JSON object.
func objectRecord(line []byte) []byte {
	if !jsonscan.LooksLikeObject(line) {
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
	for m := range jsonscan.Members(compact.Bytes()) {
		if strings.HasPrefix(m.Name, reservedMember) {
			continue
		}
		if len(record) > 1 {
			record = append(record, ',')
		}
		record = append(record, m.Whole...)
	}
	return append(record, '}')
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
	_, message, found := findMessage(record)
	kept := make([]byte, 0, maxLine)
	for m := range jsonscan.Members(record) {
		switch m.Name {
		case "message":
			if !found { // neither text nor a number
				message = string(m.Value)
			}
		case "level", "severity", "levelname", "levelno", "timestamp", "time", "ts", "@timestamp",
			"logger", "name", "pod", "trace_id", "span_id", "context":
			if len(m.Whole) <= shortMember && len(kept)+len(m.Whole) < maxLine/2 {
				kept = append(append(kept, ','), m.Whole...)
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
	return len(jsonscan.Quote(string(r))) - 2
}

// isObject is the cheap check of a record that NewRecord made.
func isObject(record []byte) bool {
	return len(record) >= 2 && record[0] == '{' && record[len(record)-1] == '}'
}
