package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

const (
	// DevCodeLifetime is how long a [Dev]'s sign-in code can be used.
	DevCodeLifetime = 10 * time.Minute

	// devName is who signs in with the code.
	devName = "dev"
)

// DevOptions is what a [Dev] is made of.
type DevOptions struct {
	Template loglane.Template // of the own channel; the zero value is loglane.DefaultTemplate
	BasePath string           // URL path that everything is below; default "/"

	// OnEnd ends streams, as that of [LoginOptions] does; nil ends none.
	OnEnd func(match func(session string, user string) bool, reason string)

	Logger *slog.Logger // default slog.Default()
}

// Dev is the way in to a gateway on the developer's own machine: a code that signs an admin
// in once, and an API token that writes to every channel. Both, and the session, are random
// and live in this process only.
//
// It knows nobody whose request comes from another machine or names another host: a page
// that has its own name lead here gets nothing. Its methods may be called concurrently, and
// it starts nothing.
type Dev struct {
	code, token string
	cookie      string // name; cookies know no ports, and another process has its own
	path        string
	channel     string
	onEnd       func(match func(session string, user string) bool, reason string)
	log         *slog.Logger

	mu      sync.Mutex
	codeEnd time.Time // zero once the code was used
	session string    // key; "" while nobody is signed in
	ends    time.Time // of the session
}

// NewDev returns a way in whose code can be used from now on. It fails for a template that
// makes no channel of the developer's name.
func NewDev(opts DevOptions) (*Dev, error) {
	if opts.Template == (loglane.Template{}) {
		opts.Template = loglane.DefaultTemplate
	}
	channel, err := opts.Template.Channel(devName)
	if err != nil {
		return nil, err
	}
	d := &Dev{
		code: newToken(), token: "lld_" + newToken(), cookie: PlainCookie + "-dev-" + newToken()[:8],
		path: cookiePath(opts.BasePath), channel: channel, onEnd: opts.OnEnd, log: opts.Logger,
		codeEnd: time.Now().Add(DevCodeLifetime),
	}
	if d.onEnd == nil {
		d.onEnd = func(func(session, user string) bool, string) {}
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	return d, nil
}

// Code returns what [Dev.Redeem] takes once.
func (d *Dev) Code() string { return d.code }

// Token returns the API token, for a header Authorization: Bearer.
func (d *Dev) Token() string { return d.token }

// Local says whether a request comes from this machine and was meant for it: the name in
// its Host header is that of the loopback, and no proxy or tunnel on this machine says that
// it passes on what comes from elsewhere.
func Local(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && LoopbackHost(r.Host) && !fromElsewhere(r.Header)
}

// fromElsewhere says whether a proxy tells of a caller on another machine, or of a name that
// leads here from there. What is not understood does.
func fromElsewhere(header http.Header) bool {
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip"} {
		for _, line := range header.Values(name) {
			for hop := range strings.SplitSeq(line, ",") {
				ip, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(hop), "[]"))
				if err != nil || !ip.Unmap().IsLoopback() {
					return true
				}
			}
		}
	}
	for _, line := range header.Values("X-Forwarded-Host") {
		for host := range strings.SplitSeq(line, ",") {
			if !LoopbackHost(strings.TrimSpace(host)) {
				return true
			}
		}
	}
	return len(header.Values("Forwarded")) > 0
}

// LoopbackHost says whether a host, with or without a port, as it stands in a URL, is
// localhost or a loopback address.
func LoopbackHost(host string) bool {
	u, err := url.Parse("http://" + host)
	if err != nil || u.Host != host {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || err == nil && ip.Unmap().IsLoopback()
}

var (
	errNotLocal = &loglane.StatusError{Code: http.StatusForbidden, Message: "This link works on the machine of the gateway only, as localhost or 127.0.0.1."}
	errCodeUsed = &loglane.StatusError{Code: http.StatusForbidden, Message: "This link was used, or is older than 10 minutes. Start 'loglane serve --dev' again: it prints another."}
	errDevLogin = &loglane.StatusError{Code: http.StatusForbidden, Message: devHint}
)

const devHint = "Open the sign-in link that 'loglane serve --dev' has printed. It works once: start it again for another."

// Redeem signs in with the code, and writes the session into w's headers. Its errors are
// [*loglane.StatusError]s for the caller.
func (d *Dev) Redeem(w http.ResponseWriter, r *http.Request, code string) error {
	if !Local(r) {
		return errNotLocal
	}
	if !sameSecret(code, d.code) {
		return errCodeUsed
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !time.Now().Before(d.codeEnd) {
		return errCodeUsed
	}
	token := newToken()
	d.codeEnd, d.session, d.ends = time.Time{}, sessionKey(token), time.Now().Add(DefaultLifetime)
	http.SetCookie(w, d.newCookie(token))
	d.log.Info("audit", "action", "sign in", "outcome", "allowed", "who", devName, "role", Admin)
	return nil
}

func (d *Dev) newCookie(token string) *http.Cookie {
	return &http.Cookie{Name: d.cookie, Value: token, Path: d.path, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

// sameSecret compares in a time that tells nothing of either.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Authenticate implements [Authenticator]: an admin for the session, one that may write too
// for the token.
func (d *Dev) Authenticate(r *http.Request) (*Principal, error) {
	if !Local(r) {
		return nil, nil
	}
	if bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); found && sameSecret(bearer, d.token) {
		return &Principal{Name: devName, Role: Admin, Channel: d.channel, Token: devName, Writes: []string{"*"}}, nil
	}
	cookie, err := r.Cookie(d.cookie)
	if err != nil {
		return nil, nil
	}
	key := sessionKey(cookie.Value)
	ends, stands := d.stands(key)
	if !stands {
		return nil, nil
	}
	check := func(context.Context) error {
		if _, stands := d.stands(key); !stands {
			return ended()
		}
		return nil
	}
	return &Principal{Name: devName, Role: Admin, Channel: d.channel, Session: key, Expires: ends, Check: check}, nil
}

// stands says whether a session does, and when it ends. Keys are hashes: how long their
// comparison takes tells nothing of a cookie.
func (d *Dev) stands(key string) (ends time.Time, stands bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ends, d.session != "" && key == d.session && time.Now().Before(d.ends)
}

// Hint is what the login page says in place of nothing.
func (d *Dev) Hint() string { return devHint }

// SignIn refuses every password: there are none.
func (d *Dev) SignIn(http.ResponseWriter, *http.Request, string, string) (*Principal, error) {
	return nil, errDevLogin
}

// SignOut ends the session and its streams.
func (d *Dev) SignOut(w http.ResponseWriter, r *http.Request) error {
	p, err := d.Authenticate(r)
	if err != nil || p == nil || p.Session == "" {
		return err
	}
	d.mu.Lock()
	if d.session == p.Session {
		d.session = ""
	}
	d.mu.Unlock()
	cookie := d.newCookie("")
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
	d.onEnd(func(session, _ string) bool { return session == p.Session }, "signed out")
	return nil
}
