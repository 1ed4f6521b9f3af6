package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/loglane/loglane/logship"
)

// A request is what the pages know about the one they answer.
type request struct {
	user string
	log  *slog.Logger // of this request: its lines share a trace_id
}

type requestKey struct{}

func requestOf(r *http.Request) *request {
	return r.Context().Value(requestKey{}).(*request)
}

// A shopper is who a request of the traffic is from. It comes with the context, which
// nobody outside of the process can set.
type shopperKey struct{}

func (s *Shop) userOf(r *http.Request) string {
	if shopper, ok := r.Context().Value(shopperKey{}).(string); ok {
		return shopper
	}
	return s.opts.CurrentUser(r)
}

// logged finds the user, whose lines the request's lines are from here on, and logs how
// the request ended.
func (s *Shop) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, user := time.Now(), s.userOf(r)
		req := &request{user: user, log: s.opts.Logger.With("trace_id", newTraceID())}
		ctx := context.WithValue(logship.WithUser(r.Context(), user), requestKey{}, req)
		answer := &answer{ResponseWriter: w, status: http.StatusOK}
		setHeaders(w.Header())
		next.ServeHTTP(answer, r.WithContext(ctx))
		if r.URL.Path == "/style.css" {
			return
		}
		message := fmt.Sprintf("%s %s \x1b[%dm%d\x1b[0m", r.Method, s.base+r.URL.EscapedPath(), statusColour(answer.status), answer.status)
		req.log.InfoContext(ctx, message, "bytes", answer.bytes, "took", time.Since(start).Round(time.Microsecond))
	})
}

func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func newTraceID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

func statusColour(status int) int {
	switch {
	case status >= 500:
		return 31
	case status >= 400:
		return 33
	case status >= 300:
		return 36
	}
	return 32
}

// An answer remembers what was answered.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int
}

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) {
	n, err := a.ResponseWriter.Write(b)
	a.bytes += n
	return n, err
}

// Unwrap lets [http.ResponseController] reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// signedIn leads requests of nobody to the sign-in page.
func (s *Shop) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if requestOf(r).user == "" {
			http.Redirect(w, r, s.opts.SignInURL, http.StatusSeeOther)
			return
		}
		next(w, r)
	}
}
