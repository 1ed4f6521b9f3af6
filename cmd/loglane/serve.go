package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/loglane/loglane/internal/app"
)

type serveCmd struct {
	app.Settings
	app.ConfigFile
}

func (*serveCmd) examples() string {
	return `  loglane serve --dev
  loglane serve --auth-file users.txt
  loglane serve --auth-file users.txt --redis-url redis://127.0.0.1:6379/0 --addr :8080
  LOGLANE_REDIS_URL=redis://:secret@redis:6379/1 loglane serve --auth-file users.txt --base-path /logs/
  loglane serve --auth-url http://127.0.0.1:8000/whoami --login-url /accounts/login/
  loglane serve --oidc-issuer https://id.example.com --oidc-client-id loglane --public-url https://logs.example.com/
  loglane serve --config loglane.yaml --log-level debug     # flags go before the file`
}

// Run serves until SIGINT or SIGTERM.
func (c *serveCmd) Run(t terminal, v *values) error {
	log := c.Logger(t.err)
	if c.Dev {
		return c.develop(t, v, log)
	}
	gateway, err := app.New(c.Settings, &app.Options{Logger: log, Faults: v.problems(), Program: t.program})
	if err != nil {
		return usage(err, "See 'loglane serve --help'.")
	}
	v.warnOfStrays(log)
	ctx, cut, stop := signals()
	defer stop()
	if c.AuditLog != "" {
		defer onHangup(gateway.ReopenAudit)()
	}
	return gateway.Run(ctx, cut, nil)
}

// signals returns a context that ends with the first SIGINT or SIGTERM, and one that
// ends with the second: who asks twice does not want to wait for the drain.
func signals() (ctx, cut context.Context, stop func()) {
	ctx, end := context.WithCancel(context.Background())
	cut, endNow := context.WithCancel(context.Background())
	arriving := make(chan os.Signal, 2)
	signal.Notify(arriving, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for _, cancel := range []func(){end, endNow} {
			select {
			case <-arriving:
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, cut, func() {
		signal.Stop(arriving)
		close(done)
		end()
		endNow()
	}
}
