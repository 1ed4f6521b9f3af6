package tail

import (
	"bytes"
	"encoding/json"
)

// appendJSON appends a line as the gateway's NDJSON has it.
func appendJSON(dst []byte, line Line) []byte {
	dst = append(dst, '{')
	if line.ID != "" {
		dst = append(appendString(append(dst, `"id":`...), line.ID), ',')
	}
	dst = append(dst, `"record":`...)
	data := bytes.ToValidUTF8(line.Data, []byte("\uFFFD"))
	if looksLikeObject(data) && json.Valid(data) {
		dst = append(dst, compact(data)...)
	} else {
		dst = append(appendString(append(dst, `{"message":`...), string(data)), '}')
	}
	return append(dst, '}')
}

// appendGapJSON appends a gap as the gateway's NDJSON has it.
func appendGapJSON(dst []byte, gap Gap) []byte {
	dst = append(dst, `{"event":"gap",`...)
	if gap.ID != "" {
		dst = append(appendString(append(dst, `"id":`...), gap.ID), ',')
	}
	dst = append(dst, `"data":`...)
	if looksLikeObject(gap.Data) && json.Valid(gap.Data) {
		dst = append(dst, bytes.ToValidUTF8(compact(gap.Data), []byte("\uFFFD"))...)
	} else {
		dst = append(dst, `{"reason":"unknown","missed":null}`...)
	}
	return append(dst, '}')
}

// appendString appends a JSON string that leaves <, > and & as they are.
func appendString(dst []byte, text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic("tail: a string that cannot be JSON: " + err.Error())
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
