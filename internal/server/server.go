package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/audit"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/door"
	"github.com/loglane/loglane/internal/ingest"
	"github.com/loglane/loglane/internal/redact"
)

// Login is what the routes need of signing in by name and password.
type Login interface {
	auth.Authenticator
	// SignIn checks the password and writes a session into w's headers. Its errors are
	// *loglane.StatusError with a message for the page.
	SignIn(w http.ResponseWriter, r *http.Request, name, password string) (*auth.Principal, error)
	// SignOut ends the session and its streams; auth.ErrSignOutPending says that the
	// store will learn of it later.
	SignOut(w http.ResponseWriter, r *http.Request) error
}

// A Probe says whether something that the gateway needs is there.
type Probe struct {
	Name  string // what /readyz calls it
	Check func(context.Context) error
}

// Options are the parts and settings of a [Server].
type Options struct {
	Hub    *loglane.Hub   // required
	Broker loglane.Broker // required; takes the lines that are sent over HTTP
	Pages  fs.FS          // required: index.html, login.html, assets/

	// Login signs in by name and password; nil is without. Ways are the ways in, in the
	// order in which they are tried; Login is tried first unless it stands among them. One
	// of the two is required.
	Login Login
	Ways  []auth.Authenticator

	// Provider signs in at another site, with sessions that one of Ways knows; nil is none.
	Provider Provider

	// LoginURL is another application's login page, as CheckLoginURL takes it; the login page
	// leads there. "" is none.
	LoginURL string
	// PublicURL is where browsers find the gateway, as ParsePublicURL returns it; nil is to
	// make links from the requests.
	PublicURL *url.URL
	// TrustedProxies are the peers whose X-Forwarded headers are believed.
	TrustedProxies []netip.Prefix
	// TrustedSocket says that those of whoever comes over a Unix socket are believed, too.
	TrustedSocket bool
	// TrustedHeader is the name's header of an auth.Header among the Ways; "" is none.
	TrustedHeader string

	// AllowedOrigins are the origins whose pages may read the stream, the history and who
	// is signed in, as ParseOrigins returns them.
	AllowedOrigins []string

	BasePath       string // begins and ends with a slash; "" is /
	StreamDisabled bool
	Template       loglane.Template // zero is loglane.DefaultTemplate
	Limits         Limits
	Crowded        func() error // whether there is no memory for further streams and lines, as a *loglane.StatusError; nil is never
	Notices        auth.Notices // tells other gateways of purged channels, see ObeyNotices; nil: there are none
	Probes         []Probe      // of /readyz
	Beside         []Route      // further routes under the base path, behind the same middleware
	Logger         *slog.Logger

	// Audit gets who does what with channels that are not their own, and who comes in or does
	// not; nil is Logger. AuditRequired refuses what could not be written there.
	Audit         *audit.Log
	AuditRequired bool
	// ShowWatchers shows the owners of channels how many others watch them, as far as Watch
	// runs on the other gateways too.
	ShowWatchers bool
	// ViewerFloor and ViewerMembers are what the role viewer sees of lines, as a
	// loglane.Grant has them; nil is all. Whoever is more sees all.
	ViewerFloor   *loglane.Level
	ViewerMembers *loglane.Members

	MaxLine        int            // bytes; default loglane.DefaultMaxLine
	MaxIngestBytes int            // of a body, as sent and decompressed; default ingest.DefaultMaxBytes
	Global         *loglane.Level // from which lines that are sent go to the global channel too: nil is every line, GlobalOff none

	// Redact takes secrets out of lines that are sent before they are stored; nil takes out
	// nothing. See Server.Redacted.
	Redact *redact.Redactor

	readTime time.Duration // of a body; 0 is the constant of the name
}

// A Server holds the routes. Its methods may be called concurrently.
type Server struct {
	opts     Options
	base     string
	ways     []auth.Authenticator
	log      *slog.Logger
	index    *page
	login    *page
	assets   assets
	limiter  *limiter
	senders  *senders
	door     *door.Door
	watchers *watchers
	audit    *audit.Log
	sending  *sending
	memory   *memory
	metrics  *metrics
	draining atomic.Bool
	redacted atomic.Uint64

	numbering numbering
}

// New starts nothing. It fails with all that is wrong with opts.
func New(opts Options) (*Server, error) {
	s := &Server{door: door.New(opts.Hub, opts.Broker), audit: opts.Audit, opts: opts, base: opts.BasePath, log: opts.Logger, limiter: newLimiter(opts.Limits), metrics: newMetrics()}
	if s.base == "" {
		s.base = "/"
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.opts.Hub, s.opts.Broker = nil, nil // behind the door
	s.watchers = newWatchers(opts.Notices, s.tellOwner)
	if s.audit == nil {
		s.audit, _ = audit.Open(audit.Options{Logger: s.log}) // without a file it cannot fail
	}
	if s.opts.readTime == 0 {
		s.opts.readTime = readTime
	}
	if s.opts.MaxIngestBytes == 0 {
		s.opts.MaxIngestBytes = ingest.DefaultMaxBytes
	}
	s.opts.Limits.Ingest.complete(s.opts.MaxIngestBytes)
	s.senders, s.sending, s.memory = newSenders(s.opts.Limits.Ingest), newSending(s.opts.Limits.Ingest), newMemory(s.opts.Limits.Ingest.Memory)
	s.limiter.crowded = opts.Crowded
	if s.opts.Template == (loglane.Template{}) {
		s.opts.Template = loglane.DefaultTemplate
	}
	s.ways = opts.ways()
	var errs []error
	if len(s.ways) == 0 {
		errs = append(errs, errors.New("nobody could come in: neither Login nor Ways is there"))
	}
	if !strings.HasPrefix(s.base, "/") || !strings.HasSuffix(s.base, "/") {
		errs = append(errs, fmt.Errorf("base path %q: it begins and ends with a slash", s.base))
	}
	if opts.LoginURL != "" {
		if err := CheckLoginURL(opts.LoginURL); err != nil {
			errs = append(errs, fmt.Errorf("login URL: %w", err))
		}
	}
	if opts.PublicURL != nil && opts.PublicURL.Path != s.base {
		errs = append(errs, fmt.Errorf("public URL %s: its path is not the base path %s", opts.PublicURL, s.base))
	}
	if _, err := ParseOrigins(strings.Join(opts.AllowedOrigins, ",")); err != nil {
		errs = append(errs, fmt.Errorf("allowed origins: %w", err))
	}
	for name, place := range map[string]**page{"index.html": &s.index, "login.html": &s.login} {
		p, err := readPage(opts.Pages, name, s.base)
		errs = append(errs, err)
		*place = p
	}
	var err error
	s.assets, err = readAssets(opts.Pages)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.metrics.observe(s)
	return s, nil
}

func (o *Options) ways() []auth.Authenticator {
	if o.Login == nil || slices.ContainsFunc(o.Ways, func(way auth.Authenticator) bool { return way == auth.Authenticator(o.Login) }) {
		return o.Ways
	}
	return append([]auth.Authenticator{o.Login}, o.Ways...)
}

// Redacted counts the secrets that were taken out of lines that were sent.
func (s *Server) Redacted() uint64 { return s.redacted.Load() }

// Drain lets /readyz say that the gateway is about to end, so that a load balancer
// sends no new viewers.
func (s *Server) Drain() { s.draining.Store(true) }
