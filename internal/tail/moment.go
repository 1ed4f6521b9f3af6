package tail

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// layouts are what programs write as RFC 3339.
var layouts = []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700"}

// parseMoment reads a timestamp as records carry it.
func parseMoment(text string) (time.Time, bool) {
	text = strings.Replace(strings.ToUpper(text), " ", "T", 1)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// numberedMoment reads a number of seconds, or from 1e11 of milliseconds, from 1e14 of
// microseconds, from 1e17 of nanoseconds.
func numberedMoment(text string) (time.Time, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		switch {
		case n <= 0:
			return time.Time{}, false
		case n >= 1e17:
			return time.Unix(0, n), true
		case n >= 1e14:
			return time.UnixMicro(n), true
		case n >= 1e11:
			return time.UnixMilli(n), true
		default:
			return time.Unix(n, 0), true
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0) {
		return time.Time{}, false
	}
	switch {
	case n >= 1e17:
		n /= 1e9
	case n >= 1e14:
		n /= 1e6
	case n >= 1e11:
		n /= 1e3
	}
	if n >= 1e11 { // still more than any time
		return time.Time{}, false
	}
	seconds, part := math.Modf(n)
	return time.Unix(int64(seconds), int64(part*1e9)), true
}

// rawMoment reads a JSON value.
func rawMoment(raw []byte) (time.Time, bool) {
	if text, ok := rawString(raw); ok {
		return parseMoment(text)
	}
	return numberedMoment(string(bytes.TrimSpace(raw)))
}
