package server

import (
	"net/http"
	"runtime/debug"

	"github.com/loglane/loglane"
)

// recovering answers a panic with a plain 500 and logs it. Where the answer has begun,
// the connection is cut, so that nobody takes the half for the whole.
func (s *Server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &watchedWriter{ResponseWriter: w}
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			s.log.Error("a handler panicked", "method", r.Method, "route", r.Pattern, "panic", cause, "stack", string(debug.Stack()))
			if watched.begun {
				panic(http.ErrAbortHandler)
			}
			(&loglane.StatusError{Code: http.StatusInternalServerError, Message: "internal error"}).Write(w)
		}()
		next.ServeHTTP(watched, r)
	})
}

// A watchedWriter knows whether the answer has begun.
type watchedWriter struct {
	http.ResponseWriter
	begun bool
}

// Unwrap lets http.ResponseController reach the socket.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watchedWriter) WriteHeader(code int) {
	w.begun = w.begun || code >= http.StatusOK
	w.ResponseWriter.WriteHeader(code)
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// FlushError counts as a beginning too: it sends the headers.
func (w *watchedWriter) FlushError() error {
	w.begun = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}
