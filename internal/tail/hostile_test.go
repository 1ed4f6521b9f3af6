package tail_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/loglane/loglane/internal/tail"
	"github.com/loglane/loglane/internal/vt"
)

func hostileLines(t *testing.T) (lines []string) {
	t.Helper()
	raw, err := os.ReadFile("../vt/testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus []struct{ Line []byte }
	if err := json.Unmarshal(raw, &corpus); err != nil {
		t.Fatal(err)
	}
	for _, hostile := range corpus {
		lines = append(lines, string(hostile.Line))
	}
	if len(lines) < 300 {
		t.Fatalf("only %d hostile lines", len(lines))
	}
	return lines
}

var rowHead = regexp.MustCompile(`^(\x1b\[90m)?\d\d:\d\d:\d\d|^(\x1b\[90m)?│ `)

// On a terminal tail does no more than print, colour and begin new rows, whatever a gateway
// that filters nothing brings; and it names what a reader would not see.
func TestHostileLinesInATerminal(t *testing.T) {
	for _, line := range hostileLines(t) {
		record, err := json.Marshal(map[string]any{"message": line, "logger": line, "level": line, "context": line, "attrs": map[string]any{line: []any{line, map[string]string{line: line}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range []string{line, string(record)} {
			for _, format := range []tail.Format{tail.FormatText, tail.FormatRaw, tail.FormatJSON} {
				for _, color := range []bool{false, true} {
					var out bytes.Buffer
					v := tail.View{Out: &out, Format: format, Terminal: true, Text: tail.Text{Color: color, Contexts: true}}
					v.Text.SetNow(noon)
					if err := errors.Join(v.Line(tail.Line{ID: "0.0.1767323045000-0", Data: []byte(data)}), v.Flush()); err != nil {
						t.Fatal(err)
					}
					checkTerminal(t, string(format), data, out.String(), color)
				}
			}
		}
	}
}

func checkTerminal(t *testing.T, format, data, shown string, color bool) {
	t.Helper()
	fail := func(what string) {
		t.Helper()
		t.Errorf("%s of %q is %q: it %s", format, data, shown, what)
	}
	parser := ansi.NewParser()
	parser.SetHandler(ansi.Handler{
		Print: func(r rune) {
			if r < 0x20 || 0x7f <= r && r <= 0x9f || vt.Invisible(r) {
				fail("has an unseen character")
			}
		},
		Execute: func(b byte) {
			if b != '\t' && b != '\n' {
				fail("has a control")
			}
		},
		HandleCsi: func(command ansi.Cmd, _ ansi.Params) {
			if command != 'm' || !color {
				fail("has a sequence")
			}
		},
		HandleEsc: func(ansi.Cmd) { fail("has an escape sequence") },
		HandleDcs: func(ansi.Cmd, ansi.Params, []byte) { fail("has a DCS") },
		HandleOsc: func(int, []byte) { fail("has an OSC") },
		HandlePm:  func([]byte) { fail("has a PM") },
		HandleApc: func([]byte) { fail("has an APC") },
		HandleSos: func([]byte) { fail("has an SOS") },
	})
	parser.Parse([]byte(shown))
	if parser.StateName() != "GroundState" {
		fail("ends within a sequence")
	}
	for row := range strings.Lines(shown) {
		row = strings.TrimSuffix(row, "\n")
		if vt.Open([]byte(row)) {
			fail("leaves a colour on")
		}
		if format == string(tail.FormatText) && !rowHead.MatchString(row) {
			fail("has a row that could be another line")
		}
	}
}
