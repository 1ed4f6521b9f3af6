package auth

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// peerKey has the address that a request's connection comes from.
type peerKey struct{}

// WithPeer notes who the request's connection comes from, before a later handler shows it as
// a proxy got it. [Header] believes only what is noted so.
func WithPeer(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), peerKey{}, r.RemoteAddr))
}

// peerOf is the address that a request's connection comes from; invalid where it is not
// noted or the connection has none.
func peerOf(r *http.Request) netip.Addr {
	noted, _ := r.Context().Value(peerKey{}).(string)
	peer, err := netip.ParseAddrPort(noted)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// OverUnixSocket says whether a request came to a listener of a Unix socket.
func OverUnixSocket(r *http.Request) bool {
	_, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr)
	return unix
}
