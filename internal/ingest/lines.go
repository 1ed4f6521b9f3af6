package ingest

import (
	"bytes"
	"iter"
)

var byteOrderMark = []byte("\uFEFF")

// textLines yields the lines of a text that are not blank.
func textLines(body []byte) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		line := 0
		for text := range bytes.Lines(bytes.TrimPrefix(body, byteOrderMark)) {
			line++
			text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
			if len(bytes.TrimSpace(text)) > 0 && !yield(Record{Line: line, Data: text}) {
				return
			}
		}
	}
}

// objectLines yields a record for each line that is not blank.
func objectLines(body []byte) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for r := range textLines(body) {
			if !yield(objectRecord(r.Line, r.Data)) {
				return
			}
		}
	}
}

func objectRecord(line int, data []byte) Record {
	data = trimJSON(data)
	if err := checkObject(data); err != nil {
		return Record{Line: line, Err: err}
	}
	return Record{Line: line, Data: data}
}

// trimJSON takes away what JSON takes for white space.
func trimJSON(data []byte) []byte { return bytes.Trim(data, " \t\r\n") }
