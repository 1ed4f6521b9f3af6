package ingest

import (
	"fmt"
	"iter"
	"mime"
	"net/http"
	"strings"

	"github.com/loglane/loglane"
)

// A Kind is how the records stand in a body.
type Kind int

// The kinds of a body.
const (
	Text Kind = iota
	NDJSON
	JSON
)

// kinds are the media types that are not lines of text.
var kinds = map[string]Kind{
	"application/json":         JSON,
	"text/json":                JSON,
	"application/ndjson":       NDJSON,
	"application/x-ndjson":     NDJSON,
	"application/jsonl":        NDJSON,
	"application/x-jsonl":      NDJSON,
	"application/jsonlines":    NDJSON,
	"application/x-jsonlines":  NDJSON,
	"application/json-lines":   NDJSON,
	"application/x-json-lines": NDJSON,
}

// refusedTypes would be taken for lines of text, which they are not; the values mend it.
var refusedTypes = map[string]string{
	"application/msgpack":    "let Fluent Bit send with format json",
	"application/x-msgpack":  "let Fluent Bit send with format json",
	"application/protobuf":   "send JSON",
	"application/x-protobuf": "send JSON",
	"multipart/form-data":    "send the lines as the body, such as with curl --data-binary @FILE",
}

// Content is what the headers say of a body.
type Content struct {
	Kind     Kind
	Encoding string // gzip, zstd, or "" for none
}

// ParseContent reads Content-Type and Content-Encoding. It fails with code 415 for what
// cannot be read here, and says what can.
func ParseContent(header http.Header) (Content, error) {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil { // a malformed parameter says nothing of the type
		mediaType, _, _ = strings.Cut(header.Get("Content-Type"), ";")
		mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	}
	if mend, refused := refusedTypes[mediaType]; refused {
		return Content{}, &loglane.StatusError{
			Code:    http.StatusUnsupportedMediaType,
			Message: fmt.Sprintf("Content-Type: %s cannot be read here: %s; NDJSON, a JSON array or object and lines of text are taken", mediaType, mend),
		}
	}
	encoding, err := contentEncoding(header.Values("Content-Encoding"))
	return Content{Kind: kinds[mediaType], Encoding: encoding}, err
}

func contentEncoding(lines []string) (string, error) {
	encoding, count := "", 0
	for item := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		item = strings.ToLower(strings.TrimSpace(item))
		switch item {
		case "", "identity":
			continue
		case "gzip", "x-gzip":
			encoding = "gzip"
		case "zstd":
			encoding = "zstd"
		default:
			return "", encodingError("Content-Encoding: this one cannot be read here")
		}
		count++
	}
	if count > 1 {
		return "", encodingError("Content-Encoding: the body is encoded more than once")
	}
	return encoding, nil
}

func encodingError(why string) error {
	return &loglane.StatusError{Code: http.StatusUnsupportedMediaType, Message: why + "; take gzip, zstd or none"}
}

// A Record is one line or element of a body.
type Record struct {
	Line int    // its number in the body, from 1
	Data []byte // a JSON object, or a line of text; shares the body's memory
	Err  error  // why it cannot be taken; Data is nil then
}

// Records yields the records of a body that Read has returned, in order.
func (c Content) Records(body []byte) iter.Seq[Record] {
	switch c.Kind {
	case NDJSON:
		return objectLines(body)
	case JSON:
		return jsonRecords(body)
	default:
		return textLines(body)
	}
}
