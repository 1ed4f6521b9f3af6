package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/loglane/loglane/internal/app"
)

// checkTime bounds a check as a whole.
const checkTime = time.Minute

type checkCmd struct {
	app.Settings
	app.ConfigFile
	Output string `name:"output" short:"o" enum:"text,json" default:"text" help:"Format: text or json."`
	Strict bool   `name:"strict" help:"Let warnings fail, too."`
}

func (*checkCmd) examples() string {
	return `  loglane check --auth-file users.txt --redis-url redis://127.0.0.1:6379/0
  loglane check --dev && loglane serve --dev
  loglane check --strict -o json     # with the settings in LOGLANE_* variables
It takes the settings of serve, beside a gateway that runs or before. It ends with 0 where
all is well, 1 where something fails (with --strict: or is warned of), 2 where the settings
cannot work.`
}

// Run prints what every check has found.
func (c *checkCmd) Run(t terminal, v *values) error {
	ctx, _, stop := signals()
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	findings, err := app.Examine(ctx, c.Settings, &app.Options{Faults: v.problems()})
	if err != nil {
		return usage(err, "See 'loglane check --help'.")
	}
	v.warnOfStrays(c.Logger(t.err))
	bad := 0
	for _, f := range findings {
		if f.Level == app.Failing || c.Strict && f.Level == app.Warning {
			bad++
		}
	}
	if err := c.print(t.out, findings, bad == 0); err != nil {
		return err
	}
	switch bad {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 of %d checks fails", len(findings))
	default:
		return fmt.Errorf("%d of %d checks fail", bad, len(findings))
	}
}

func (c *checkCmd) print(w io.Writer, findings []app.Finding, ok bool) error {
	if c.Output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(struct {
			OK       bool          `json:"ok"`
			Findings []app.Finding `json:"findings"`
		}{ok, findings})
	}
	for _, f := range findings {
		if _, err := fmt.Fprintln(w, told(f)); err != nil {
			return err
		}
	}
	return nil
}

var levelMarks = map[app.Level]string{app.Fine: "ok", app.Warning: "warn", app.Failing: "FAIL"}

// told is a finding as one line.
func told(f app.Finding) string {
	line := fmt.Sprintf("%-4s  %-10s  %s", levelMarks[f.Level], f.Check, f.Text)
	if f.Mend != "" {
		line += ": " + f.Mend
	}
	return printable(line)
}
