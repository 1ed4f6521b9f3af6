// Package jsonscan finds the parts of JSON text by their bytes, and leaves them as they
// are written: members keep their order, their numbers and their spelling.
package jsonscan

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf8"
)

const space = " \t\r\n"

// LooksLikeObject is the cheap first look: whether data begins as a JSON object does.
func LooksLikeObject(data []byte) bool {
	start := bytes.TrimLeft(data, space)
	return len(start) > 0 && start[0] == '{'
}

// A Member is one of an object.
type Member struct {
	Name  string // decoded
	Whole []byte // name and value
	Value []byte
}

// Members yields the members of a valid JSON object, compact or not; their bytes are the
// object's own. Of text that is no valid object it may yield anything, or panic.
func Members(object []byte) iter.Seq[Member] {
	return func(yield func(Member) bool) {
		object := bytes.Trim(object, space)
		rest := object[1 : len(object)-1]
		for {
			if rest = bytes.TrimLeft(rest, space); len(rest) == 0 {
				return
			}
			end := memberEnd(rest)
			m := Member{Whole: bytes.TrimRight(rest[:end], space)}
			nameEnd := StringEnd(m.Whole)
			m.Value = bytes.TrimLeft(bytes.TrimLeft(m.Whole[nameEnd:], space)[1:], space)
			name, ok := Unquote(m.Whole[:nameEnd])
			if m.Name = name; ok && !yield(m) {
				return
			}
			rest = rest[min(end+1, len(rest)):]
		}
	}
}

// memberEnd returns the place of the comma or the bracket that ends the member or element
// that b begins with; where none does, the end of b.
func memberEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += StringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// StringEnd returns where the JSON string that b begins with ends; where it does not
// close, the end of b.
func StringEnd(b []byte) int {
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

// Quote returns text as a JSON string. It leaves <, > and & as they are, unlike
// json.Marshal: log lines are full of them and are read by people. Invalid UTF-8 becomes
// U+FFFD.
func Quote(text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic("jsonscan: a string that cannot be JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Unquote decodes a JSON string, most of which have nothing to decode. Invalid UTF-8
// becomes U+FFFD.
func Unquote(quoted []byte) (string, bool) {
	if len(quoted) >= 2 && bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return string(quoted[1 : len(quoted)-1]), true
	}
	var text string
	err := json.Unmarshal(quoted, &text)
	return text, err == nil
}
