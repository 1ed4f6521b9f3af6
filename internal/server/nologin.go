package server

import (
	"fmt"
	"html"
	"net/http"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// signsIn says whether there is a page to sign in at, here or elsewhere.
func (s *Server) signsIn() bool {
	return s.opts.LoginURL != "" || s.opts.Login != nil || s.opts.Provider != nil
}

// withoutLogin answers where a browser finds a login page otherwise: whoever has come in by
// then goes on to where they wanted to go, and everybody else is told how one comes in.
func (s *Server) withoutLogin(w http.ResponseWriter, r *http.Request) {
	next := auth.SafeNext(r.URL.Query().Get("next"), s.base)
	p, err := s.principal(r)
	switch {
	case err != nil:
		s.writeError(w, err)
	case p == nil:
		s.writeNobody(w, r, next)
	case s.loginTrips(w, r):
		s.log.Warn("the login goes round and round: the proxy in front says who sends some requests, and not who sends others",
			"trusted-header", s.opts.TrustedHeader, "next", next, "from", from(r))
		s.writeWords(w, r, next, http.StatusForbidden, "your login is known at this address, but not at the one that you came from: the proxy in front must send its login with requests to all paths below "+s.base)
	default:
		http.Redirect(w, r, next, http.StatusFound)
	}
}

// writeNobody says that a request comes from nobody, where there is no page to sign in at.
func (s *Server) writeNobody(w http.ResponseWriter, r *http.Request, next string) {
	words := "there is no login page here: this gateway takes API tokens and other applications' logins only"
	if header := s.opts.TrustedHeader; header != "" {
		words = "the proxy in front of this gateway did not say who you are: sign in there. If you have, it must send your name in the header " +
			header + " (--trusted-header), and be believed (--trusted-header-proxies, --trusted-header-secret-file); the gateway's log tells of headers that are not"
	}
	s.writeWords(w, r, next, http.StatusUnauthorized, words)
}

// writeWords refuses a request: a person with a page that leads to next, a program with JSON.
func (s *Server) writeWords(w http.ResponseWriter, r *http.Request, next string, code int, words string) {
	if !takesHTML(r) {
		(&loglane.StatusError{Code: code, Message: words}).Write(w)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprintf(w, nobodyPage, html.EscapeString(sentence(words)), html.EscapeString(next))
}

// sentence begins with a capital and ends with a full stop.
func sentence(words string) string {
	return string(words[0]-'a'+'A') + words[1:] + "."
}

const nobodyPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not signed in · Loglane</title>
<h1>Not signed in</h1>
<p>%s</p>
<p><a href="%s">Try again</a></p>
</html>
`
