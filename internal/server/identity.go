package server

import (
	"errors"
	"fmt"
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
		p, err := way.Authenticate(r)
		if err != nil {
			s.noteStranger(r, nameOf(way), err)
			return nil, s.wrongToken(r, err)
		}
		if p != nil {
			return known(p, way), nil
		}
	}
	return nil, nil
}

// bySession is who the request's session cookie stands for, whatever else it carries; nil is
// nobody.
func (s *Server) bySession(r *http.Request) *auth.Principal {
	for _, way := range s.ways {
		if _, sessions := way.(*auth.Login); !sessions {
			continue
		}
		if p, _ := way.Authenticate(r); p != nil {
			return known(p, way)
		}
	}
	return nil
}

// known is a principal that says which way it came by.
func known(p *auth.Principal, way auth.Authenticator) *auth.Principal {
	if p.Way != "" {
		return p
	}
	named := *p // it may be shared
	named.Way = nameOf(way)
	return &named
}

// nameOf is what the audit calls a way in.
func nameOf(way auth.Authenticator) string {
	switch way.(type) {
	case *auth.Tokens:
		return "token"
	case *auth.Login:
		return "password"
	case *auth.Forward:
		return "auth-url"
	default:
		return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", way), "*auth."))
	}
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

// Origin is where a request comes from, as far as the caller's connection and the trusted
// proxies tell. It is for ways in behind [Server.Handler].
func Origin(r *http.Request) auth.Origin {
	o := auth.Origin{Scheme: "http"}
	if address := remoteAddress(r); address.IsValid() {
		o.Address = address.String()
	}
	if Secure(r) {
		o.Scheme = "https"
	}
	if hostForm.MatchString(r.Host) {
		o.Host = r.Host
	}
	return o
}

// from is the caller's address for the log.
func from(r *http.Request) string {
	if address := remoteAddress(r); address.IsValid() {
		return address.String()
	}
	return "unknown"
}
