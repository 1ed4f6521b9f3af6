package auth

import (
	"net/http"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

const (
	// SecureCookie is the cookie's name where it only travels over TLS. Browsers take a
	// cookie with this prefix from no other host and from no plain connection.
	SecureCookie = "__Host-loglane"
	// PlainCookie is the cookie's name over plain HTTP, within one machine.
	PlainCookie = "loglane"
)

// errPlain is for people whose session anybody on the way could take.
var errPlain = &loglane.StatusError{
	Code: http.StatusForbidden,
	Message: "Not signed in: this page came over plain HTTP, where anybody on the way can take a password or a session. " +
		"Open it with https://. For that the operator sets --tls-cert and --tls-key; or, where a proxy speaks HTTPS, --trusted-proxies or an https --public-url. " +
		"--insecure-cookies allows plain HTTP all the same.",
}

// Admits says whether a browser's request may sign in at all: over TLS, or plain within this
// machine, unless InsecureCookies allows more. Otherwise it returns a [*loglane.StatusError]
// with code 403 that names the settings.
func (l *Login) Admits(r *http.Request) error {
	if l.cookieName(r) == "" {
		return errPlain
	}
	return nil
}

// cookieName is "" where a session must not travel.
func (l *Login) cookieName(r *http.Request) string {
	switch {
	case l.secure(r):
		return SecureCookie
	case l.insecure || Local(r):
		return PlainCookie
	}
	return ""
}

// secure says whether the browser speaks TLS, with this process or with a proxy before it.
func (l *Login) secure(r *http.Request) bool { return l.cookieSecure || r.TLS != nil || l.tlsBefore(r) }

// token returns what the session cookie holds, or "".
func (l *Login) token(r *http.Request) string {
	name := l.cookieName(r)
	if name == "" {
		return ""
	}
	cookie, err := r.Cookie(name)
	if err != nil || len(cookie.Value) != tokenLength {
		return ""
	}
	return cookie.Value
}

// setToken gives the browser a token until ends.
func (l *Login) setToken(w http.ResponseWriter, r *http.Request, token string, ends time.Time) {
	cookie := l.cookie(r)
	cookie.Value = token
	cookie.Expires = ends
	cookie.MaxAge = max(int(time.Until(ends)/time.Second), 1)
	http.SetCookie(w, cookie)
}

func (l *Login) deleteToken(w http.ResponseWriter, r *http.Request) {
	cookie := l.cookie(r)
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

func (l *Login) cookie(r *http.Request) *http.Cookie {
	cookie := &http.Cookie{Name: PlainCookie, Path: l.cookiePath, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if l.secure(r) {
		cookie.Name, cookie.Path, cookie.Secure = SecureCookie, "/", true // the prefix asks for both
	}
	return cookie
}

// cookiePath returns a base path as a cookie needs it, to cover the path itself as well
// as what is below it.
func cookiePath(basePath string) string {
	if path := strings.TrimRight(basePath, "/"); path != "" {
		return path
	}
	return "/"
}
