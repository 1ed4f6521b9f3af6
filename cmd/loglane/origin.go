package main

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// takeVariables keeps the environment from kong, which reads empty variables too and lets
// every resolver overrule them; Resolve reads it instead.
func (v *values) takeVariables(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			v.variables[flag.Value] = flag.Tag.Envs
			flag.Tag.Envs = nil
		}
		return next(nil)
	})
}

// readFile reads the file that --config or its variable names, where the verb takes one.
func (v *values) readFile(ctx *kong.Context) (err error) {
	for _, path := range ctx.Path {
		for _, flag := range path.Flags {
			if flag.Name != "config" {
				continue
			}
			name, from := v.given(ctx, flag)
			if name == "" {
				return nil
			}
			if from != "" {
				v.from[flag.Name] = from
			}
			v.file, err = readConfig(name, v.table)
			return err
		}
	}
	return nil
}

// given is the value of a flag on the command line, else of its variables.
func (v *values) given(ctx *kong.Context, flag *kong.Flag) (text, from string) {
	for _, path := range ctx.Path {
		if path.Flag == flag {
			text, _ = ctx.FlagValue(flag).(string)
			return text, ""
		}
	}
	return v.variable(flag)
}

// variable is the first variable of a flag that is not empty, and its name.
func (v *values) variable(flag *kong.Flag) (text, from string) {
	for _, name := range v.variables[flag.Value] {
		if text := os.Getenv(name); text != "" {
			return text, "$" + name
		}
	}
	return "", ""
}

// Validate has nothing to add: what is wrong is told with the rest.
func (*values) Validate(*kong.Application) error { return nil }

// Resolve is asked for each flag that the command line does not have.
func (v *values) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if text, from := v.variable(flag); text != "" {
		v.from[flag.Name] = from
		return text, nil
	}
	if m, ok := v.file.members[flag.Name]; ok && !m.none {
		v.from[flag.Name] = v.file.place(m.line)
		return m.text, nil
	}
	return nil, nil
}

// placed adds to an error about a setting where its value comes from. The errors of all
// rooms begin with the setting, and only the command line knows what it was read from.
func (v *values) placed(line string) string {
	name, ok := strings.CutPrefix(line, "--")
	if end := strings.IndexAny(name, "=: "); ok && end > 0 {
		if from := v.from[name[:end]]; from != "" {
			return line + " (from " + from + ")"
		}
	}
	return line
}

// linked are variables that Kubernetes sets for a service named loglane.
var linked = regexp.MustCompile(`^LOGLANE(_[A-Z0-9_]+)?_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_[0-9]+_[A-Z]+(_(PROTO|PORT|ADDR))?)?)$`)

// warnOfStrays logs each variable that looks like a setting and is none.
func (v *values) warnOfStrays(log *slog.Logger) {
	known := []string{"LOGLANE_TOKEN"} // no flag has it: others can read the command lines of processes
	for _, names := range v.variables {
		known = append(known, names...)
	}
	slices.Sort(known)
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "LOGLANE_") || slices.Contains(known, name) || linked.MatchString(name) {
			continue
		}
		attrs := []any{"variable", name}
		if meant := nearest(name, known); meant != "" {
			attrs = append(attrs, "did_you_mean", meant)
		}
		log.Warn("an environment variable looks like a setting and is none: nothing reads it", attrs...)
	}
}
