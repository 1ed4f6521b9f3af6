package server

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// Patterns are those of all routes, for the test that demands a row for each.
func (s *Server) Patterns() []string {
	var patterns []string
	for _, r := range s.routes() {
		patterns = append(patterns, r.Pattern)
	}
	return patterns
}

// SetReadTime changes how long a body may take.
func (o *Options) SetReadTime(limit time.Duration) { o.readTime = limit }

// ClientOf is the caller that trusted proxies tell of.
func ClientOf(trusted []netip.Prefix, header http.Header) netip.Addr {
	return proxies(trusted).client(header)
}

// Watchers are counts of who watches, without a server.
type Watchers struct{ *watchers }

// NewWatchers returns some.
func NewWatchers(notices auth.Notices, tell func(channel string, n int)) Watchers {
	return Watchers{newWatchers(notices, tell)}
}

// Run speaks with the other gateways.
func (w Watchers) Run(ctx context.Context) { w.run(ctx) }

// Channels is how many channels of other gateways are counted.
func (w Watchers) Channels() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.there)
}
