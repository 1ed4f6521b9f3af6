package loglane

import (
	"bytes"
	"strings"
	"time"

	"github.com/loglane/loglane/internal/jsonscan"
	"github.com/loglane/loglane/internal/vt"
)

// A historyFormat writes down what a search has found.
type historyFormat interface {
	contentType() string
	head() []byte
	item(*item) []byte
	tail(*search) []byte
}

var historyFormats = []struct {
	name   string
	format historyFormat
}{
	{"ndjson", historyLines{}},
	{"text", historyText{}},
	{"csv", historyTable{}},
}

// historyFormatNamed returns nil where there is none.
func historyFormatNamed(name string) historyFormat {
	for _, f := range historyFormats {
		if f.name == name {
			return f.format
		}
	}
	return nil
}

// historyLines is as the stream's NDJSON; its last line says how far the search has looked.
type historyLines struct{ ndjson }

func (historyLines) head() []byte { return nil }

func (f historyLines) tail(s *search) []byte {
	data := struct {
		Lines   int    `json:"lines"`
		Scanned int    `json:"scanned"`
		Status  string `json:"status"`
		Missed  *int64 `json:"missed"`
		Stopped string `json:"stopped"`
	}{s.lines, s.scanned, s.status.String(), nil, s.stopped}
	if s.missed >= 0 {
		data.Missed = &s.missed
	}
	return f.event("end", s.last.String(), eventData(data))
}

// historyText is as the stream's text, with a note where a search stopped by itself.
type historyText struct{ plainText }

func (historyText) head() []byte { return nil }

func (historyText) tail(s *search) []byte {
	if !s.more || s.stopped == "limit" {
		return nil
	}
	return note("the search stopped here after %d lines (%s)", s.scanned, s.stopped)
}

// historyTable is CSV as RFC 4180 has it, for spreadsheets: every field is quoted, and one
// that would be a formula begins with an apostrophe.
type historyTable struct{}

func (historyTable) contentType() string { return "text/csv; charset=utf-8; header=present" }

func (historyTable) tail(*search) []byte { return nil }

func (historyTable) head() []byte {
	return tableRow("id", "received", "timestamp", "level", "logger", "context", "message", "record")
}

func (historyTable) item(i *item) []byte {
	if !i.isLine() {
		return nil
	}
	received := ""
	if t := i.cursor.ID.Time(); !t.IsZero() {
		received = t.Format(time.RFC3339Nano)
	}
	record := i.record()
	members := make(map[string][]byte)
	for m := range jsonscan.Members(record) {
		members[m.Name] = m.Value
	}
	first := func(names ...string) string {
		for _, name := range names {
			if text, ok := scalarText(members[name]); ok {
				return text
			}
		}
		return ""
	}
	return tableRow(i.cursor.String(), received, first("timestamp", "time", "ts", "@timestamp"),
		first("level", "severity", "levelname", "log.level", "levelno"), first("logger", "name"), first("context"), i.message(), string(record))
}

func tableRow(fields ...string) []byte {
	var row []byte
	for n, field := range fields {
		if n > 0 {
			row = append(row, ',')
		}
		row = append(row, '"')
		row = append(row, strings.ReplaceAll(harmlessField(field), `"`, `""`)...)
		row = append(row, '"')
	}
	return append(row, "\r\n"...)
}

// harmlessField keeps a spreadsheet from taking a line's text for a formula, and shows
// control sequences instead of obeying them.
func harmlessField(field string) string {
	field = string(vt.Strip.Text([]byte(field)))
	rest := strings.TrimLeft(field, " \t\r\n\u00a0\u3000\ufeff")
	if len(rest) < len(field) && strings.ContainsAny(field[:1], "\t\r\n") || strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20", firstRune(rest)) {
		return "'" + field
	}
	return field
}

// firstRune is -1 of an empty text, which is in no set of signs.
func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return -1
}

// answer puts all that was found together.
func (s *search) answer() []byte {
	var b bytes.Buffer
	head, tail := s.req.format.head(), s.req.format.tail(s)
	b.Grow(len(head) + s.size + len(tail))
	b.Write(head)
	for _, written := range s.found {
		b.Write(written)
	}
	b.Write(tail)
	return b.Bytes()
}
