package loglane

import (
	"bytes"
	"encoding/json"

	"github.com/loglane/loglane/internal/jsonscan"
)

// messageNames are the members that are read as a record's message; the first that has
// one is it.
var messageNames = [...]string{"message", "msg", "body", "event", "log", "short_message"}

// recordMessage returns what a record says: its message, or all of it where no member is
// one. record must be a valid JSON object.
func recordMessage(record []byte) string {
	var found [len(messageNames)][]byte
	for m := range jsonscan.Members(record) {
		for n, wanted := range messageNames {
			if m.Name == wanted {
				found[n] = m.Value
			}
		}
	}
	for _, value := range found {
		if text, ok := scalarText(value); ok {
			return text
		}
	}
	return string(oneLine(record))
}

// scalarText returns a string's text, and a number or a boolean as it is written.
func scalarText(value []byte) (string, bool) {
	if len(value) == 0 || value[0] == '{' || value[0] == '[' || string(value) == "null" {
		return "", false
	}
	if value[0] != '"' {
		return string(value), true
	}
	return jsonscan.Unquote(value)
}

// oneLine returns JSON without its line breaks: within strings it has none.
func oneLine(data []byte) []byte {
	if bytes.IndexByte(data, '\n') < 0 && bytes.IndexByte(data, '\r') < 0 {
		return data
	}
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return data
	}
	return compact.Bytes()
}

// message returns what a line says, without colours and with LF for its line breaks.
func (i *item) message() string {
	payload := i.payload()
	if i.text {
		return string(payload)
	}
	return recordMessage(payload)
}
