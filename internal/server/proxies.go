package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"

	"github.com/loglane/loglane/internal/auth"
)

// ParseProxies reads the addresses of proxies: networks such as 10.0.0.0/8 or single
// addresses, separated by commas. Empty is none.
func ParseProxies(text string) ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	var errs []error
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		proxy, err := parseProxy(item)
		switch {
		case err != nil:
			errs = append(errs, err)
		case proxy.Bits() == 0:
			errs = append(errs, fmt.Errorf("%q would believe everybody", item))
		default:
			proxies = append(proxies, proxy)
		}
	}
	return proxies, errors.Join(errs...)
}

// SocketProxies takes the items "unix" out of a list of proxies: they stand for those that
// come over the Unix socket that the server listens on.
func SocketProxies(text string) (addresses string, unix bool) {
	var rest []string
	for item := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(item) == "unix" {
			unix = true
			continue
		}
		rest = append(rest, item)
	}
	return strings.Join(rest, ","), unix
}

func parseProxy(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap().WithZone("")
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
	}
	if network.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q: write the IPv4 network", text)
	}
	return network.Masked(), nil
}

// proxies are the peers whose word is taken for what they forward.
type proxies []netip.Prefix

func (p proxies) trust(address netip.Addr) bool {
	for _, proxy := range p {
		if proxy.Contains(address) {
			return true
		}
	}
	return false
}

// client returns who stands before the trusted proxies: the rightmost hop that is none of
// them, or the leftmost where all are. It is invalid where the proxies do not tell.
func (p proxies) client(header http.Header) netip.Addr {
	hops := strings.Split(strings.Join(header.Values("X-Forwarded-For"), ","), ",")
	var client netip.Addr
	for i := len(hops) - 1; i >= 0; i-- {
		hop := parseHop(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			return netip.Addr{} // what a trusted proxy wrote, and cannot be read
		}
		if client = hop; !p.trust(client) {
			break
		}
	}
	return client
}

// parseHop reads an address as proxies write it, some with a port.
func parseHop(text string) netip.Addr {
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		var withPort netip.AddrPort
		if withPort, err = netip.ParseAddrPort(text); err != nil {
			return netip.Addr{}
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("")
}

// hostForm is a host as browsers send it, with its port.
var hostForm = regexp.MustCompile(`^([0-9A-Za-z._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// secureKey marks requests whose browser speaks TLS with a trusted proxy.
type secureKey struct{}

// Secure says whether a request came to this process, or to a trusted proxy before it,
// over TLS. It is for handlers behind [Server.Handler].
func Secure(r *http.Request) bool {
	forwarded, _ := r.Context().Value(secureKey{}).(bool)
	return forwarded || r.TLS != nil
}

// believing shows a request from a trusted proxy as the outermost of them got it: its
// address, which is empty where they do not tell, its host, and whether it came over TLS.
// Nobody else's headers are looked at.
func (s *Server) believing(next http.Handler) http.Handler {
	trusted := proxies(s.opts.TrustedProxies)
	if len(trusted) == 0 && !s.opts.TrustedSocket {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := remoteAddress(r)
		if peer.IsValid() && trusted.trust(peer) || s.opts.TrustedSocket && auth.OverUnixSocket(r) {
			r = trusted.shown(r)
		}
		next.ServeHTTP(w, r)
	})
}

func (p proxies) shown(r *http.Request) *http.Request {
	secure := strings.EqualFold(single(r.Header, "X-Forwarded-Proto"), "https")
	r = r.WithContext(context.WithValue(r.Context(), secureKey{}, secure))
	r.RemoteAddr = ""
	if client := p.client(r.Header); client.IsValid() {
		r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	}
	if host := single(r.Header, "X-Forwarded-Host"); hostForm.MatchString(host) {
		r.Host = host
	}
	return r
}

// single is a header's only value, "" where several may be meant.
func single(header http.Header, name string) string {
	values := header.Values(name)
	if len(values) != 1 || strings.Contains(values[0], ",") {
		return ""
	}
	return strings.TrimSpace(values[0])
}
