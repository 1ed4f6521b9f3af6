package server

import (
	"net/http"
	"time"

	"github.com/loglane/loglane"
)

const (
	// pagePolicy is the Content-Security-Policy of a page; the nonce goes in between.
	// xterm.js makes style elements at run time, which need it. Nothing on the pages makes
	// markup or scripts of text, so no trusted types are needed.
	pagePolicyBefore = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'nonce-"
	pagePolicyAfter  = "'; img-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

	// barePolicy is that of everything else.
	barePolicy = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

	// A slow sender of a body, or reader of anything but a stream, is let go after these.
	readTime  = 10 * time.Second
	writeTime = 30 * time.Second
)

// bounded bounds how long a request's body may take, also where nobody asks for it:
// net/http reads what is left of it before it sends the answer. A request without a body
// has no such bound, for it would end streams.
func bounded(next http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// A writer without deadlines, such as a test's recorder, has nobody to wait for.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit))
		}
		next.ServeHTTP(w, r)
	})
}

// secure sets the headers that every answer has, errors included. A handler whose answer
// may be kept says so in place of Cache-Control.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", barePolicy)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what another site makes a signed-in browser send. A proxy in front may
// have changed the Host that an Origin is compared with; the public URL tells it as well.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	if public := s.opts.PublicURL; public != nil {
		if err := protection.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
			panic(err) // New has refused such a URL
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.log.Warn("refused a request that comes from another site", "method", r.Method, "route", r.Pattern, "from", from(r))
		errCrossSite.Write(w)
	}))
	return protection.Handler(next)
}

var errCrossSite = &loglane.StatusError{Code: http.StatusForbidden, Message: "the request comes from another site"}

// brief bounds how long the answer of a route other than the stream may take: the server
// itself has no such limit, for it would end streams.
func brief(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A writer without deadlines, such as a test's recorder, has nobody to wait for.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
		h(w, r)
	})
}
