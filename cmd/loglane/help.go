package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// errHelpShown ends the parsing once the help is out.
var errHelpShown = errors.New("help was shown")

// A helpFlag prints help before anything else of the command line is judged.
type helpFlag bool

// BeforeReset is called by kong where the flag is given.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelpShown
}

// An exampler has examples for the beginning of its help.
type exampler interface{ examples() string }

func helpWithExamples(options kong.HelpOptions, ctx *kong.Context) error {
	if e, ok := target(ctx).(exampler); ok && !options.Summary {
		if _, err := fmt.Fprintf(ctx.Stdout, "Examples:\n%s\n\n", e.examples()); err != nil {
			return err
		}
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// describe is a flag's help with its default and its environment variables.
func (v *values) describe(value *kong.Value) string {
	var notes []string
	if value.HasDefault && value.Default != "" {
		notes = append(notes, "default "+value.Default)
	}
	for _, env := range v.variables[value] {
		notes = append(notes, "$"+env)
	}
	if len(notes) == 0 {
		return value.Help
	}
	return value.Help + " (" + strings.Join(notes, ", ") + ")"
}

// target is the command that the help is about.
func target(ctx *kong.Context) any {
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	return node.Target.Addr().Interface()
}

func (*cli) examples() string {
	return `  loglane demo
  loglane serve --dev
  loglane user add alice --auth-file users.txt
  loglane serve --auth-file users.txt
  loglane serve --auth-file users.txt --redis-url redis://127.0.0.1:6379/0
  make 2>&1 | loglane send --user alice`
}
