package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

const (
	// flowLife is how long somebody may take at the provider.
	flowLife = 10 * time.Minute

	// maxFlows bounds the flows of one browser that are under way: tabs that all lose their
	// login at once begin one each.
	maxFlows = 5
	// maxFlowNext keeps their cookies together well within the headers that proxies take.
	maxFlowNext = 512

	// flowMark and pauseMark follow the session cookie's name.
	flowMark  = "-oidc-"
	pauseMark = "-pause"
	markSize  = 8 // of the state, in the cookie's name
)

// A flow is a sign-in under way. All of it stands in a cookie of the browser that began it,
// so that nobody can make the gateway remember anything; what the provider gets is derived
// from the cookie's secret.
type flow struct {
	secret string
	began  string // Unix seconds
	next   string
}

func newFlow(next, base string) flow {
	if len(next) > maxFlowNext {
		next = base
	}
	return flow{secret: newToken(), began: strconv.FormatInt(time.Now().Unix(), 10), next: next}
}

// derive returns a value of 43 characters that tells nothing of the secret or of another label's.
func (f flow) derive(label string) string {
	mac := hmac.New(sha256.New, []byte(f.secret))
	mac.Write([]byte(label + "\x00" + f.began + "\x00" + f.next))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (f flow) state() string    { return f.derive("state") }
func (f flow) nonce() string    { return f.derive("nonce") }
func (f flow) verifier() string { return f.derive("verifier") } // of PKCE

func (f flow) String() string {
	return f.secret + "." + f.began + "." + base64.RawURLEncoding.EncodeToString([]byte(f.next))
}

// parseFlow reads a cookie's value.
func parseFlow(text string) (f flow, ok bool) {
	secret, rest, _ := strings.Cut(text, ".")
	began, encoded, found := strings.Cut(rest, ".")
	next, err := base64.RawURLEncoding.DecodeString(encoded)
	if !found || err != nil || len(secret) != tokenLength || len(next) > maxFlowNext {
		return flow{}, false
	}
	return flow{secret, began, string(next)}, true
}

// young says whether the flow may still end.
func (f flow) young() bool {
	seconds, err := strconv.ParseInt(f.began, 10, 64)
	age := time.Since(time.Unix(seconds, 0))
	return err == nil && age < flowLife && age > -time.Minute
}

var errNoFlow = &loglane.StatusError{
	Code:    http.StatusBadRequest,
	Message: "This sign-in was not begun in this browser, was used already, or took longer than 10 minutes. Sign in again.",
}

// keepFlow gives the browser the cookie of a flow, and takes the oldest where it has many.
func (o *OIDC) keepFlow(w http.ResponseWriter, r *http.Request, f flow) {
	base := o.login.cookie(r)
	var others []string
	for _, cookie := range r.Cookies() {
		if strings.HasPrefix(cookie.Name, base.Name+flowMark) {
			others = append(others, cookie.Name)
		}
	}
	for len(others) >= maxFlows { // browsers send the oldest first
		o.dropCookie(w, r, strings.TrimPrefix(others[0], base.Name))
		others = others[1:]
	}
	o.setCookie(w, r, flowMark+f.state()[:markSize], f.String(), flowLife)
}

// takeFlow returns the flow that a state belongs to, and takes its cookie.
func (o *OIDC) takeFlow(w http.ResponseWriter, r *http.Request, state string) (flow, error) {
	if len(state) != tokenLength {
		return flow{}, errNoFlow
	}
	mark := flowMark + state[:markSize]
	cookie, err := r.Cookie(o.login.cookie(r).Name + mark)
	if err != nil {
		return flow{}, errNoFlow
	}
	f, ok := parseFlow(cookie.Value)
	if !ok || subtle.ConstantTimeCompare([]byte(f.state()), []byte(state)) != 1 || !f.young() {
		return flow{}, errNoFlow
	}
	o.dropCookie(w, r, mark)
	return f, nil
}

// setCookie sets a cookie beside the session's, with all that that has.
func (o *OIDC) setCookie(w http.ResponseWriter, r *http.Request, mark, value string, life time.Duration) {
	cookie := o.login.cookie(r)
	cookie.Name += mark
	cookie.Value = value
	cookie.MaxAge = int(life / time.Second)
	http.SetCookie(w, cookie)
}

func (o *OIDC) dropCookie(w http.ResponseWriter, r *http.Request, mark string) {
	cookie := o.login.cookie(r)
	cookie.Name += mark
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
}

// Somebody who has just signed out, or whose sign-in has not held, gets a page instead of
// another round to the provider.
const (
	pauseAfterSignOut = 10 * time.Minute
	pauseAfterSignIn  = 10 * time.Second
)

// Straight says whether the login page may lead on to the provider by itself.
func (o *OIDC) Straight(r *http.Request) bool {
	_, err := r.Cookie(o.login.cookie(r).Name + pauseMark)
	return err != nil && o.found.Load() != nil
}

func (o *OIDC) pause(w http.ResponseWriter, r *http.Request, life time.Duration) {
	o.setCookie(w, r, pauseMark, "1", life)
}

// ownCookie says whether a cookie is the gateway's: it is for no other program.
func ownCookie(name string) bool {
	for _, own := range []string{SecureCookie, PlainCookie} {
		if name == own || strings.HasPrefix(name, own+flowMark) || name == own+pauseMark {
			return true
		}
	}
	return name == TripsCookie
}
