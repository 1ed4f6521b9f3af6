package tail

import (
	"bytes"
	"encoding/json"

	"github.com/loglane/loglane/internal/jsonscan"
)

// appendJSON appends a line as the gateway's NDJSON has it.
func appendJSON(dst []byte, line Line) []byte {
	dst = append(dst, '{')
	if line.ID != "" {
		dst = append(append(append(dst, `"id":`...), jsonscan.Quote(line.ID)...), ',')
	}
	dst = append(dst, `"record":`...)
	data := bytes.ToValidUTF8(line.Data, []byte("\uFFFD"))
	if jsonscan.LooksLikeObject(data) && json.Valid(data) {
		dst = append(dst, compact(data)...)
	} else {
		dst = append(append(append(dst, `{"message":`...), jsonscan.Quote(string(data))...), '}')
	}
	return append(dst, '}')
}

// appendGapJSON appends a gap as the gateway's NDJSON has it.
func appendGapJSON(dst []byte, gap Gap) []byte {
	dst = append(dst, `{"event":"gap",`...)
	if gap.ID != "" {
		dst = append(append(append(dst, `"id":`...), jsonscan.Quote(gap.ID)...), ',')
	}
	dst = append(dst, `"data":`...)
	if jsonscan.LooksLikeObject(gap.Data) && json.Valid(gap.Data) {
		dst = append(dst, bytes.ToValidUTF8(compact(gap.Data), []byte("\uFFFD"))...)
	} else {
		dst = append(dst, `{"reason":"unknown","missed":null}`...)
	}
	return append(dst, '}')
}
