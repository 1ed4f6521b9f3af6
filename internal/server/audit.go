package server

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/audit"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/door"
)

// commitTime bounds how long a request waits for its line in the audit.
const commitTime = 2 * time.Second

var errUnaudited = &loglane.StatusError{
	Code:       http.StatusServiceUnavailable,
	Message:    "The audit log cannot be written, and without it nobody may do that (audit-required).",
	RetryAfter: 10 * time.Second,
}

// note writes down what a principal wanted with a channel. It fails only where the audit is
// required, and what was allowed could not be written.
func (s *Server) note(r *http.Request, p *auth.Principal, a asked, e audit.Entry) error {
	s.describe(&e, r, p)
	e.Channel, e.Asked = a.channel, noted(a.name)
	if e.Action == "list" || a.channel == anyOther {
		e.Channel = ""
	}
	if !s.opts.AuditRequired || e.Outcome != audit.Allowed {
		s.audit.Note(e)
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), commitTime)
	defer cancel()
	if err := s.audit.Commit(ctx, e); err != nil {
		return errUnaudited
	}
	return nil
}

// noteEnd writes down that somebody no longer watches another's channel.
func (s *Server) noteEnd(r *http.Request, p *auth.Principal, pass door.Pass, end loglane.Ended) {
	e := audit.Entry{Action: "stream", Outcome: audit.Ended, Channel: pass.Channel(), Reason: end.Reason, Lines: &end.Lines}
	seconds := float64(end.Open.Milliseconds()) / 1000
	e.Seconds = &seconds
	s.describe(&e, r, p)
	s.audit.Note(e)
}

// noteSignIn writes down a login by a way in, or that there was none. What was
// typed as a name is written only where there is such a user: it may be a password.
func (s *Server) noteSignIn(r *http.Request, way string, p *auth.Principal, typed string, err error) {
	e := audit.Entry{Action: "sign-in", Outcome: audit.Allowed, Way: way}
	if err != nil {
		e.Outcome, e.Reason = audit.Refused, reasonOf(err)
	}
	if known, ok := s.opts.Login.(interface{ Known(name string) bool }); p == nil && ok && known.Known(typed) {
		e.Who = noted(typed)
	}
	s.describe(&e, r, p)
	s.audit.Note(e)
}

// noteSignOut writes down that somebody has signed out; p may be nil.
func (s *Server) noteSignOut(r *http.Request, p *auth.Principal) {
	if p == nil || !p.SignsOut() {
		return // a cookie that is nobody's
	}
	e := audit.Entry{Action: "sign-out", Outcome: audit.Allowed}
	s.describe(&e, r, p)
	s.audit.Note(e)
}

// noteStranger writes down that a token or a login was refused.
func (s *Server) noteStranger(r *http.Request, way string, err error) {
	var status *loglane.StatusError
	if !errors.As(err, &status) || status.Code >= http.StatusInternalServerError {
		return // it could not be found out
	}
	e := audit.Entry{Action: "enter", Outcome: audit.Refused, Way: way, Reason: reasonOf(err)}
	s.describe(&e, r, nil)
	s.audit.Note(e)
}

// describe fills in who it was and from where.
func (s *Server) describe(e *audit.Entry, r *http.Request, p *auth.Principal) {
	e.From, e.Request = from(r), requestID(r)
	if p == nil {
		return
	}
	e.Who, e.Role, e.Token, e.Way = p.Name, p.Role.String(), p.Token, p.Way
}

var requestIDForm = regexp.MustCompile(`^[0-9A-Za-z._:-]{1,64}$`)

// requestID is what a trusted proxy calls the request; "" where there is none.
func requestID(r *http.Request) string {
	if _, trusted := r.Context().Value(secureKey{}).(bool); !trusted {
		return ""
	}
	id := single(r.Header, "X-Request-Id")
	if !requestIDForm.MatchString(id) {
		return ""
	}
	return id
}
