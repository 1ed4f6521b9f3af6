package app

import (
	"context"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// wireForward makes the way in through the other application's login, where there is one.
func (a *App) wireForward(template loglane.Template) error {
	if a.settings.AuthURL == "" {
		return nil
	}
	options := auth.ForwardOptions{
		URL: a.settings.AuthURL, Mint: a.mint("auth-url", template), Recheck: a.settings.AuthRecheck,
		OnEnd: server.EndStreams(a.hub), Logger: a.log,
	}
	if a.settings.TrustedProxies != "" {
		options.Address = auth.RemoteAddress // the server shows the caller's own
	}
	if a.settings.AuthOrigin {
		options.Origin = server.Origin
	}
	forward, err := auth.NewForward(options)
	if err != nil {
		return err
	}
	a.ending.push("other application's logins", func(context.Context) error {
		forward.Close()
		return nil
	})
	a.ways = append(a.ways, forward)
	return nil
}
