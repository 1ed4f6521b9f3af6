package main

import (
	"fmt"
	"io"

	"github.com/loglane/loglane/internal/app"
)

type demoCmd struct {
	app.DemoSettings
	app.ConfigFile
}

func (*demoCmd) examples() string {
	return `  loglane demo
  loglane demo --addr 127.0.0.1:9000`
}

// Run serves the demonstration until SIGINT or SIGTERM.
func (c *demoCmd) Run(t terminal, v *values) error {
	demo, err := app.NewDemo(c.DemoSettings, &app.Options{Logger: c.Logger(t.err), Faults: v.problems()})
	if err != nil {
		return usage(err, "See 'loglane demo --help'.")
	}
	ctx, cut, stop := signals()
	defer stop()
	return demo.Run(ctx, cut, func() { welcome(t.out, demo) })
}

// welcome says where everything is, and who may come in.
func welcome(w io.Writer, demo *app.Demo) {
	fmt.Fprintf(w, "\n  log lines  %s\n  shop       %s\n\n", demo.URL(), demo.ShopURL())
	for _, account := range demo.Accounts {
		fmt.Fprintf(w, "  %-6s password %s   (%s)\n", account.Name, account.Password, account.Role)
	}
	if demo.RefusesPlain() {
		fmt.Fprint(w, "\n  From another machine nobody can sign in over plain HTTP: open the address on this one, or give\n"+
			"  --tls-cert and --tls-key.\n")
	}
	fmt.Fprint(w, "\n  Sign in as alice and watch the shop's lines about her; bob sees only his own, admin\n"+
		"  also ?channel=global and ?user=alice. Ctrl-C ends it, and nothing stays.\n\n")
}
