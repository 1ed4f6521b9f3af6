package app

import (
	"context"
	"errors"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// noLogin says that nobody would find where to sign in.
func (s *Settings) noLogin(users *auth.Users) error {
	byPassword := users != nil && users.Any()
	if s.AuthURL != "" && s.LoginURL == "" && s.OIDCIssuer == "" && !byPassword {
		return Wrong("login-url", "", "it is missing, so nobody would find where to sign in")
	}
	return nil
}

// mint is how a way in makes principals; Check has told the maps' errors.
func (a *App) mint(setting string, template loglane.Template) auth.Mint {
	m := auth.Mint{Template: template, Names: names(a.minters, setting)}
	m.Roles, _ = auth.ParseRoleMap(a.settings.RoleMap)
	m.Channels, _ = auth.ParseChannelMap(a.settings.ChannelMap)
	return m
}

// wireWays makes the ways in, in the order in which they are tried: API tokens, the
// session cookie of a password or of a provider, JWTs, a proxy's header, the other
// application's login.
func (a *App) wireWays(users *auth.Users, template loglane.Template) error {
	if a.settings.Dev {
		return a.wireDev(template)
	}
	if users != nil {
		tokens := auth.NewTokens(auth.TokensOptions{Users: users, Uses: a.upstream.uses, Logger: a.log})
		a.spawn("API tokens", tokens.Run)
		a.ways = append(a.ways, tokens)
	}
	if err := a.wireSessions(users, template); err != nil {
		return err
	}
	if err := errors.Join(a.wireJWT(template), a.wireHeader(template)); err != nil {
		return err
	}
	return a.wireForward(template)
}

// wireSessions makes the ways in with a session: by password, and at a provider. A file
// without users has no login by password, also if some are added later: beside another way
// in they would be a second one.
func (a *App) wireSessions(users *auth.Users, template loglane.Template) (err error) {
	a.password = users != nil && users.Any()
	if users != nil && !a.password {
		a.watch(users)
		users = nil
	}
	if !a.password && a.settings.OIDCIssuer == "" {
		return nil
	}
	options := auth.LoginOptions{
		Users: users, Sessions: a.upstream.sessions, Notices: a.upstream.notices, Template: template,
		Names: names(a.minters, "auth-file"), BasePath: a.settings.Base(), OnEnd: server.EndStreams(a.hub), Logger: a.log, Secure: server.Secure,
		InsecureCookies: a.settings.InsecureCookies, Lifetime: a.settings.SessionLifetime, IdleTimeout: a.settings.SessionIdle,
	}
	a.settings.tries(&options)
	if public, _ := a.settings.public(); public != nil { // Check tells its error
		options.CookieSecure = public.Scheme == "https"
	}
	if a.settings.TrustedProxies != "" {
		options.Address = auth.RemoteAddress // the server shows the caller's own
	}
	if a.login, err = auth.NewLogin(options); err != nil {
		return err
	}
	a.ways = append(a.ways, a.login)
	if err := a.wireOIDC(template); err != nil {
		return err
	}
	a.spawn("login", a.login.Run)
	return nil
}

// watch follows an auth file that has API tokens only.
func (a *App) watch(users *auth.Users) {
	a.spawn("auth file", func(ctx context.Context) error {
		users.Watch(ctx, auth.Revoke(server.EndStreams(a.hub)))
		return nil
	})
}

// open reads the auth file. Without a file or a template there is none, and Check says so.
func (i Identity) open(template loglane.Template, opts *auth.UsersOptions) (*auth.Users, error) {
	if i.AuthFile == "" || i.check() != nil {
		return nil, nil
	}
	users, err := auth.OpenUsers(i.AuthFile, template, opts)
	if err != nil {
		return nil, &SettingError{Name: "auth-file", Wrong: err.Error()}
	}
	return users, nil
}
