package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/audit"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
	"github.com/loglane/loglane/web"
)

// Options are what a gateway is given beside its settings; nil and zero members are the
// defaults.
type Options struct {
	Logger *slog.Logger // of the gateway's own lines; default slog.Default()
	Faults error        // what is known to be wrong with the settings; told with the rest
	// Program is the path of a program that serves hashes with [HashVerb], usually the one
	// that runs: passwords are compared by processes of it. "" compares them in this one.
	Program string

	// beside makes further routes and work, once the parts that it may use are there.
	beside func(*App) ([]server.Route, error)
}

// An App is a gateway: New wires it, Start lets it serve, Stop ends it.
type App struct {
	settings Settings
	log      *slog.Logger

	upstream *upstream
	hub      *loglane.Hub
	login    *auth.Login // keeps the sessions; nil without users in the auth file and a provider
	password bool        // login takes passwords
	oidc     *auth.OIDC  // nil without a provider
	dev      *auth.Dev   // nil without --dev
	minters  []minter
	ways     []auth.Authenticator // in the order in which they are tried
	server   *server.Server
	audit    *audit.Log
	http     *http.Server
	listener net.Listener
	headroom *headroom

	certificate *server.Certificate // nil serves HTTP

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
		users, usersErr = s.Identity.open(template, a.hashing(opts.Program))
	}
	a.upstream, upstreamErr = s.Upstream.open(a.log)
	if upstreamErr == nil {
		a.ending.push("broker", a.upstream.close)
	}
	a.minters = s.minters(users)
	var certificateErr error
	a.certificate, certificateErr = s.Place.open(a.log)
	if err := errors.Join(opts.Faults, s.Check(), usersErr, clash(a.minters, s.SharedNames, users), s.noLogin(users), upstreamErr, certificateErr); err != nil {
		return err
	}
	if err := a.wireAudit(); err != nil { // ends after the streams, whose end it writes down
		return err
	}
	a.headroom = newHeadroom(s.MemoryLimit)
	if err := a.wireHub(); err != nil {
		return err
	}
	a.spawnShedding()
	if err := a.wireWays(users, template); err != nil {
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
	a.hub, err = loglane.NewHub(a.upstream.Broker, &loglane.HubOptions{
		Keepalive: s.Keepalive, MaxLine: s.MaxLine, EscapePolicy: s.EscapePolicy, MaxChannels: a.settings.MaxChannels, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.ending.push("streams", a.hub.Close)
	stop := server.ObeyNotices(a.hub, a.upstream.notices)
	a.ending.push("notices", func(context.Context) error {
		stop()
		return nil
	})
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
	global, err := s.copies()
	if err != nil {
		return err
	}
	options := server.Options{
		Hub: a.hub, Broker: a.upstream, Ways: a.ways, Pages: web.Files(), BasePath: s.Base(), LoginURL: s.LoginURL,
		TrustedHeader:  s.TrustedHeader,
		StreamDisabled: !s.StreamEnabled, Template: template,
		Limits: s.serverLimits(), Crowded: a.headroom.crowded,
		MaxLine: s.MaxLine, MaxIngestBytes: s.MaxIngestBytes, Global: global,
		Audit: a.audit, AuditRequired: s.AuditRequired, ShowWatchers: s.ShowWatchers,
		Notices: a.upstream.notices, Probes: a.upstream.probes, Beside: beside, Logger: a.log,
	}
	options.PublicURL, _ = s.public() // Check has told their errors
	addresses, unix := server.SocketProxies(s.TrustedProxies)
	options.TrustedProxies, _ = server.ParseProxies(addresses)
	options.TrustedSocket = unix
	if options.Redact, err = s.redactor(); err != nil {
		return err
	}
	options.ViewerFloor, _ = s.floor()
	options.ViewerMembers, _ = s.members()
	options.AllowedOrigins, _ = server.ParseOrigins(s.AllowedOrigins)
	switch {
	case a.dev != nil:
		options.Login = a.dev
	case a.password:
		options.Login = a.login
	}
	if a.oidc != nil {
		options.Provider = a.oidc
	}
	a.server, err = server.New(options)
	if err == nil && s.ShowWatchers {
		a.spawn("watchers", a.server.Watch)
	}
	return err
}
