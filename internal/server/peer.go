package server

import (
	"net/http"

	"github.com/loglane/loglane/internal/auth"
)

// peered notes who a connection comes from, before anything a proxy forwards is believed.
//
// Where a proxy's header tells who sends a request, a connection ends after a body in
// chunks, and after every request of HTTP/1.0: net/http takes chunks with a Content-Length
// beside, and passes over them in HTTP/1.0. Whoever made a proxy see another end than this
// server could hide a second request, with a header of their own, in the proxy's connection.
func (s *Server) peered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.opts.TrustedHeader != "" && (len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1)) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, auth.WithPeer(r))
	})
}
