package loglane_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/charmbracelet/x/ansi"
)

// hostileLines are the corpus of package vt.
func hostileLines(t *testing.T) (lines [][]byte) {
	t.Helper()
	raw, err := os.ReadFile("internal/vt/testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus []struct{ Line []byte }
	if err := json.Unmarshal(raw, &corpus); err != nil {
		t.Fatal(err)
	}
	for _, hostile := range corpus {
		lines = append(lines, hostile.Line)
	}
	if len(lines) < 300 {
		t.Fatalf("only %d hostile lines", len(lines))
	}
	return lines
}

// obeyed is what a terminal does with text beyond printing, colours, TAB, CR and LF.
func obeyed(text []byte) (all []string) {
	note := func(what string) { all = append(all, what) }
	parser := ansi.NewParser()
	parser.SetHandler(ansi.Handler{
		Print: func(r rune) {
			if r < 0x20 || 0x7f <= r && r <= 0x9f {
				note("prints a control")
			}
		},
		Execute: func(b byte) {
			if !strings.ContainsRune("\t\r\n", rune(b)) {
				note("executes a control")
			}
		},
		HandleCsi: func(command ansi.Cmd, _ ansi.Params) {
			if command != 'm' {
				note("obeys CSI " + string(command.Final()))
			}
		},
		HandleEsc: func(command ansi.Cmd) { note("obeys ESC " + string(command.Final())) },
		HandleDcs: func(ansi.Cmd, ansi.Params, []byte) { note("obeys DCS") },
		HandleOsc: func(int, []byte) { note("obeys OSC") },
		HandlePm:  func([]byte) { note("obeys PM") },
		HandleApc: func([]byte) { note("obeys APC") },
		HandleSos: func([]byte) { note("obeys SOS") },
	})
	parser.Parse(text)
	if parser.StateName() != "GroundState" {
		note("waits for the end of a sequence")
	}
	return all
}

// Nothing hostile leaves the process, by whatever way it is read.
func TestHostileLinesInEveryFormat(t *testing.T) {
	spellings := map[string]func(line []byte) string{
		"text": func(line []byte) string { return string(line) },
		"JSON": func(line []byte) string {
			record, err := json.Marshal(map[string]any{"message": string(line), "logger": string(line), "attrs": map[string]any{string(line): []string{string(line)}}})
			if err != nil {
				t.Fatal(err)
			}
			return string(record)
		},
	}
	lines := hostileLines(t)
	for name, spell := range spellings {
		t.Run(name, func(t *testing.T) {
			onStage(t, stageOptions{}, func(s *stage) {
				for _, line := range lines {
					s.store(spell(line))
				}
				synctest.Wait()
				for _, accept := range []string{"text/event-stream", "application/x-ndjson", "text/plain"} {
					v := s.open("follow=0", "Accept", accept)
					synctest.Wait()
					checkHarmless(t, accept, v.w.bytes(), len(lines))
				}
				for _, format := range []string{"ndjson", "text", "csv"} {
					found := s.history("limit=1000&format=" + format)
					checkHarmless(t, "history as "+format, []byte(found.body), len(lines))
				}
			})
		})
	}
}

// checkHarmless reads an answer as a terminal does, as a whole and each string that is
// decoded of it.
func checkHarmless(t *testing.T, what string, answer []byte, least int) {
	t.Helper()
	if bad := obeyed(answer); bad != nil {
		t.Errorf("%s: a terminal %q", what, bad)
	}
	rows := 0
	for row := range strings.Lines(string(answer)) {
		rows++
		decoder := json.NewDecoder(strings.NewReader(strings.TrimPrefix(row, "data: ")))
		for token, err := decoder.Token(); err == nil; token, err = decoder.Token() {
			if text, ok := token.(string); ok {
				if bad := obeyed([]byte(text)); bad != nil {
					t.Errorf("%s: a terminal that gets %q %q", what, text, bad)
				}
			}
		}
	}
	if rows < least {
		t.Errorf("%s: only %d rows", what, rows)
	}
}

// In plain text the next line has its own colours.
func TestPlainTextEndsColoursAtEachLine(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("\x1b[31mleft on", "\x1b[1mended\x1b[0m", "\x1b[4mshort end\x1b[m", "plain", "\x1b[41mrows\nof it")
		s.store("\x1b[7mtext\n")
		synctest.Wait()
		want := "\x1b[31mleft on\x1b[0m\n\x1b[1mended\x1b[0m\n\x1b[4mshort end\x1b[m\nplain\n\x1b[41mrows\nof it\x1b[0m\n\x1b[7mtext\x1b[0m\n"
		s.open("follow=0", "Accept", "text/plain").wantBytes(want)
		if got := s.history("format=text").body; got != want {
			t.Errorf("history: %q, want %q", got, want)
		}
	})
}
