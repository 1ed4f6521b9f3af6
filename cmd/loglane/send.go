package main

import (
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/loglane/loglane/internal/send"
)

type sendCmd struct {
	remote
	User     string        `name:"user" placeholder:"NAME" help:"Send to this user's channel."`
	Channel  string        `name:"channel" placeholder:"CONTEXT" help:"Send to the channel of this context, such as job_…"`
	Template string        `name:"channel-template" env:"LOGLANE_CHANNEL_TEMPLATE" default:"User.{username}" placeholder:"TEMPLATE" help:"Context of a user's own channel, as the gateway has it."`
	Level    string        `name:"level" default:"info" placeholder:"LEVEL" help:"Level of lines that have none of their own."`
	Logger   string        `name:"logger" placeholder:"NAME" help:"Logger of lines that name none."`
	Tee      bool          `name:"tee" help:"Copy standard input to standard output."`
	Buffer   int           `name:"buffer" default:"16777216" placeholder:"BYTES" help:"Lines that may wait in memory for the gateway."`
	WhenFull string        `name:"when-full" enum:"block,drop" default:"block" placeholder:"block|drop" help:"With a full buffer, let the pipe wait, or drop new lines and count them."`
	Timeout  time.Duration `name:"timeout" default:"1m" placeholder:"TIME" help:"How long to wait at the end of the input for the acknowledgement of what is left; 0 is for ever."`
	Quiet    bool          `name:"quiet" short:"q" help:"No notices on standard error; an error that ends it is told still."`
}

func (*sendCmd) examples() string {
	return `  export LOGLANE_URL=https://example.org/logs/ LOGLANE_TOKEN_FILE=~/.loglane-token
  make 2>&1 | loglane send --user alice
  ./import 2>&1 | loglane send --channel job_nightly --logger import --tee
  tail -F app.json | loglane send --user alice --when-full drop

Each line is a record; JSON objects keep their members. While the gateway is away lines wait
and are sent again, so that each is there once and in order. It ends with
  0    every line is acknowledged
  1    some are not (--timeout, --when-full drop, a signal), or were rejected
  2    it was called wrongly
  3    not authenticated: no token, or the gateway does not know it
  4    forbidden: the token may not write to this channel
Ctrl-C ends the reading and leaves what waits 5 s; a second one ends it at once.`
}

// Run sends until standard input or a signal ends it.
func (c *sendCmd) Run(t terminal, v *values) error {
	notice := func(text string) {
		if !c.Quiet {
			fmt.Fprintln(t.err, "loglane:", printable(text))
		}
	}
	sender, err := c.sender(t, v, notice)
	if err != nil {
		return err
	}
	if c.exposed() {
		notice("the token travels to " + c.URL + " so that others on the way can read it: use https")
	}
	signal.Ignore(syscall.SIGPIPE) // that nobody reads the copy must not end the sending
	defer signal.Reset(syscall.SIGPIPE)
	ctx, cut, stop := signals()
	defer stop()
	err = sender.Run(ctx, cut, t.in)
	if denied, ok := errors.AsType[*send.DeniedError](err); ok {
		code := exitNotAuthenticated
		if denied.Forbidden {
			code = exitForbidden
		}
		return &exitError{code: code, cause: err}
	}
	return err
}

// sender tells all that is wrong with the call at once.
func (c *sendCmd) sender(t terminal, v *values, notice func(string)) (*send.Sender, error) {
	token, tokenErr := c.token()
	opts := send.Options{
		URL: c.URL, Token: token, User: c.User, Channel: c.Channel, Template: c.Template,
		Level: c.Level, Logger: c.Logger, Buffer: c.Buffer, Drop: c.WhenFull == "drop", Timeout: c.Timeout,
		Notice: notice,
	}
	if c.TokenFile != "" && tokenErr == nil {
		opts.Token, opts.TokenFile = "", c.TokenFile // which is read again once its token has ended
	}
	if c.Tee {
		opts.Tee = t.out
	}
	sender, err := send.New(opts)
	if missing := errors.Is(err, send.ErrNoToken); missing && tokenErr == nil && v.problems() == nil {
		return nil, &exitError{code: exitNotAuthenticated, cause: err}
	} else if missing {
		err = nil
	}
	if err := errors.Join(v.problems(), tokenErr, err); err != nil {
		return nil, usage(err, "See 'loglane send --help'.")
	}
	return sender, nil
}
