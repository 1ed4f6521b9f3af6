package app

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// Check reports what is wrong with how the gateway is reached from outside; base is the
// base path with a slash at both ends.
func (o *Outside) Check(base string) error {
	var errs []error
	if public, err := o.public(); err != nil {
		errs = append(errs, Wrong("public-url", o.PublicURL, err.Error()))
	} else if public != nil && public.Path != base {
		errs = append(errs, Wrong("public-url", o.PublicURL, "its path is "+public.Path+", but --base-path is "+base+": both must be the same"))
	}
	if _, err := server.ParseProxies(o.TrustedProxies); err != nil {
		for _, err := range unjoined(err) {
			errs = append(errs, Wrong("trusted-proxies", o.TrustedProxies, err.Error()))
		}
	}
	return errors.Join(errs...)
}

// public is the parsed public URL, nil where there is none.
func (o *Outside) public() (*url.URL, error) {
	if o.PublicURL == "" {
		return nil, nil
	}
	return server.ParsePublicURL(o.PublicURL)
}

// unjoined are the errors of a join.
func unjoined(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// Check reports what is wrong with the other application's login.
func (f *Forward) Check() error {
	var errs []error
	if f.AuthURL != "" {
		if err := auth.CheckAuthURL(f.AuthURL); err != nil {
			errs = append(errs, Wrong("auth-url", redactedURL(f.AuthURL), err.Error()))
		}
	}
	switch {
	case f.LoginURL == "":
	case f.AuthURL == "":
		errs = append(errs, Wrong("auth-url", "", "it is missing: --login-url is the login page of the application that it asks"))
	default:
		if err := server.CheckLoginURL(f.LoginURL); err != nil {
			errs = append(errs, Wrong("login-url", redactedURL(f.LoginURL), err.Error()))
		}
	}
	return errors.Join(errs...)
}

// redactedURL is a URL without the secrets that it may have in its user part or its query;
// what cannot be read is not shown.
func redactedURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	u.RawQuery = ""
	return u.Redacted()
}

// clash says what is wrong with the ways in beside each other.
func (f *Forward) clash(users *auth.Users) error {
	byPassword := users != nil && users.Any()
	switch {
	case f.AuthURL == "":
		return nil
	case byPassword && !f.SharedNames:
		return &SettingError{Name: "shared-names", Wrong: "it is missing: --auth-file has users and --auth-url names users too, so that two people " +
			"with one name would see each other's lines; take --shared-names if they are the same people, or a file with API tokens only"}
	case !byPassword && f.LoginURL == "":
		return Wrong("login-url", "", "it is missing, so nobody would find where to sign in")
	}
	return nil
}

// wireWays makes the ways in, in the order in which they are tried: API tokens, the
// session cookie, the other application's login.
func (a *App) wireWays(users *auth.Users, template loglane.Template) error {
	if a.settings.Dev {
		return a.wireDev(template)
	}
	if users != nil {
		tokens := auth.NewTokens(auth.TokensOptions{Users: users, Uses: a.upstream.uses, Logger: a.log})
		a.spawn("API tokens", tokens.Run)
		a.ways = append(a.ways, tokens)
		if err := a.wireFile(users, template); err != nil {
			return err
		}
	}
	if a.settings.AuthURL == "" {
		return nil
	}
	forward, err := auth.NewForward(auth.ForwardOptions{URL: a.settings.AuthURL, Template: template, Logger: a.log})
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

// wireFile makes the login by password. A file without users has none, also if some are
// added later: beside another way in they would be a second one.
func (a *App) wireFile(users *auth.Users, template loglane.Template) (err error) {
	if !users.Any() {
		a.spawn("auth file", func(ctx context.Context) error {
			users.Watch(ctx, auth.Revoke(server.EndStreams(a.hub)))
			return nil
		})
		return nil
	}
	options := auth.LoginOptions{
		Users: users, Sessions: a.upstream.sessions, Notices: a.upstream.notices, Template: template,
		BasePath: a.settings.Base(), OnEnd: server.EndStreams(a.hub), Logger: a.log, Secure: server.Secure,
	}
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
	a.spawn("login", a.login.Run)
	return nil
}

// open reads the auth file. Without a file or a template there is none, and Check says so.
func (i Identity) open(template loglane.Template, log *slog.Logger) (*auth.Users, error) {
	if i.AuthFile == "" || i.check() != nil {
		return nil, nil
	}
	users, err := auth.OpenUsers(i.AuthFile, template, &auth.UsersOptions{Logger: log})
	if err != nil {
		return nil, &SettingError{Name: "auth-file", Wrong: err.Error()}
	}
	return users, nil
}
