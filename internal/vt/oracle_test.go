package vt_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/loglane/loglane/internal/vt"
)

// obeyed returns everything that a terminal, as charmbracelet/x/ansi reads for one, would
// do with text beyond printing, colours, TAB and new lines.
func obeyed(text []byte) (all []string) {
	report := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	parser := ansi.NewParser()
	parser.SetHandler(ansi.Handler{
		Print: func(r rune) {
			if r < 0x20 || 0x7f <= r && r <= 0x9f {
				report("prints %U", r)
			}
		},
		Execute: func(b byte) {
			if b != '\t' && b != '\n' && b != '\r' {
				report("executes %#x", b)
			}
		},
		HandleCsi: func(command ansi.Cmd, parameters ansi.Params) {
			if command != 'm' { // a packed prefix or intermediate makes it another number
				report("obeys CSI %q %q %q %v", command.Prefix(), command.Intermediate(), command.Final(), parameters)
			}
		},
		HandleEsc: func(command ansi.Cmd) { report("obeys ESC %q", command.Final()) },
		HandleDcs: func(command ansi.Cmd, _ ansi.Params, data []byte) { report("obeys DCS %q %q", command.Final(), data) },
		HandleOsc: func(command int, data []byte) { report("obeys OSC %d %q", command, data) },
		HandlePm:  func(data []byte) { report("obeys PM %q", data) },
		HandleApc: func(data []byte) { report("obeys APC %q", data) },
		HandleSos: func(data []byte) { report("obeys SOS %q", data) },
	})
	parser.Parse(text)
	if state := parser.StateName(); state != "GroundState" {
		report("waits for more in %s", state)
	}
	return all
}

// The oracle must see what it is there for.
func TestOracle(t *testing.T) {
	for _, text := range []string{
		"\x1b[2J", "\x1b[>4m", "\x1b[1 m", "\x1b]0;x\a", "\x1b]8;;http://a\x1b\\", "\x1b]52;c;eA==\a", "\x1bP$qm\x1b\\", "\x1b_x\x1b\\", "\x1b^x\x1b\\",
		"\x1bXx\x1b\\", "\x1bc", "\x1b", "\x1b[3", "\b", "\a", "\x7f", "\u009b2J", "\x9b2J", "\u0085",
	} {
		if obeyed([]byte(text)) == nil {
			t.Errorf("the oracle has nothing against %q", text)
		}
	}
	if bad := obeyed([]byte("a\tb\r\n\x1b[1;38:2::1:2:3mé\U0001f600\x1b[m")); bad != nil {
		t.Errorf("the oracle has %q against colours", bad)
	}
}

// checkObeyed holds what a policy makes of a line against the oracle: as text, and as every
// string that comes out of JSON spelled in the ways of encoders.
func checkObeyed(t *testing.T, p vt.Policy, line []byte) {
	t.Helper()
	if bad := obeyed(p.Text(line)); bad != nil {
		t.Errorf("%v.Text(%q): a terminal %q", p, line, bad)
	}
	objects := spellings(string(line))
	objects = append(objects, nested(line)...)
	for _, object := range objects {
		got := p.JSON([]byte(object))
		if bad := obeyed(got); bad != nil {
			t.Errorf("%v.JSON(%q): a terminal %q", p, object, bad)
		}
		for _, token := range tokens(t, got) {
			if text, ok := token.(string); ok {
				if bad := obeyed([]byte(text)); bad != nil {
					t.Errorf("%v.JSON(%q): a terminal that gets %q %q", p, object, text, bad)
				}
			}
		}
	}
}

// nested puts line deep into attributes, and its halves into members beside each other.
func nested(line []byte) []string {
	half := len(line) / 2
	whole, err := json.Marshal(map[string]any{"message": "m", "attrs": map[string]any{"a": []any{map[string]string{string(line): string(line)}}}})
	if err != nil {
		panic(err)
	}
	split, err := json.Marshal(map[string]any{"message": string(line[:half]), "logger": string(line[half:]), "level": string(line), "context": string(line)})
	if err != nil {
		panic(err)
	}
	return []string{string(whole), string(split)}
}

func FuzzObeyed(f *testing.F) {
	for _, h := range corpus() {
		f.Add(h.Line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, p := range []vt.Policy{vt.SGR, vt.Strip} {
			checkObeyed(t, p, line)
		}
	})
}
