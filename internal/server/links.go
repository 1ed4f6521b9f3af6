package server

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// ParsePublicURL reads where browsers find the gateway, such as
// https://logs.example.com/base/. The result has a path that ends in a slash, a host in
// lower case, and no port that its scheme has anyway.
func ParsePublicURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostForm.MatchString(u.Host):
		return nil, errors.New("it is not a URL that begins with http:// or https:// and a host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("it has more than a scheme, a host and a path")
	}
	host := strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; strings.HasSuffix(host, port) {
		host = strings.TrimSuffix(host, port)
	}
	return &url.URL{Scheme: u.Scheme, Host: host, Path: strings.TrimSuffix(u.Path, "/") + "/"}, nil
}

// CheckLoginURL says what is wrong with the URL of another application's login page: it is
// absolute, or a path on the gateway's own host.
func CheckLoginURL(text string) error {
	u, err := url.Parse(text)
	path := err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//")
	switch {
	case err != nil || !path && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https"):
		return errors.New("it is neither a URL that begins with http:// or https:// nor a path that begins with a slash")
	case u.User != nil || u.Fragment != "":
		return errors.New("it has a user or a fragment (#)")
	}
	return nil
}

// loginURL is the login page that leads back to r.
func (s *Server) loginURL(r *http.Request) string {
	return s.base + "login?next=" + url.QueryEscape(r.URL.RequestURI())
}

// otherLogin is the other application's login page that leads back to next, a path, or to
// the gateway's page where next is none of ours.
func (s *Server) otherLogin(r *http.Request, next string) string {
	u, err := url.Parse(s.opts.LoginURL)
	if err != nil {
		return s.opts.LoginURL // New has refused it
	}
	query := u.Query()
	query.Set("next", s.origin(r)+auth.SafeNext(next, s.base))
	u.RawQuery = query.Encode()
	return u.String()
}

// origin is where the browser that sent r finds the gateway, without a path; "" where that
// is not known.
func (s *Server) origin(r *http.Request) string {
	scheme := "http"
	switch {
	case s.opts.PublicURL != nil:
		return s.opts.PublicURL.Scheme + "://" + s.opts.PublicURL.Host
	case !hostForm.MatchString(r.Host):
		return ""
	case Secure(r):
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

var errNoLoginPage = &loglane.StatusError{
	Code:    http.StatusNotFound,
	Message: "there is no login by password here: this gateway takes other logins only",
}
