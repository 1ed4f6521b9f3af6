// Package redact takes secrets out of log lines: the values of members whose names say
// that they are secret, and what looks like a known token in any string.
//
//	r, err := redact.New(redact.Options{})
//	record, n := r.Record([]byte(`{"message":"GET /?token=abc1 failed","attrs":{"password":"hunter2"}}`))
//	// {"message":"GET /?token=[redacted] failed","attrs":{"password":"[redacted]"}}, 2
//
// It is a net and not a wall: a secret that nothing gives away passes. A line without one is
// returned as it is, at the price of one look at its bytes.
package redact

import (
	"bytes"
	"regexp"

	"github.com/loglane/loglane/internal/jsonscan"
)

// Mark stands where something was taken out.
const Mark = "[redacted]"

var quotedMark = []byte(`"` + Mark + `"`)

// Options are what a [Redactor] looks for beside what it knows.
type Options struct {
	// Keys are further names whose values are taken out, as Keys says of the known ones. A
	// name with a minus before it is one of those that is not looked for.
	Keys []string
	// Patterns are further tokens: what they match in a string is taken out. They are tried
	// on every string of every line; a match of nothing takes nothing out.
	Patterns []*regexp.Regexp
}

// A Redactor does not change and may be used concurrently. nil takes nothing out.
type Redactor struct {
	keys     keys
	patterns []*regexp.Regexp
}

// New fails with all that is wrong with the keys.
func New(opts Options) (*Redactor, error) {
	keys, err := newKeys(opts.Keys)
	if err != nil {
		return nil, err
	}
	return &Redactor{keys: keys, patterns: opts.Patterns}, nil
}

// Record returns a record without its secrets, and how many were taken out. The record must
// be a valid JSON object; without a secret it is returned as it is, and it is never changed.
func (r *Redactor) Record(record []byte) (clean []byte, n int) {
	if r == nil {
		return record, 0
	}
	var out []byte
	kept := 0 // up to here the record stands in out
	replace := func(from, to int, by []byte, count int) {
		out = append(append(out, record[kept:from]...), by...)
		kept = to
		n += count
	}
	for i := 0; ; {
		quote := bytes.IndexByte(record[i:], '"')
		if quote < 0 {
			break
		}
		start := i + quote
		end := start + jsonscan.StringEnd(record[start:])
		if by, count := r.quoted(record[start:end]); count > 0 {
			replace(start, end, by, count)
		}
		if i = skipSpace(record, end); i == len(record) || record[i] != ':' { // it is a value
			continue
		}
		i = skipSpace(record, i+1)
		if !r.keys.named(record[start:end]) {
			continue
		}
		stop := i + valueEnd(record[i:])
		if secretValue(record[i:stop]) {
			replace(i, stop, quotedMark, 1)
		}
		i = stop
	}
	if n == 0 {
		return record, 0
	}
	return append(out, record[kept:]...), n
}

// Text returns a line that is no record without its secrets, as Record does.
func (r *Redactor) Text(text []byte) (clean []byte, n int) {
	if r == nil {
		return text, 0
	}
	return r.text(text)
}

// quoted cleans a JSON string. What has escapes is looked at as it is read.
func (r *Redactor) quoted(quoted []byte) (clean []byte, n int) {
	inner := quoted[1:max(len(quoted)-1, 1)]
	if bytes.IndexByte(inner, '\\') < 0 {
		if inner, n = r.text(inner); n == 0 {
			return quoted, 0
		}
		return append(append(append(make([]byte, 0, len(inner)+2), '"'), inner...), '"'), n
	}
	text, ok := jsonscan.Unquote(quoted)
	if !ok {
		return quoted, 0
	}
	decoded, n := r.text([]byte(text))
	if n == 0 {
		return quoted, 0
	}
	return jsonscan.Quote(string(decoded)), n
}

// secretValue says whether a value of a secret's name can be one: what is empty, true, false
// or null tells more than it gives away.
func secretValue(value []byte) bool {
	switch string(value) {
	case "", `""`, "{}", "[]", "null", "true", "false":
		return false
	}
	return !bytes.Equal(value, quotedMark)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns where the JSON value ends that b begins with.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += jsonscan.StringEnd(b[i:]) - 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + min(depth, 0) + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}
