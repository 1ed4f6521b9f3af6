package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/loglane/loglane/internal/app"
)

// develop serves the gateway of --dev until SIGINT or SIGTERM.
func (c *serveCmd) develop(t terminal, v *values, log *slog.Logger) error {
	ctx, cut, stop := signals()
	defer stop()
	dev, err := app.NewDev(ctx, c.Settings, &app.Options{Logger: log, Faults: v.problems()})
	if err != nil {
		return usage(err, "See 'loglane serve --help'.")
	}
	v.warnOfStrays(log)
	return dev.Run(ctx, cut, func() { greet(t.out, dev) })
}

// greet says how to come in, what was found, and how to send a first line.
func greet(w io.Writer, dev *app.Dev) {
	fmt.Fprintf(w, "\n  %s\n", printable(dev.Found))
	for _, p := range dev.Problems {
		fmt.Fprintln(w, "  "+told(p))
	}
	fmt.Fprintf(w, "\n  Sign in as admin, once, in the next 10 minutes (start again for another link):\n    %s\n", dev.SignInURL())
	fmt.Fprintf(w, "\n  Send a line to alice:\n    curl -H 'Authorization: Bearer %s' -d 'hello, alice' '%sapi/v1/logs?user=alice'\n", dev.Token(), dev.URL())
	if cli := redisCLI(dev.Redis()); cli != "" {
		const record = `'{"message":"hello, alice"}'`
		fmt.Fprintf(w, "  or as any program that speaks Redis (the first keeps it, the second shows it at once):\n"+
			"    %s XADD stream:%s '*' data %s\n    %s PUBLISH %s %s\n", cli, dev.Channel("alice"), record, cli, dev.Channel("alice"), record)
	}
	fmt.Fprint(w, "\n  Ctrl-C ends it.\n\n")
}

// redisCLI is how redis-cli is called for a Redis, which has no password here: it takes one
// from REDISCLI_AUTH.
func redisCLI(url string) string {
	if !strings.HasPrefix(url, "redis://") && !strings.HasPrefix(url, "rediss://") {
		return ""
	}
	return "redis-cli -u " + url
}
