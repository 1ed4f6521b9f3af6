package server

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// principal is who asks; nil is nobody. The first way in that knows the request, or cannot
// tell, ends the search.
func (s *Server) principal(r *http.Request) (*auth.Principal, error) {
	for _, way := range s.ways {
		if p, err := way.Authenticate(r); p != nil || err != nil {
			return p, s.wrongToken(r, err)
		}
	}
	return nil, nil
}

// wrongToken lets an address that shows many tokens that do not stand wait: the error of a
// way in otherwise.
func (s *Server) wrongToken(r *http.Request, err error) error {
	var status *loglane.StatusError
	if r.Header.Get("Authorization") == "" || !errors.As(err, &status) || status.Code != http.StatusUnauthorized {
		return err
	}
	if tooMany := s.limiter.wrongToken(r); tooMany != nil {
		return tooMany
	}
	return err
}

var errNotSignedIn = &loglane.StatusError{Code: http.StatusUnauthorized, Message: "not signed in"}

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

// remoteAddress is the caller's address; invalid where there is none, as on a Unix socket,
// or where a trusted proxy does not tell.
func remoteAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// from is the caller's address for the log.
func from(r *http.Request) string {
	if address := remoteAddress(r); address.IsValid() {
		return address.String()
	}
	return "unknown"
}
