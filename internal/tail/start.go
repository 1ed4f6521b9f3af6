package tail

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

// ParseSince reads where to begin: a time as [ParseTime] reads it, or a cursor, the id of
// a line.
func ParseSince(text string, now time.Time) (Start, error) {
	if text == "0" {
		return Start{All: true}, nil
	}
	if strings.Count(text, ".") >= 2 {
		if _, err := loglane.ParseCursor(text); err != nil {
			return Start{}, err
		}
		return Start{Cursor: text}, nil
	}
	at, err := ParseTime(text, now)
	if err != nil {
		return Start{}, fmt.Errorf("%w, or the id of a line", err)
	}
	return Start{Since: at}, nil
}

// ParseTime reads a time ago such as 90s, 5m or 2d, a time as RFC 3339 has it, or a Unix
// time as records carry it.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if at, ok := parseMoment(text); ok {
		return at, nil
	}
	if at, ok := numberedMoment(text); ok {
		return at, nil
	}
	if d, err := parseAgo(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, errors.New("it is no time: take one such as 5m or 2d (ago), 2026-01-02T15:04:05Z, a Unix time")
}

func parseAgo(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}
