package ingest

import (
	"bytes"
	"encoding/json"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/jsonscan"
)

// minRecord is what a record may always have beside its context.
const minRecord = 256

// NewRecord makes the record that Loglane stores out of a record's data, as
// [loglane.NewRecord] does, with the member context: the channel that the line goes to,
// whatever the data says. A context that is an object, as some loggers write, becomes attrs
// where there are none.
func NewRecord(data []byte, context string, maxLine int) []byte {
	if maxLine == 0 {
		maxLine = loglane.DefaultMaxLine
	}
	named := append([]byte(`"context":`), jsonscan.Quote(context)...)
	record := withContext(loglane.NewRecord(data, maxLine), context, named)
	if len(record) <= maxLine {
		return record
	}
	return withContext(loglane.NewRecord(data, max(maxLine-len(named)-1, minRecord)), context, named)
}

// withContext puts the named member in place of all that the record has of its name.
func withContext(record []byte, context string, named []byte) []byte {
	if !bytes.Contains(record, []byte(`"context"`)) && !bytes.Contains(record, []byte(`\u`)) {
		return appendMember(record[:len(record)-1], named)
	}
	var object []byte // of a context that is one
	stands, count, attrs := false, 0, false
	for m := range jsonscan.Members(record) {
		switch m.Name {
		case "attrs":
			attrs = true
		case "context":
			var text string
			count++
			stands = json.Unmarshal(m.Value, &text) == nil && text == context
			if m.Value[0] == '{' {
				object = m.Value
			}
		}
	}
	if stands && count == 1 {
		return record
	}
	out := append(make([]byte, 0, len(record)+len(named)+1), '{')
	for m := range jsonscan.Members(record) {
		if m.Name != "context" {
			out = append(appendComma(out), m.Whole...)
		}
	}
	if object != nil && !attrs {
		out = append(append(appendComma(out), `"attrs":`...), object...)
	}
	return appendMember(out, named)
}

// appendMember ends an object that is open.
func appendMember(object, member []byte) []byte {
	return append(append(appendComma(object), member...), '}')
}

func appendComma(object []byte) []byte {
	if len(object) > 1 {
		return append(object, ',')
	}
	return object
}
