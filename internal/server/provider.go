package server

import (
	"fmt"
	"html"
	"net/http"
	"net/url"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/audit"
	"github.com/loglane/loglane/internal/auth"
)

// A Provider signs people in at another site, such as an OpenID Connect provider. origin is
// where browsers find the gateway, without a path; "" where that is not known. Errors are, or
// wrap, a [*loglane.StatusError] with a message for a page.
type Provider interface {
	// Title is what the login page calls it.
	Title() string
	// Straight says whether the login page may lead there by itself: not after a sign-out, and
	// not where a sign-in has just not held.
	Straight(r *http.Request) bool
	// Start answers with a redirect to the provider, after which the browser goes to next.
	Start(w http.ResponseWriter, r *http.Request, origin, next string) error
	// Finish makes a session, in w's headers, of what the browser brings back, and returns whose
	// it is.
	Finish(w http.ResponseWriter, r *http.Request, origin string) (who *auth.Principal, next string, err error)
	// SignOut is that of [Login], and returns where the provider ends its session; "" is none.
	SignOut(w http.ResponseWriter, r *http.Request, origin string) (leadsTo string, err error)
	// BackChannel ends the sessions that the provider itself asks to end.
	BackChannel(w http.ResponseWriter, r *http.Request) error
}

var errNoProvider = &loglane.StatusError{Code: http.StatusNotFound, Message: "there is no sign-in provider here: set --oidc-issuer"}

// startSignIn leads to the provider.
func (s *Server) startSignIn(w http.ResponseWriter, r *http.Request) {
	if s.opts.Provider == nil {
		errNoProvider.Write(w)
		return
	}
	if err := s.opts.Provider.Start(w, r, s.origin(r), r.URL.Query().Get("next")); err != nil {
		s.noteSignIn(r, "oidc", nil, "", err)
		s.refuseLogin(w, err)
	}
}

// finishSignIn takes the provider's answer. Only a browser that goes there has one.
func (s *Server) finishSignIn(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.opts.Provider == nil:
		errNoProvider.Write(w)
		return
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		(&loglane.StatusError{Code: http.StatusMethodNotAllowed, Message: "take GET"}).Write(w)
		return
	}
	who, next, err := s.opts.Provider.Finish(w, r, s.origin(r))
	s.noteSignIn(r, "oidc", who, "", err)
	if err != nil {
		s.refuseLogin(w, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// endSessions is the provider's own door.
func (s *Server) endSessions(w http.ResponseWriter, r *http.Request) {
	if s.opts.Provider == nil {
		errNoProvider.Write(w)
		return
	}
	err := s.opts.Provider.BackChannel(w, r)
	e := audit.Entry{Action: "sign-out", Outcome: audit.Allowed, Way: "oidc", Reason: "the provider asks for it"}
	if err != nil {
		e.Outcome, e.Reason = audit.Refused, reasonOf(err)
	}
	s.describe(&e, r, nil)
	s.audit.Note(e)
	if err != nil {
		s.writeError(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// straightOn leads to the provider where it is the only way to sign in.
func (s *Server) straightOn(w http.ResponseWriter, r *http.Request) bool {
	if s.opts.Login != nil || !s.opts.Provider.Straight(r) {
		return false
	}
	http.Redirect(w, r, s.base+"login/oidc?next="+url.QueryEscape(r.URL.Query().Get("next")), http.StatusFound)
	return true
}

// leadOut answers with a page that leads on by itself: the policy of the page whose form
// signs out lets a redirect lead to the own site only.
func leadOut(w http.ResponseWriter, to string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Referrer-Policy", "no-referrer")
	fmt.Fprintf(w, leadOutPage, html.EscapeString(to), html.EscapeString(to))
}

const leadOutPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="0; url=%s">
<title>Signing out · Loglane</title>
<p>You are signed out here. <a href="%s">Sign out at the sign-in provider, too</a></p>
</html>
`
