package server

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

const (
	// A browser that is led to the other application's login page so often within this time
	// comes back signed in there and as nobody here.
	maxLoginTrips  = 4
	loginTripsTime = 20 * time.Second
)

// loginTrips counts how often a request's browser was led to the login page lately, with a
// cookie that is no secret: whoever makes one up gets a page of words.
func (s *Server) loginTrips(w http.ResponseWriter, r *http.Request) (looping bool) {
	now := time.Now()
	trips, began := 0, now
	if cookie, err := r.Cookie(auth.TripsCookie); err == nil {
		count, since, _ := strings.Cut(cookie.Value, ".")
		n, _ := strconv.Atoi(count)
		unix, err := strconv.ParseInt(since, 10, 64)
		if at := time.Unix(unix, 0); err == nil && n > 0 && n < maxLoginTrips && now.Sub(at) < loginTripsTime && !at.After(now) {
			trips, began = n, at
		}
	}
	trips++
	cookie := &http.Cookie{
		Name: auth.TripsCookie, Value: fmt.Sprintf("%d.%d", trips, began.Unix()), Path: s.base,
		MaxAge: int(loginTripsTime / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: Secure(r),
	}
	if looping = trips >= maxLoginTrips; looping {
		cookie.MaxAge = -1 // the next try begins anew
	}
	http.SetCookie(w, cookie)
	return looping
}

// writeLoop explains why the login leads round and round.
func (s *Server) writeLoop(w http.ResponseWriter, r *http.Request) {
	there := s.opts.LoginURL
	if u, err := url.Parse(there); err == nil {
		u.RawQuery = ""
		there = u.Redacted()
	}
	here := s.origin(r) + s.base
	found := "Your browser sends no cookie of the application's here."
	if auth.Credentials(r.Header) {
		found = "Your browser sends cookies here, but the application says that they are nobody's."
	}
	s.log.Warn("the login goes round and round: whoever signs in at --login-url is nobody at --auth-url",
		"login-url", there, "here", here, "cookies", auth.Credentials(r.Header), "from", from(r))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, loopPage, found, html.EscapeString(there), html.EscapeString(here), html.EscapeString(s.base))
}

const loopPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not signed in · Loglane</title>
<h1>The login does not arrive here</h1>
<p>You were led to the application's login page several times in a few seconds, and each time came back as nobody. %s</p>
<p>Whoever runs this gateway can mend it:</p>
<ul>
<li>The application's login page is <code>%s</code>, and this gateway is <code>%s</code>. Browsers send the application's cookie here only if both have the same host; the port does not matter. On two hosts of one domain, the application's cookie must be made for that domain (in Django, SESSION_COOKIE_DOMAIN).</li>
<li>A cookie that is Secure is sent over https only, one with a Path only below it, and one that is SameSite=Strict not when another site leads here.</li>
<li>--login-url and --auth-url must be of the same application, and --auth-url must answer 200 with a name for its cookie.</li>
</ul>
<p><a href="%slogin">Try again</a></p>
</html>
`
