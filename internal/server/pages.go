package server

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// maxForm bounds the login form: a name, a password and an address.
const maxForm = 16 << 10

// serveIndex answers with the terminal page. While the session store cannot be asked it
// does so too: the page holds no secret, says what is wrong and tries again by itself.
func (s *Server) serveIndex(w http.ResponseWriter, r *http.Request) {
	p, err := s.principal(r)
	var status *loglane.StatusError
	switch {
	case p == nil && err == nil:
		if !s.signsIn() {
			s.writeNobody(w, r, auth.SafeNext(r.URL.RequestURI(), s.base)) // at once, so that nothing can lead round
			return
		}
		http.Redirect(w, r, s.loginURL(r), http.StatusFound)
		return
	case errors.As(err, &status) && status.Code < http.StatusInternalServerError:
		status.Write(w) // another try of the same will not mend it
		return
	}
	s.index.write(w, http.StatusOK, map[string]string{"base": s.base})
}

// A hinter is a [Login] with something to say before anybody tries.
type hinter interface{ Hint() string }

// An admitter is a [Login] that takes no password over some connections: who comes by one
// is told before they type it.
type admitter interface{ Admits(*http.Request) error }

// serveLogin answers with the login page, or leads to that of the other application.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	if s.opts.LoginURL != "" {
		if s.loginTrips(w, r) {
			s.writeLoop(w, r)
			return
		}
		http.Redirect(w, r, s.otherLogin(r, r.URL.Query().Get("next")), http.StatusFound)
		return
	}
	if !s.signsIn() {
		s.withoutLogin(w, r)
		return
	}
	if gate, ok := s.opts.Login.(admitter); ok {
		if err := gate.Admits(r); err != nil {
			s.refuseLogin(w, err)
			return
		}
	}
	if s.opts.Provider != nil && s.straightOn(w, r) {
		return
	}
	switch login := s.opts.Login.(type) {
	case hinter:
		s.writeLogin(w, http.StatusOK, login.Hint())
	default:
		s.writeLogin(w, http.StatusOK, "")
	}
}

func (s *Server) writeLogin(w http.ResponseWriter, code int, message string) {
	values := map[string]string{"base": s.base, "login": message}
	if s.opts.Provider != nil {
		values["provider"] = s.opts.Provider.Title()
	}
	if s.opts.Login == nil {
		values["password"] = "off"
	}
	s.login.write(w, code, values)
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	if s.opts.Login == nil {
		errNoLoginPage.Write(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.writeLogin(w, http.StatusBadRequest, "The form could not be read.")
		return
	}
	p, err := s.opts.Login.SignIn(w, r, r.PostForm.Get("username"), r.PostForm.Get("password"))
	if err == nil && p != nil {
		p = known(p, s.opts.Login)
	}
	s.noteSignIn(r, "password", p, r.PostForm.Get("username"), err)
	if err == nil {
		http.Redirect(w, r, auth.SafeNext(r.Form.Get("next"), s.base), http.StatusSeeOther)
		return
	}
	s.refuseLogin(w, err)
}

// refuseLogin answers with the login page that says what is wrong.
func (s *Server) refuseLogin(w http.ResponseWriter, err error) {
	var status *loglane.StatusError
	if !errors.As(err, &status) {
		s.log.Error("a sign-in failed", "error", err)
		status = &loglane.StatusError{Code: http.StatusInternalServerError, Message: "Internal error."}
	}
	setRetryAfter(w, status)
	if status.Limit != "" {
		w.Header().Set(limitHeader, status.Limit)
	}
	s.writeLogin(w, status.Code, status.Message)
}

// signOut answers with a page where the store could not be told: the browser is signed
// out all the same. It ends a provider's session, but no login of another application.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	var err error
	leadsTo := ""
	switch {
	case s.opts.Provider != nil:
		p := s.bySession(r) // whoever it is, the cookie goes
		leadsTo, err = s.opts.Provider.SignOut(w, r, s.origin(r))
		s.noteSignOut(r, p)
	case s.opts.Login != nil:
		p, _ := s.opts.Login.Authenticate(r)
		if p != nil {
			p = known(p, s.opts.Login)
		}
		err = s.opts.Login.SignOut(w, r)
		s.noteSignOut(r, p)
	}
	var status *loglane.StatusError
	switch {
	case err == nil && leadsTo != "":
		leadOut(w, leadsTo)
	case err == nil:
		http.Redirect(w, r, s.base+"login", http.StatusSeeOther)
	case errors.As(err, &status):
		setRetryAfter(w, status)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status.Code)
		fmt.Fprintf(w, signOutPage, html.EscapeString(status.Message), html.EscapeString(s.base))
	default:
		s.writeError(w, err)
	}
}

func setRetryAfter(w http.ResponseWriter, status *loglane.StatusError) {
	if status.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((status.RetryAfter+time.Second-1)/time.Second)))
	}
}

const signOutPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Signing out · Loglane</title>
<h1>Signing out</h1>
<p>%s</p>
<p>The streams of this session from this server have ended.</p>
<p><a href="%slogin">Sign in again</a></p>
</html>
`
