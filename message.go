package loglane

import (
	"bytes"
	"encoding/json"
)

// messageNames are the members that are read as a record's message; the first that has
// one is it.
var messageNames = [...]string{"message", "msg", "body", "event", "log", "short_message"}

// recordMessage returns what a record says: its message, or all of it where no member is
// one. record must be a valid JSON object.
func recordMessage(record []byte) string {
	var found [len(messageNames)][]byte
	for name, value := range topMembers(record) {
		for n, wanted := range messageNames {
			if name == wanted {
				found[n] = value
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
	return unquote(value)
}

// unquote decodes a JSON string, most of which have nothing to decode.
func unquote(value []byte) (string, bool) {
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil
}

// topMembers yields names and values of a valid JSON object, compact or not.
func topMembers(object []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		object = trimSpace(object)
		rest := object[1 : len(object)-1]
		for {
			rest = trimSpace(rest)
			if len(rest) == 0 {
				return
			}
			end := memberEnd(rest)
			member := trimSpace(rest[:end])
			nameEnd := stringEnd(member)
			name, ok := unquote(member[:nameEnd])
			value := trimSpace(trimSpace(member[nameEnd:])[1:])
			if ok && !yield(name, value) {
				return
			}
			rest = rest[min(end+1, len(rest)):]
		}
	}
}

func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

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
