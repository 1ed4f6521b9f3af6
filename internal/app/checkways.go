package app

import (
	"errors"
	"net/url"
	"time"

	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// Check reports what is wrong with how the gateway is reached from outside; base is the
// base path with a slash at both ends.
func (o *Outside) Check(base string) error {
	var errs []error
	if public, err := o.public(); err != nil {
		errs = append(errs, Wrong("public-url", redactedURL(o.PublicURL), err.Error()))
	} else if public != nil && public.Path != base {
		errs = append(errs, Wrong("public-url", o.PublicURL, "its path is "+public.Path+", but --base-path is "+base+": both must be the same"))
	}
	addresses, _ := server.SocketProxies(o.TrustedProxies)
	if _, err := server.ParseProxies(addresses); err != nil {
		for _, err := range unjoined(err) {
			errs = append(errs, Wrong("trusted-proxies", o.TrustedProxies, err.Error()))
		}
	}
	if _, err := server.ParseOrigins(o.AllowedOrigins); err != nil {
		for _, err := range unjoined(err) {
			errs = append(errs, Wrong("allowed-origins", o.AllowedOrigins, err.Error()))
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
	errs = append(errs, within("auth-recheck", f.AuthRecheck, auth.MinRecheck, 10*time.Minute))
	errs = append(errs, checkPrefix(minter{"auth-url", f.AuthURLNamePrefix}, f.AuthURL))
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

// Check reports what is wrong with what groups give.
func (n *Names) Check() error {
	var errs []error
	if _, err := auth.ParseRoleMap(n.RoleMap); err != nil {
		errs = append(errs, Wrong("role-map", "", err.Error()))
	}
	if _, err := auth.ParseChannelMap(n.ChannelMap); err != nil {
		errs = append(errs, Wrong("channel-map", "", err.Error()))
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
