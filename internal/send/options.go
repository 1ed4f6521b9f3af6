// Package send brings lines of text to a channel of a gateway, each once and in order,
// through every outage that its buffer and its caller's patience last:
//
//	sender, err := send.New(send.Options{URL: url, Token: token, User: "alice"})
//	if err != nil {
//		return err
//	}
//	return sender.Run(ctx, cut, os.Stdin)
package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// The bounds of [Options.Buffer].
const (
	MinBuffer = 256 << 10
	MaxBuffer = 1 << 30
)

// Options are what [New] needs. All but URL and one of User and Channel may be empty.
type Options struct {
	URL              string // of the gateway, with its base path
	Token, TokenFile string // API token, or the file that has it

	User     string // whose channel it is,
	Channel  string // or its context
	Template string // the gateway's channel template; "" is [loglane.DefaultTemplate]

	Level   string        // of lines that have none; "" is info
	Logger  string        // of lines that have none
	Tee     io.Writer     // gets a copy of the input; nil is none
	Buffer  int           // bytes of lines that may wait, from MinBuffer to MaxBuffer; 0 is [logship.DefaultQueueBytes]
	Drop    bool          // with a full buffer drop new lines instead of reading no more
	Timeout time.Duration // how long the acknowledgement of what is left may take; 0 is for ever
	Notice  func(string)  // gets what a person may want to know meanwhile; nil is nobody
}

// ErrNoToken is that of [New] without a token.
var ErrNoToken = errors.New("there is no token: set --token-file or $LOGLANE_TOKEN to one that 'loglane token create --scope write' printed")

// New returns a sender that has sent nothing yet. Its errors are all that is wrong, by
// the names of the flags; [ErrNoToken] comes alone.
func New(opts Options) (*Sender, error) {
	s := &Sender{opts: opts}
	if s.opts.Notice == nil {
		s.opts.Notice = func(string) {}
	}
	var errs []error
	wrong := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %s", flag, strings.TrimPrefix(err.Error(), "logship: ")))
		}
	}
	channel, flag, err := opts.destination()
	wrong(flag, err)
	s.context = channel
	level := loglane.LevelInfo
	if opts.Level != "" {
		level, err = loglane.ParseLevel(opts.Level)
		wrong("level", err)
	}
	s.level = slog.Level(level)
	if opts.Buffer != 0 && (opts.Buffer < MinBuffer || opts.Buffer > MaxBuffer) {
		wrong("buffer", fmt.Errorf("%d: it must be from %d to %d bytes", opts.Buffer, MinBuffer, MaxBuffer))
	}
	if opts.Timeout < 0 {
		wrong("timeout", fmt.Errorf("%v: it must not be negative; 0 is for ever", opts.Timeout))
	}
	gateway, err := opts.gateway()
	wrong("url", err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if opts.Token == "" && opts.TokenFile == "" {
		return nil, ErrNoToken
	}
	s.gateway = &watched{Gateway: gateway, url: opts.URL, context: channel, notice: s.opts.Notice}
	return s, nil
}

// destination is the context that lines go to, and else the flag that is wrong.
func (o *Options) destination() (channel, flag string, err error) {
	template := loglane.DefaultTemplate
	if o.Template != "" {
		if template, err = loglane.ParseTemplate(o.Template); err != nil {
			return "", "channel-template", err
		}
	}
	switch {
	case o.User == "" && o.Channel == "":
		return "", "user", errors.New("it is missing: name the user whose lines these are, or with --channel the context")
	case o.User != "" && o.Channel != "":
		return "", "user", errors.New("it does not go with --channel: take one of them")
	case o.User != "":
		channel, err = template.Context(o.User)
		return channel, "user", err
	}
	_, err = loglane.ChannelName(o.Channel)
	return o.Channel, "channel", err
}

func (o *Options) gateway() (*logship.Gateway, error) {
	opts := &logship.GatewayOptions{Token: o.Token, TokenFile: o.TokenFile}
	if o.Token == "" && o.TokenFile == "" {
		opts.Token = "none" // the URL is judged still
	}
	return logship.NewGateway(o.URL, opts)
}

func (s *Sender) handler() *logship.Handler {
	return logship.NewHandler(s.gateway, &logship.Options{
		Level:      slog.Level(math.MinInt),
		Logger:     s.opts.Logger,
		QueueLines: math.MaxInt,
		QueueBytes: 2 * s.opts.Buffer, // one channel has half of it
		Block:      !s.opts.Drop,
		ErrorLog:   slog.New(slog.DiscardHandler), // the watched gateway tells it
	})
}

// destined returns a context whose lines go to the channel.
func (s *Sender) destined(ctx context.Context) (context.Context, error) {
	return logship.WithChannel(ctx, s.context)
}
