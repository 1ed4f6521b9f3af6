package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
	_ "time/tzdata" // --tz is to work in images without zone files

	"golang.org/x/term"

	"github.com/loglane/loglane/internal/tail"
)

type tailCmd struct {
	remote
	User    string `name:"user" placeholder:"NAME" help:"Show this user's channel instead of the own one (role admin)."`
	Channel string `name:"channel" placeholder:"CONTEXT" help:"Show this channel, such as global (role operator) or job_…"`

	Follow   bool      `name:"follow" short:"f" help:"Go on with what comes; it does so anyway."`
	NoFollow bool      `name:"no-follow" help:"End with the last line that is there."`
	Lines    string    `name:"lines" short:"n" aliases:"tail" placeholder:"N" help:"Begin with the last N lines, of at most 1 MiB; 0 is only new ones, all is what is kept (default 10)."`
	Since    sinceFlag `name:"since" placeholder:"TIME" help:"Begin at a time (5m, 2d: so long ago; 2026-01-02T15:04:05Z; a Unix time) or after a line (its id)."`
	Until    string    `name:"until" placeholder:"TIME" help:"End with the last line before a time; implies --no-follow."`

	Level   string   `name:"level" placeholder:"LEVEL" help:"Show this level and above, and lines without one."`
	Include []string `name:"include" short:"i" sep:"none" placeholder:"REGEX" help:"Show lines whose message matches (RE2); repeated: one of them."`
	Exclude []string `name:"exclude" short:"e" sep:"none" placeholder:"REGEX" help:"Hide lines whose message matches, also those of --include."`

	Output     string         `name:"output" short:"o" enum:"text,raw,json" default:"text" placeholder:"text|raw|json" help:"text for people, raw for the records as they were sent, json for one object a line as the HTTP API has it."`
	JSON       bool           `name:"json" help:"Short for -o json."`
	Timestamps timestampsFlag `name:"timestamps" short:"t" help:"Times in text: --timestamps=short (default), rfc3339 (-t alone), relative, none."`
	TZ         string         `name:"tz" default:"local" placeholder:"local|utc|ZONE" help:"Time zone of the times, such as Europe/Berlin."`
	Color      string         `name:"color" enum:"auto,always,never" default:"auto" placeholder:"auto|always|never" help:"Colours; auto is on a terminal, unless $$NO_COLOR is set."`

	Strict      bool          `name:"strict" help:"End with 5 instead of 0 if lines were missing."`
	ExitOn      string        `name:"exit-on" placeholder:"REGEX" help:"End with 0 after the first line shown whose message matches."`
	Timeout     time.Duration `name:"timeout" default:"0s" placeholder:"TIME" help:"End after this time: with 0, or with 1 if --exit-on did not match; 0 never does."`
	MaxRetries  string        `name:"max-retries" placeholder:"N" help:"Tries in a row that may fail before it gives up (default any number; 5 with --no-follow or --until)."`
	NoReconnect bool          `name:"no-reconnect" help:"Short for --max-retries 0."`
	Quiet       bool          `name:"quiet" short:"q" help:"No notices on standard error, of gaps neither; an error that ends it is told still."`
}

func (*tailCmd) examples() string {
	return `  export LOGLANE_URL=https://example.org/logs/ LOGLANE_TOKEN_FILE=~/.loglane-token
  loglane tail                                  # the own channel: the last 10 lines, and what comes
  loglane tail --user alice -n 100 --level warning
  loglane tail --channel global -i 'checkout|payment' -e healthz
  loglane tail --since 15m --no-follow -o json | jq -r .record.message
  loglane tail -n 0 --exit-on '^ready' --timeout 1m --strict     # in a script

It comes back after every loss and goes on where it was. Lines go to standard output, and
what is to be known of them to standard error. It ends with
  0    what was asked for is done, or nobody reads its output any more
  1    the connection is lost (--max-retries), or no gateway answers; --timeout before --exit-on
  2    it was called wrongly, or the gateway does not take a flag's value
  3    not authenticated: no token, or it has ended
  4    forbidden: the token may not read this channel
  5    lines were missing, with --strict
  130  Ctrl-C; 143 with SIGTERM`
}

// Run shows the channel.
func (c *tailCmd) Run(t terminal, v *values) error {
	reader, view, err := c.prepare(t, v, time.Now())
	if err != nil {
		return err
	}
	ctx, stop := endings(t, c.Timeout)
	defer stop()
	return c.outcome(reader.Read(ctx, view), view)
}

