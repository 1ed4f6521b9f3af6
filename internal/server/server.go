package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
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
	Hub   *loglane.Hub // required
	Login Login        // required
	Pages fs.FS        // required: index.html, login.html, assets/

	BasePath       string // begins and ends with a slash; "" is /
	StreamDisabled bool
	Template       loglane.Template // zero is loglane.DefaultTemplate
	Limits         Limits
	Notices        auth.Notices // tells other gateways of purged channels, see ObeyNotices; nil: there are none
	Probes         []Probe      // of /readyz
	Beside         []Route      // further routes under the base path, behind the same middleware
	Logger         *slog.Logger

	readTime time.Duration // of a body; 0 is the constant of the name
}

// A Server holds the routes. Its methods may be called concurrently.
type Server struct {
	opts     Options
	base     string
	log      *slog.Logger
	index    *page
	login    *page
	assets   assets
	limiter  *limiter
	draining atomic.Bool
}

// New starts nothing. It fails with all that is wrong with opts.
func New(opts Options) (*Server, error) {
	s := &Server{opts: opts, base: opts.BasePath, log: opts.Logger, limiter: newLimiter(opts.Limits)}
	if s.base == "" {
		s.base = "/"
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.opts.readTime == 0 {
		s.opts.readTime = readTime
	}
	if s.opts.Template == (loglane.Template{}) {
		s.opts.Template = loglane.DefaultTemplate
	}
	var errs []error
	if !strings.HasPrefix(s.base, "/") || !strings.HasSuffix(s.base, "/") {
		errs = append(errs, fmt.Errorf("base path %q: it begins and ends with a slash", s.base))
	}
	for name, place := range map[string]**page{"index.html": &s.index, "login.html": &s.login} {
		p, err := readPage(opts.Pages, name)
		errs = append(errs, err)
		*place = p
	}
	var err error
	s.assets, err = readAssets(opts.Pages)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// Drain lets /readyz say that the gateway is about to end, so that a load balancer
// sends no new viewers.
func (s *Server) Drain() { s.draining.Store(true) }
