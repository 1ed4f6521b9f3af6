package loglane

import (
	"strconv"
	"strings"
)

// streamFormats are what a stream can be, the preferred first.
var streamFormats = []struct {
	kind, subtype string
	format        streamFormat
}{
	{"text", "event-stream", eventStream{}},
	{"application", "x-ndjson", ndjson{}},
	{"text", "plain", plainText{}},
}

// acceptedFormat returns the format that the header Accept wants most; of equals, and
// where it wants none of ours, the first.
func acceptedFormat(accept []string) streamFormat {
	best, most := streamFormats[0].format, 0.0
	for _, f := range streamFormats {
		if q := quality(accept, f.kind, f.subtype); q > most {
			best, most = f.format, q
		}
	}
	return best
}

// quality is how much a media type is wanted: what its most specific range says.
func quality(accept []string, kind, subtype string) float64 {
	q, specific := 0.0, 0
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			media, params, _ := strings.Cut(item, ";")
			how := specificity(strings.ToLower(strings.TrimSpace(media)), kind, subtype)
			if how > specific {
				q, specific = weight(params), how
			}
		}
	}
	return q
}

// specificity says how closely a range names a media type; 0 is not at all.
func specificity(media, kind, subtype string) int {
	switch media {
	case kind + "/" + subtype:
		return 3
	case kind + "/*":
		return 2
	case "*/*":
		return 1
	default:
		return 0
	}
}

// weight reads the parameter q; what cannot be read is as good as none.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
			return q
		}
	}
	return 1
}
