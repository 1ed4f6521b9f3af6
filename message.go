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
	if _, text, found := findMessage(record); found {
		return text
	}
	return string(oneLine(record))
}

// messageMember returns the name of the member that is read as a record's message, "" where
// none is.
func messageMember(record []byte) string {
	name, _, _ := findMessage(record)
	return name
}

func findMessage(record []byte) (name, text string, found bool) {
	var values [len(messageNames)][]byte
	for m := range jsonscan.Members(record) {
		for n, wanted := range messageNames {
			if m.Name == wanted {
				values[n] = m.Value
			}
		}
	}
	for n, value := range values {
		if text, ok := scalarText(value); ok {
			return messageNames[n], text, true
		}
	}
	return "", "", false
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
