package tail

import (
	"fmt"
	"strings"
	"time"

	"github.com/loglane/loglane/internal/vt"
)

// Timestamps says how a [Text] writes the time of a line.
type Timestamps string

// The kinds of timestamps.
const (
	TimesShort    Timestamps = "short"    // the time of day, with the date unless it is today's
	TimesRFC3339  Timestamps = "rfc3339"  // to the millisecond
	TimesRelative Timestamps = "relative" // how long ago
	TimesNone     Timestamps = "none"
)

// Text writes lines for people: time, level, logger, message, attributes. The zero value
// writes short times in UTC and no colours.
type Text struct {
	Color    bool
	Times    Timestamps
	Zone     *time.Location // nil is UTC
	Contexts bool           // lines say whose they are

	now func() time.Time
}

const (
	resetColor = "\x1b[0m"
	dimColor   = "90"
	gutter     = "│ " // before the further rows of a line, so that none looks like another's
)

var rankColors = map[rank]string{
	rankOther: "34", rankTrace: dimColor, rankDebug: "36", rankInfo: "32",
	rankWarn: "33", rankError: "31", rankFatal: "1;35",
}

// Append appends the line with its line feed. What comes out has no control characters
// but TAB, line feeds and, with Color, the sequences of colours.
func (t *Text) Append(dst []byte, line Line) []byte {
	r := parseRecord(line.Data)
	at := r.time
	if at.IsZero() {
		at = storedAt(line.ID)
	}
	var head []string
	if t.Times != TimesNone {
		head = append(head, t.color(dimColor, t.moment(at)))
	}
	head = append(head, t.level(r.level))
	if r.context != "" && t.Contexts {
		head = append(head, t.color(dimColor, uncolored(r.context)))
	}
	if r.logger != "" {
		head = append(head, t.color(dimColor, uncolored(r.logger)))
	}
	for _, part := range head {
		dst = append(append(dst, part...), ' ')
	}
	dst = t.appendMessage(dst, r.message)
	for i, a := range r.attrs {
		attrs := uncolored(a.key) + "=" + uncolored(a.value)
		if i == 0 && t.Color {
			attrs = "\x1b[" + dimColor + "m" + attrs
		}
		dst = append(append(dst, ' '), attrs...)
	}
	if len(r.attrs) > 0 && t.Color {
		dst = append(dst, resetColor...)
	}
	return append(dst, '\n')
}

// appendMessage appends a row for each line of the message.
func (t *Text) appendMessage(dst []byte, message string) []byte {
	policy := vt.Strip
	if t.Color {
		policy = vt.SGR
	}
	message = strings.TrimSuffix(strings.ReplaceAll(message, "\r\n", "\n"), "\n")
	for i, row := range strings.Split(message, "\n") {
		if i > 0 {
			dst = append(append(dst, '\n'), t.color(dimColor, gutter)...)
		}
		row = visible(policy, row)
		dst = append(dst, row...)
		if strings.Contains(row, "\x1b") { // a colour that was left on ends here
			dst = append(dst, resetColor...)
		}
	}
	return dst
}

func (t *Text) color(color, text string) string {
	if !t.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + resetColor
}

func (t *Text) level(at level) string {
	if at.rank == rankNone {
		return t.color(dimColor, "-    ")
	}
	return t.color(rankColors[at.rank], fmt.Sprintf("%-5s", uncolored(at.word)))
}

func (t *Text) moment(at time.Time) string {
	now, zone := time.Now, time.UTC
	if t.now != nil {
		now = t.now
	}
	if t.Zone != nil {
		zone = t.Zone
	}
	if at.IsZero() {
		return "-"
	}
	at = at.In(zone)
	switch t.Times {
	case TimesRFC3339:
		return at.Format("2006-01-02T15:04:05.000Z07:00")
	case TimesRelative:
		return fmt.Sprintf("%7s", ago(now().Sub(at)))
	}
	today := now().In(zone)
	if at.Year() != today.Year() || at.YearDay() != today.YearDay() {
		return at.Format("2006-01-02 15:04:05")
	}
	return at.Format("15:04:05")
}

// ago writes a time in its largest unit.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + ago(-d)
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
