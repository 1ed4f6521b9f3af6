// Command loglane serves each signed-in user their own log lines, live, in a browser.
//
//	loglane demo                                     # a shop, three accounts, no set-up
//	loglane serve --dev                              # this machine only, a sign-in link
//	loglane user add alice --auth-file users.txt     # asks for a password
//	loglane serve --auth-file users.txt --redis-url redis://127.0.0.1:6379/0
//	make 2>&1 | loglane send --user alice            # lines of a pipe
//
// Every setting is a flag, an environment variable and a member of the YAML file that
// --config names; 'loglane serve --help' lists them.
// It ends with 0 when it did what was asked, 1 when something failed while it ran, and 2
// when it was called wrongly or its settings cannot work; 'loglane tail --help' has more.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/loglane/loglane/internal/app"
)

func main() {
	os.Exit(run(os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, program: program()}))
}

// A terminal is where a command reads and writes.
type terminal struct {
	in       *os.File
	out, err io.Writer
	program  string // the path of what runs; "" where that is a test
}

// program is the path of what runs, "" where the system does not tell.
func program() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe" // the same one also once an upgrade has replaced the file
	}
	path, _ := os.Executable()
	return path
}

// cli is the command line. Fields are in the order of the help.
type cli struct {
	Serve       serveCmd       `cmd:"" help:"Serve the log streams and the pages."`
	Demo        demoCmd        `cmd:"" help:"Serve a little shop and its log lines, with accounts made up for it."`
	Check       checkCmd       `cmd:"" help:"Check the settings, the Redis and the ways to a gateway."`
	User        userCmd        `cmd:"" help:"Add, change, list and remove the users of an auth file."`
	Token       tokenCmd       `cmd:"" help:"Make, list and revoke the API tokens of an auth file."`
	Send        sendCmd        `cmd:"" help:"Send what comes in on standard input to a channel, line by line."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a gateway on this machine whether it answers."`
	Completion  completionCmd  `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Tail        tailCmd        `cmd:"" help:"Show a channel's lines, and go on with what comes."`
	Version     versionCmd     `cmd:"" help:"Print the version."`

	Help helpFlag `short:"h" help:"Show help."`
}

// run runs one command and returns the exit code.
func run(args []string, t terminal) int {
	values := newValues()
	err := execute(args, t, values)
	var exit *exitError
	switch {
	case err == nil, errors.Is(err, errHelpShown):
		return 0
	case errors.As(err, new(*usageError)), errors.As(err, new(*app.SettingError)), errors.As(err, new(*configError)):
		tell(t.err, err, values)
		return exitUsage
	case errors.As(err, &exit):
		if exit.cause != nil {
			tell(t.err, err, values)
		}
		return exit.code
	default:
		tell(t.err, err, values)
		return exitFailed
	}
}

func execute(args []string, t terminal, values *values) error {
	parser, err := newParser(&cli{}, t, values)
	if err != nil {
		return fmt.Errorf("the command line cannot be built: %w", err)
	}
	if len(args) > 0 && args[0] == completeVerb {
		return complete(t.out, parser.Model.Node, args[1:])
	}
	if len(args) == 1 && args[0] == app.HashVerb {
		return app.ServeHashes(t.in, t.out)
	}
	ctx, err := parser.Parse(args)
	switch {
	case errors.Is(err, errHelpShown):
		return err
	case err != nil:
		return usage(errors.Join(err, values.problems()), hint(err))
	}
	if err := twice(ctx); err != nil {
		return usage(errors.Join(err, values.problems()), "See '"+ctx.Selected().FullPath()+" --help'.")
	}
	return ctx.Run(t, values)
}

func newParser(c *cli, t terminal, values *values) (*kong.Kong, error) {
	return kong.New(c, append(values.options(),
		kong.Name("loglane"),
		kong.Description("Each signed-in user's own log lines, live, in a browser."),
		kong.Writers(t.out, t.err),
		kong.NoDefaultHelp(),
		kong.Help(helpWithExamples),
		kong.ValueFormatter(values.describe),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
	)...)
}

// A usageError is a fault of how the program was called.
type usageError struct {
	cause error
	hint  string
}

func usage(cause error, hint string) error { return &usageError{cause: cause, hint: hint} }

func (e *usageError) Error() string { return e.cause.Error() }
func (e *usageError) Unwrap() error { return e.cause }

// hint names the help that belongs to a parse error.
func hint(err error) string {
	command := "loglane"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		command = parse.Context.Selected().FullPath()
	}
	return "See '" + command + " --help'."
}

// printable writes a text that came from outside without anything that a terminal would
// obey or hide.
func printable(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteRune(r)
		} else {
			quoted := strconv.Quote(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return b.String()
}

// tell writes an error; of several, each on its own line.
func tell(w io.Writer, err error, values *values) {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = printable(values.placed(line))
	}
	if len(lines) == 1 {
		fmt.Fprintln(w, "loglane:", lines[0])
	} else {
		fmt.Fprintf(w, "loglane: %d things are wrong:\n", len(lines))
		for _, line := range lines {
			fmt.Fprintln(w, "  "+line)
		}
	}
	var called *usageError
	if errors.As(err, &called) && called.hint != "" {
		fmt.Fprintln(w, called.hint)
	}
}
