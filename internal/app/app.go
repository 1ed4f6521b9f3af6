package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
	"github.com/loglane/loglane/web"
)

// Options are what a gateway is given beside its settings; nil and zero members are the
// defaults.
type Options struct {
	Logger *slog.Logger // of the gateway's own lines; default slog.Default()
	Faults error        // what is known to be wrong with the settings; told with the rest

	// beside makes further routes and work, once the parts that it may use are there.
	beside func(*App) ([]server.Route, error)
}

// An App is a gateway: New wires it, Start lets it serve, Stop ends it.
type App struct {
	settings Settings
	log      *slog.Logger

	upstream *upstream
	hub      *loglane.Hub
	login    *auth.Login
	dev      *auth.Dev // in place of login; nil is without --dev
	server   *server.Server
	http     *http.Server
	listener net.Listener

	failed chan error
	ending cleanups
}

// New validates the settings and wires a gateway that does not listen yet; [App.Stop]
// ends what it began. It fails with all that is wrong with the settings, and then leaves
// nothing to end.
func New(settings Settings, opts *Options) (*App, error) {
	if opts == nil {
		opts = &Options{}
	}
	a := &App{settings: settings, log: opts.Logger, failed: make(chan error, 1)}
	if a.log == nil {
		a.log = slog.Default()
	}
	if err := a.wire(opts); err != nil {
		return nil, errors.Join(err, a.ending.unwind(context.Background()))
	}
	return a, nil
}

func (a *App) wire(opts *Options) error {
	s := &a.settings
	template, _ := s.Template() // Check tells its error
	var users *auth.Users
	var usersErr, upstreamErr error
	if !s.Dev {
		users, usersErr = s.Identity.open(template, a.log)
	}
	a.upstream, upstreamErr = s.Upstream.open(a.log)
	if upstreamErr == nil {
		a.ending.push("broker", a.upstream.close)
	}
	if err := errors.Join(opts.Faults, s.Check(), usersErr, upstreamErr); err != nil {
		return err
	}
	if err := a.wireHub(); err != nil {
		return err
	}
	if err := a.wireLogin(users, template); err != nil {
		return err
	}
	return a.wireServer(opts, template)
}

// spawn runs f until the gateway stops; an error ends the gateway.
func (a *App) spawn(name string, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := f(ctx); err != nil {
			a.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	a.ending.push(name, func(context.Context) error {
		cancel()
		<-ended
		return nil
	})
}

// fail ends Run; the first error is the one that counts.
func (a *App) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

func (a *App) wireHub() (err error) {
	s := a.settings.Streams
	a.hub, err = loglane.NewHub(a.upstream, &loglane.HubOptions{
		Keepalive: s.Keepalive, MaxLine: s.MaxLine, EscapePolicy: s.EscapePolicy, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.ending.push("streams", a.hub.Close)
	return nil
}

func (a *App) wireLogin(users *auth.Users, template loglane.Template) (err error) {
	if a.settings.Dev {
		return a.wireDev(template)
	}
	a.login, err = auth.NewLogin(auth.LoginOptions{
		Users: users, Sessions: a.upstream.sessions, Notices: a.upstream.notices, Template: template,
		BasePath: a.settings.Base(), OnEnd: server.EndStreams(a.hub), Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.spawn("login", a.login.Run)
	return nil
}

func (a *App) wireServer(opts *Options, template loglane.Template) (err error) {
	var beside []server.Route
	if opts.beside != nil {
		if beside, err = opts.beside(a); err != nil {
			return err
		}
	}
	s := a.settings
	var login server.Login = a.login
	if a.dev != nil {
		login = a.dev
	}
	a.server, err = server.New(server.Options{
		Hub: a.hub, Login: login, Pages: web.Files(), BasePath: s.Base(),
		StreamDisabled: !s.StreamEnabled, Template: template,
		Limits: server.Limits{Streams: s.MaxStreams, PerUser: s.MaxStreamsPerUser, PerAddress: s.MaxStreamsPerAddress},
		Probes: a.upstream.probes, Beside: beside, Logger: a.log,
	})
	return err
}
