package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/loglane/loglane/internal/auth"
)

// maxOrigins bounds how many origins may be allowed: each request is compared with all.
const maxOrigins = 100

// ParseOrigins reads the origins whose pages may read what their users may, separated by
// commas, such as https://app.example.com. Empty is none. An origin stands as browsers send
// it, so that comparing is all there is to do: everything else, a * too, is refused with
// what would be right.
func ParseOrigins(text string) ([]string, error) {
	var origins []string
	var errs []error
	for item := range strings.SplitSeq(text, ",") {
		item = strings.Trim(item, " ")
		if item == "" {
			continue
		}
		if err := checkOrigin(item); err != nil {
			errs = append(errs, fmt.Errorf("%q %w", item, err))
		} else if !slices.Contains(origins, item) {
			origins = append(origins, item)
		}
	}
	if len(origins) > maxOrigins {
		errs = append(errs, fmt.Errorf("it has %d origins: at most %d are compared with each request", len(origins), maxOrigins))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return origins, nil
}

// originForm is an origin as browsers serialise it; names of hosts have no empty labels.
var originForm = regexp.MustCompile(`^(https?)://((?:[0-9a-z_-]{1,63}\.)*[0-9a-z_-]{1,63}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?$`)

func checkOrigin(text string) error {
	switch {
	case text == "*":
		return errors.New("would be everybody: name each origin")
	case text == "null":
		return errors.New("is what any sandboxed page says of itself, so it stands for nobody")
	case strings.Contains(text, "*"):
		return errors.New("has a wildcard: name each origin")
	}
	parts := originForm.FindStringSubmatch(text)
	if parts == nil {
		return errors.New("is no origin as browsers send it: https://, the host in lower case (punycode, if it has other letters), a port unless it is the usual one, and nothing after that")
	}
	scheme, host, port := parts[1], parts[2], parts[3]
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 || port[0] == '0' {
			return errors.New("has a port that is none")
		}
		if scheme == "https" && n == 443 || scheme == "http" && n == 80 {
			return fmt.Errorf("has the usual port of %s, which browsers leave out", scheme)
		}
	}
	if err := checkOriginHost(host); err != nil {
		return err
	}
	if scheme == "http" && !auth.LoopbackHost(host) {
		return errors.New("is a plain http page, which anybody on the way can change: only https, or http on localhost")
	}
	return nil
}

// checkOriginHost refuses addresses in another form than that of browsers.
func checkOriginHost(host string) error {
	if bare, found := strings.CutPrefix(host, "["); found {
		address, err := netip.ParseAddr(strings.TrimSuffix(bare, "]"))
		if err != nil || address.Is4In6() || "["+address.String()+"]" != host {
			return errors.New("has no IPv6 address as browsers send it")
		}
		return nil
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x") {
		if len(host) > 253 {
			return errors.New("has a host that is too long")
		}
		return nil
	}
	// Browsers read a host that ends in a number as an IPv4 address, in every spelling.
	if address, err := netip.ParseAddr(host); err != nil || address.String() != host {
		return errors.New("has no IPv4 address as browsers send it")
	}
	return nil
}

// allowedKey marks requests that a page of an allowed origin may read the answer to.
type allowedKey struct{}

// sharing lets pages of the allowed origins read the stream, the history and who is signed
// in, and nothing else, with their users' logins. Without allowed origins it does nothing.
// The origin is never taken from the request: it is one of the setting's, or none.
func (s *Server) sharing(next http.Handler) http.Handler {
	if len(s.opts.AllowedOrigins) == 0 {
		return next
	}
	shared := []string{s.base + "api/v1/stream", s.base + "api/v1/stream/", s.base + "api/v1/logs", s.base + "api/v1/me"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(shared, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Origin")
		origin := s.allowedOrigin(r)
		preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		switch {
		case preflight:
			answerPreflight(w, r, origin)
			return
		case origin != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			share(w.Header(), origin)
			w.Header().Set("Access-Control-Expose-Headers", "Link, Retry-After")
			r = r.WithContext(context.WithValue(r.Context(), allowedKey{}, true))
		}
		next.ServeHTTP(w, r)
	})
}

// allowedOrigin is the allowed origin that a request comes from, "" where it is none.
func (s *Server) allowedOrigin(r *http.Request) string {
	sent := r.Header.Values("Origin")
	if len(sent) != 1 {
		return ""
	}
	at := slices.Index(s.opts.AllowedOrigins, sent[0])
	if at < 0 {
		return ""
	}
	return s.opts.AllowedOrigins[at]
}

func share(header http.Header, origin string) {
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true")
}

// answerPreflight says what a page may ask for; to others it says nothing.
func answerPreflight(w http.ResponseWriter, r *http.Request, origin string) {
	w.Header().Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	method := r.Header.Get("Access-Control-Request-Method")
	if origin == "" || method != http.MethodGet && method != http.MethodHead {
		errCrossSite.Write(w)
		return
	}
	share(w.Header(), origin)
	w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD")
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Cache-Control, Last-Event-ID")
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// mayRead says whether who sent a request may read the answer, as far as the browser tells:
// this very origin, a person, or a page of an allowed origin. Other programs tell nothing.
func mayRead(r *http.Request) bool {
	allowed, _ := r.Context().Value(allowedKey{}).(bool)
	return allowed || fromThisSite(r)
}
