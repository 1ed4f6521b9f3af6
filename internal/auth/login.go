package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

const (
	// DefaultLifetime is how long a session lasts unless LoginOptions say otherwise.
	DefaultLifetime = 12 * time.Hour

	// MinIdleTimeout is the shortest idle timeout: an open stream, which is checked
	// every 30 s, must keep its session alive.
	MinIdleTimeout = 2 * time.Minute
)

// These bound failed logins with one name from one address (an IPv6 address counts as
// its /64), from one address, and with one name from anywhere. Many people may share an
// address; and whoever guesses at a name must not lock its owner out, who comes from
// elsewhere, until very many guess together; and not even they keep out who comes from an
// address from which they have signed in before. Loopback and private addresses are those of
// a proxy in front: from there, only the name is counted.
var (
	DefaultAccountTries = Tries{Burst: 10, Every: 10 * time.Second}
	DefaultAddressTries = Tries{Burst: 50, Every: time.Second}
	DefaultTotalTries   = Tries{Burst: 100, Every: time.Second}
)

// LoginOptions is what a [Login] is made of. Sessions and Notices are needed.
type LoginOptions struct {
	Users    *Users   // nil is nobody: only an [OIDC] makes sessions then
	Sessions Sessions // shared by all gateways
	Notices  Notices  // shared by all gateways

	// Template must be the one that Users was opened with; the zero value is just that.
	Template loglane.Template

	// Names refuses those that another way in makes; its Prefix is "".
	Names Names

	// CookieSecure says that browsers come over https although requests here may not,
	// because a proxy speaks TLS. Requests over TLS get a secure cookie in any case.
	CookieSecure bool

	// Secure says whether a request's browser speaks TLS with a proxy in front; nil is that
	// none does. Requests that are secure so get a secure cookie too.
	Secure func(*http.Request) bool

	// InsecureCookies lets people on other machines sign in over plain HTTP. Without it
	// plain cookies are for requests within this machine only, see [Local].
	InsecureCookies bool

	// BasePath is the URL path that everything is below; default "/".
	BasePath string

	// Lifetime is when a session ends, however much it is used; default [DefaultLifetime].
	Lifetime time.Duration

	// IdleTimeout ends a session that was not used for so long; 0 is never, the least
	// is [MinIdleTimeout]. An open stream uses its session.
	IdleTimeout time.Duration

	// AccountTries, AddressTries and TotalTries bound failed logins, on this process: of
	// a name from an address, from an address, and of a name. The zero values are
	// [DefaultAccountTries], [DefaultAddressTries] and [DefaultTotalTries].
	AccountTries, AddressTries, TotalTries Tries

	// MaxSessions is how many sessions a user has at once: one more ends the oldest. It takes
	// Sessions that are a [SessionList]; 0 is without limit.
	MaxSessions int

	// Address returns the address of the caller itself, not of a proxy in front, or "" where
	// it is not known. nil is [RemoteAddress], of which loopback and private addresses are
	// taken for a proxy's and not counted.
	Address func(*http.Request) string

	// Logger gets what happens between requests; default slog.Default().
	Logger *slog.Logger

	// OnEnd is called when logins end, with a match for their open streams on this
	// process and the reason "signed out", "revoked" or "signed in again". user is a
	// principal's Name. match may be called concurrently and later, too; OnEnd may be
	// called concurrently and must not block. A match that matches nothing only asks
	// which sessions have streams. nil ends no streams.
	OnEnd func(match func(session string, user string) bool, reason string)
}

// Login is the way in with a name and a password. Its methods may be called
// concurrently. [NewLogin] starts nothing; [Login.Run] does the work between requests.
type Login struct {
	users        *Users
	names        Names
	sessions     Sessions
	notices      Notices
	cookieSecure bool
	tlsBefore    func(*http.Request) bool
	insecure     bool
	cookiePath   string
	lifetime     time.Duration
	idle         time.Duration
	accounts     *tries
	addresses    *tries
	totals       *tries
	homes        *recent // accounts with addresses from where they have signed in
	maxSessions  int
	address      func(*http.Request) string
	log          *slog.Logger
	onEnd        func(match func(session, user string) bool, reason string)
	endings      *endings
	interruption interruption
	known        *recent // sessions that the store had, by their keys

	// outside returns the principal of a session that another site has told; nil is none, and
	// an error that the store cannot be asked. It is set before the first request.
	outside func(context.Context, *told) (*Principal, error)

	mu      sync.Mutex
	running bool
	closed  chan struct{}
	done    chan struct{} // closed when Run has ended; nil before it began
}

var _ Authenticator = (*Login)(nil)

