package auth

import (
	"errors"

	"github.com/loglane/loglane"
)

// A refusal is a StatusError with the reason that only the audit tells.
type refusal struct {
	error
	reason string
}

func (r refusal) Unwrap() error { return r.error }

func refusing(reason string, status *loglane.StatusError) error { return refusal{status, reason} }

// ReasonOf is why a way in, or [Principal.Authorize], has refused something, as one word that
// programs can count: it has nothing of what the caller sent. "" is unknown. It is for the
// operator, for it tells apart what the caller is told as one.
func ReasonOf(err error) string {
	if r, ok := errors.AsType[refusal](err); ok {
		return r.reason
	}
	switch {
	case errors.Is(err, ErrToken):
		return "unknown-token"
	case errors.Is(err, ErrCredentials):
		return "credentials"
	case errors.Is(err, errPlain):
		return "plain-http"
	}
	return ""
}
