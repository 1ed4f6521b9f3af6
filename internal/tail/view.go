package tail

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/loglane/loglane/internal/vt"
)

// A Format is how a [View] writes lines.
type Format string

// The formats.
const (
	FormatText Format = "text" // for people, as [Text] says
	FormatRaw  Format = "raw"  // the record as it was sent
	FormatJSON Format = "json" // one object a line, as the gateway's NDJSON has it
)

// A View is a [Viewer] that writes: lines to Out, at the latest when all that arrived is
// shown, and what else is to be known to Notices. Neither is closed.
type View struct {
	Out      io.Writer
	Format   Format
	Text     Text
	Terminal bool // Out is a terminal: raw and JSON are made harmless too

	// Include and Exclude are matched with the message; gaps always pass. A line is
	// shown that matches one of Include, if there is any, and none of Exclude.
	Include, Exclude []*regexp.Regexp
	// ExitOn ends reading with [ErrFound] after a line that is shown and matches; nil
	// never does.
	ExitOn *regexp.Regexp

	// Notices is told of gaps, of the connection and of who watches; nil is told nothing.
	Notices io.Writer

	// Gaps is how many gaps were told.
	Gaps int

	buffer []byte
}

// ErrFound ends reading where a line matched what was waited for.
var ErrFound = errors.New("found")

// maxBuffer is what may wait for Flush, in bytes.
const maxBuffer = 64 << 10

var _ Viewer = (*View)(nil)

// Line writes the line, if it is to be shown.
func (v *View) Line(line Line) error {
	var message string
	if len(v.Include)+len(v.Exclude) > 0 || v.ExitOn != nil {
		message = parseRecord(line.Data).message
	}
	matches := func(re *regexp.Regexp) bool { return re.MatchString(message) }
	if len(v.Include) > 0 && !slices.ContainsFunc(v.Include, matches) || slices.ContainsFunc(v.Exclude, matches) {
		return nil
	}
	v.append(line)
	if v.ExitOn != nil && v.ExitOn.MatchString(message) {
		if err := v.Flush(); err != nil {
			return err
		}
		return ErrFound
	}
	return v.flushLong()
}

func (v *View) append(line Line) {
	switch v.Format {
	case FormatJSON:
		v.appendJSON(appendJSON(nil, line))
	case FormatRaw:
		if v.Terminal {
			v.buffer = v.appendHarmless(v.buffer, string(line.Data))
		} else {
			v.buffer = append(v.buffer, line.Data...)
		}
		v.buffer = append(v.buffer, '\n')
	default:
		v.buffer = v.Text.Append(v.buffer, line)
	}
}

func (v *View) appendJSON(json []byte) {
	if v.Terminal {
		json = escaped(json)
	}
	v.buffer = append(append(v.buffer, json...), '\n')
}

// appendHarmless keeps line breaks and, where the view has them, colours.
func (v *View) appendHarmless(dst []byte, data string) []byte {
	policy := vt.Strip
	if v.Text.Color {
		policy = vt.SGR
	}
	for i, row := range strings.Split(data, "\n") {
		if i > 0 {
			dst = append(dst, '\n')
		}
		row = visible(policy, row)
		dst = append(dst, row...)
		if strings.Contains(row, "\x1b") {
			dst = append(dst, resetColor...)
		}
	}
	return dst
}

// Gap tells of the gap; JSON has it among the lines too.
func (v *View) Gap(gap Gap) error {
	v.Gaps++
	if v.Format == FormatJSON {
		v.appendJSON(appendGapJSON(nil, gap))
	}
	if err := v.Flush(); err != nil {
		return err
	}
	v.note("--- " + gapWords(gap) + " ---")
	return nil
}

var gapReasons = map[string]string{
	"trimmed":   "trimmed from history",
	"rewritten": "lost when the broker failed over",
	"epoch":     "the broker lost its data",
	"expired":   "older lines have expired",
	"slow":      "this reader was too slow",
}

func gapWords(gap Gap) string {
	reason := gap.Reason
	if known, ok := gapReasons[reason]; ok {
		reason = known
	}
	switch gap.Missed {
	case -1:
		return "an unknown number of lines is missing here: " + reason
	case 1:
		return "1 line is missing here: " + reason
	default:
		return fmt.Sprintf("%d lines are missing here: %s", gap.Missed, reason)
	}
}

// Watched tells people of those who watch; JSON and raw are for programs.
func (v *View) Watched(others int) {
	if v.Format == FormatJSON || v.Format == FormatRaw {
		return
	}
	words := fmt.Sprintf("%d operators are watching", others)
	switch others {
	case 0:
		words = "no operator is watching any more"
	case 1:
		words = "an operator is watching"
	}
	v.note("--- " + words + " ---")
}

// Notice writes the text on a line of its own.
func (v *View) Notice(text string) { v.note("loglane: " + text) }

func (v *View) note(text string) {
	if v.Notices != nil {
		fmt.Fprintln(v.Notices, uncolored(text)) // nobody is told who does not want to hear
	}
}

func (v *View) flushLong() error {
	if len(v.buffer) < maxBuffer {
		return nil
	}
	return v.Flush()
}

// Flush writes what waits.
func (v *View) Flush() error {
	if len(v.buffer) == 0 {
		return nil
	}
	_, err := v.Out.Write(v.buffer)
	v.buffer = v.buffer[:0]
	return err
}