// NewLogin returns a session login. It names all that is wrong with the options together.
func NewLogin(o LoginOptions) (*Login, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	l := &Login{
		users:        o.Users,
		names:        o.Names,
		sessions:     o.Sessions,
		notices:      o.Notices,
		cookieSecure: o.CookieSecure,
		tlsBefore:    o.Secure,
		insecure:     o.InsecureCookies,
		cookiePath:   cookiePath(o.BasePath),
		lifetime:     o.Lifetime,
		idle:         o.IdleTimeout,
		accounts:     newTries(o.AccountTries),
		addresses:    newTries(o.AddressTries),
		totals:       newTries(o.TotalTries),
		homes:        newRecent(maxHomes, homeLife),
		maxSessions:  o.MaxSessions,
		address:      o.Address,
		log:          o.Logger,
		onEnd:        o.OnEnd,
		closed:       make(chan struct{}),
		known:        newRecent(maxKnown, 0),
	}
	l.endings = newEndings(l.retire, o.Logger)
	return l, nil
}

// Known says whether there is a user with a name.
func (l *Login) Known(name string) bool {
	key, err := loglane.EncodeName(name)
	if err != nil {
		return false
	}
	_, found := l.users.find(key)
	return found
}

func (o LoginOptions) withDefaults() LoginOptions {
	if o.Template == (loglane.Template{}) && o.Users != nil {
		o.Template = o.Users.template
	}
	if o.BasePath == "" {
		o.BasePath = "/"
	}
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	if o.AccountTries == (Tries{}) {
		o.AccountTries = DefaultAccountTries
	}
	if o.AddressTries == (Tries{}) {
		o.AddressTries = DefaultAddressTries
	}
	if o.TotalTries == (Tries{}) {
		o.TotalTries = DefaultTotalTries
	}
	if o.Address == nil {
		o.Address = ownAddress
	}
	if o.Secure == nil {
		o.Secure = func(*http.Request) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.OnEnd == nil {
		o.OnEnd = func(func(session, user string) bool, string) {}
	}
	return o
}

func (o LoginOptions) validate() error {
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf("login: "+format, args...)) }
	if o.Users != nil && o.Template != o.Users.template {
		refuse("Template is %q, but Users was opened with %q", o.Template, o.Users.template)
	}
	if o.Names.Prefix != "" {
		refuse("Names has the prefix %q: the names of the auth file are as they are written there", o.Names.Prefix)
	}
	if o.Sessions == nil {
		refuse("Sessions is missing: NewMemorySessions is enough for one process")
	}
	if o.Notices == nil {
		refuse("Notices is missing: NewMemoryNotices is enough for one process")
	}
	if !strings.HasPrefix(o.BasePath, "/") {
		refuse("BasePath is %q: it begins with a slash, such as /loglane", o.BasePath)
	}
	if o.Lifetime < time.Minute {
		refuse("Lifetime is %v: at least a minute, such as 12h", o.Lifetime)
	}
	if o.IdleTimeout != 0 && o.IdleTimeout < MinIdleTimeout {
		refuse("IdleTimeout is %v: 0 or at least %v", o.IdleTimeout, MinIdleTimeout)
	}
	if o.MaxSessions < 0 {
		refuse("MaxSessions is %d: take 0 or more", o.MaxSessions)
	}
	if !o.AccountTries.valid() {
		refuse("AccountTries is %+v: Burst is at least 1 and Every more than 0", o.AccountTries)
	}
	if !o.AddressTries.valid() {
		refuse("AddressTries is %+v: Burst is at least 1 and Every more than 0", o.AddressTries)
	}
	if !o.TotalTries.valid() {
		refuse("TotalTries is %+v: Burst is at least 1 and Every more than 0", o.TotalTries)
	}
	return errors.Join(problems...)
}

// Authenticate returns the principal of the request's session cookie, nil and nil where
// there is none that stands, or an error that wraps a [*loglane.StatusError] with code
// 503 while the session store cannot be asked.
func (l *Login) Authenticate(r *http.Request) (*Principal, error) {
	token := l.token(r)
	if token == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	return l.load(ctx, sessionKey(token))
}

// Run follows the file of users and the other gateways' notices, and retries the
// sign-outs that the session store has not heard of, until ctx ends or Close is called.
// Without it logins work, but end late. It returns when all it started has ended, with
// an error only where Run was called before.
func (l *Login) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	if l.running {
		l.mu.Unlock()
		return errors.New("login: Run was called before")
	}
	l.running = true
	select {
	case <-l.closed:
		l.mu.Unlock()
		return nil
	default:
	}
	done := make(chan struct{})
	l.done = done
	l.mu.Unlock()
	defer close(done)

	var workers sync.WaitGroup
	if l.users != nil {
		workers.Go(func() { l.users.Watch(ctx, Revoke(l.onEnd)) })
	}
	workers.Go(func() { l.hear(ctx) })
	workers.Go(func() { l.endings.run(ctx) })
	select {
	case <-ctx.Done():
	case <-l.closed:
	}
	cancel()
	workers.Wait()
	return nil
}

// Close ends Run and waits for it. Sign-outs that the session store has not heard of are
// tried once more before, for up to two seconds. It may be called more than once, and
// before Run, which then returns at once.
func (l *Login) Close() {
	l.mu.Lock()
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	done := l.done
	l.mu.Unlock()
	if done != nil {
		<-done
	}
}
