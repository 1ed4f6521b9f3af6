package ingest

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/loglane/loglane/internal/jsonscan"
)

// jsonRecords yields the elements of an array, or the objects that stand one after the
// other.
func jsonRecords(body []byte) iter.Seq[Record] {
	body = trimJSON(bytes.TrimPrefix(body, byteOrderMark))
	first, _, _ := bytes.Cut(body, []byte("\n"))
	switch {
	case len(body) == 0:
		return func(func(Record) bool) {}
	case body[0] == '[':
		return arrayElements(body)
	case checkObject(trimJSON(first)) == nil:
		if len(trimJSON(body[len(first):])) == 0 {
			return objectLines(first)
		}
		return objectLines(body)
	default:
		return objects(body)
	}
}

// arrayElements yields the elements of an array: what stands between its commas. So what
// is wrong within an element is that element's matter alone, as long as its brackets and
// quotes close.
func arrayElements(array []byte) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		at := 1
		if rest := bytes.TrimLeft(array[at:], " \t\r\n"); len(rest) > 0 && rest[0] == ']' {
			at = len(array) - len(rest) + 1
			afterArray(array, at, 1, yield)
			return
		}
		for line := 1; ; line++ {
			end, found := elementEnd(array[at:])
			if !found {
				yield(broken(line, "the array is not closed", at))
				return
			}
			if !yield(objectRecord(line, array[at:at+end])) {
				return
			}
			at += end + 1
			if array[at-1] == ']' {
				afterArray(array, at, line+1, yield)
				return
			}
		}
	}
}

func afterArray(array []byte, at, line int, yield func(Record) bool) {
	if len(trimJSON(array[at:])) > 0 {
		yield(broken(line, "something follows the array", at))
	}
}

// objects yields objects that stand one after the other.
func objects(body []byte) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		at := 0
		for line := 1; ; line++ {
			rest := bytes.TrimLeft(body[at:], " \t\r\n")
			at = len(body) - len(rest)
			if len(rest) == 0 {
				return
			}
			end, found := objectEnd(rest)
			if !found {
				yield(broken(line, "no JSON object that closes", at))
				return
			}
			if !yield(objectRecord(line, rest[:end])) {
				return
			}
			at += end
		}
	}
}

// broken is where a body cannot be read any further.
func broken(line int, why string, at int) Record {
	return Record{Line: line, Err: fmt.Errorf("%s: from byte %d on, the body was not read", why, at)}
}

// elementEnd returns the place of the comma or bracket that ends the element of an array
// that b begins with.
func elementEnd(b []byte) (end int, found bool) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += jsonscan.StringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}':
			depth = max(depth-1, 0)
		case ']':
			if depth == 0 {
				return i, true
			}
			depth--
		case ',':
			if depth == 0 {
				return i, true
			}
		}
	}
	return 0, false
}

// objectEnd returns where the object that b begins with ends.
func objectEnd(b []byte) (end int, found bool) {
	if b[0] != '{' {
		return 0, false
	}
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += jsonscan.StringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
	}
	return 0, false
}
