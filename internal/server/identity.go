package server

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// principal is who asks; nil is nobody. The first way in that knows the request, or cannot
// tell, ends the search.
func (s *Server) principal(r *http.Request) (*auth.Principal, error) {
	for _, way := range s.ways {
		if p, err := way.Authenticate(r); p != nil || err != nil {
			return p, err
		}
	}
	return nil, nil
}

var errNotSignedIn = &loglane.StatusError{Code: http.StatusUnauthorized, Message: "not signed in"}

// loginURL is the login page that leads back to r.
func (s *Server) loginURL(r *http.Request) string {
	return s.base + "login?next=" + url.QueryEscape(r.URL.RequestURI())
}

// takesHTML says whether a person's browser asks for a page: an EventSource or a
// program that got a page instead of a stream would not know what to do with it.
func takesHTML(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept") {
		for item := range strings.SplitSeq(line, ",") {
			kind, _, _ := strings.Cut(item, ";")
			if strings.EqualFold(strings.TrimSpace(kind), "text/html") {
				return true
			}
		}
	}
	return false
}

// remoteAddress is the peer's address; invalid where there is none, as on a Unix socket.
func remoteAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}