// prepare tells all that is wrong with the call at once.
func (c *tailCmd) prepare(t terminal, v *values, now time.Time) (*tail.Reader, *tail.View, error) {
	errs := []error{v.problems()}
	wrong := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", name, err))
		}
	}
	opts := tail.Options{URL: c.URL, User: c.User, Channel: c.Channel, Level: c.Level, Once: c.NoFollow || c.Until != ""}
	var err error
	opts.Start, err = c.start(now)
	errs = append(errs, err)
	if c.Until != "" {
		opts.Until, err = tail.ParseTime(c.Until, now)
		wrong("until", err)
	}
	opts.MaxRetries, err = c.retries()
	wrong("max-retries", err)
	view, err := c.view(t)
	errs = append(errs, err)
	opts.Token, err = c.token()
	errs = append(errs, err)
	reader, err := tail.New(opts)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, nil, usage(err, "See 'loglane tail --help'.")
	}
	if opts.Token != "" && c.exposed() {
		view.Notice("the token travels to " + c.URL + " so that others on the way can read it: use https")
	}
	return reader, view, nil
}

// defaultLines is what tail begins with, as its namesake does.
const defaultLines = 10

// maxLines is the most that the gateway takes.
const maxLines = 1_000_000

func (c *tailCmd) start(now time.Time) (tail.Start, error) {
	switch {
	case c.Lines != "" && (c.Since != "" || c.Until != ""):
		return tail.Start{}, errors.New("--lines does not go with --since and --until: take one of them")
	case c.Since != "":
		start, err := tail.ParseSince(string(c.Since), now)
		if err != nil {
			return tail.Start{}, fmt.Errorf("--since=%s: %w", c.Since, err)
		}
		if c.Until != "" && start.Cursor != "" {
			return tail.Start{}, errors.New("--since with the id of a line does not go with --until: take a time")
		}
		return start, nil
	case c.Until != "":
		return tail.Start{}, nil
	case c.Lines == "all":
		return tail.Start{All: true}, nil
	case c.Lines == "":
		return tail.Start{Lines: defaultLines}, nil
	}
	n, err := strconv.Atoi(c.Lines)
	if err != nil || n < 0 || n > maxLines {
		return tail.Start{}, fmt.Errorf("--lines=%s: take a number from 0 to %d, or all", c.Lines, maxLines)
	}
	return tail.Start{Lines: n}, nil
}

// onceRetries is for callers that wait for an end.
const onceRetries = 5

func (c *tailCmd) retries() (int, error) {
	switch {
	case c.NoReconnect:
		return 0, nil
	case c.MaxRetries != "":
		n, err := strconv.ParseUint(c.MaxRetries, 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number from 0", c.MaxRetries)
		}
		return int(n), nil
	case c.NoFollow || c.Until != "":
		return onceRetries, nil
	}
	return -1, nil
}

func (c *tailCmd) view(t terminal) (*tail.View, error) {
	var errs []error
	compile := func(flag, pattern string) *regexp.Regexp {
		re, err := regexp.Compile(pattern)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s=%s: %w", flag, pattern, err))
		}
		return re
	}
	view := &tail.View{Out: t.out, Format: tail.Format(c.Output), Terminal: isTerminal(t.out)}
	if c.JSON {
		view.Format = tail.FormatJSON
	}
	for _, pattern := range c.Include {
		view.Include = append(view.Include, compile("include", pattern))
	}
	for _, pattern := range c.Exclude {
		view.Exclude = append(view.Exclude, compile("exclude", pattern))
	}
	if c.ExitOn != "" {
		view.ExitOn = compile("exit-on", c.ExitOn)
	}
	if !c.Quiet {
		view.Notices = t.err
	}
	zone, err := c.zone()
	if err != nil {
		errs = append(errs, err)
	}
	view.Text = tail.Text{
		Color: c.colored(view.Terminal), Times: tail.Timestamps(c.Timestamps),
		Zone: zone, Contexts: c.Channel == "global",
	}
	return view, errors.Join(errs...)
}

func (c *tailCmd) zone() (*time.Location, error) {
	switch c.TZ {
	case "local", "":
		return time.Local, nil
	case "utc":
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(c.TZ)
	if err != nil {
		return nil, fmt.Errorf("--tz=%s: no such time zone: take local, utc or one such as Europe/Berlin", c.TZ)
	}
	return zone, nil
}

func (c *tailCmd) colored(terminal bool) bool {
	switch c.Color {
	case "always":
		return true
	case "never":
		return false
	}
	return terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func isTerminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
