package server

import (
	"net/http"
	"net/netip"
	"time"
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
