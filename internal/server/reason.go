package server

import (
	"errors"
	"net/http"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// reasonOf is why something was refused, as the audit has it: one of few words, with nothing
// of what the caller sent.
func reasonOf(err error) string {
	var status *loglane.StatusError
	if !errors.As(err, &status) {
		return "failed"
	}
	if status.Limit != "" {
		return "limit:" + status.Limit
	}
	if reason := auth.ReasonOf(err); reason != "" {
		return reason
	}
	switch {
	case status.Code == http.StatusBadRequest:
		return "malformed"
	case status.Code == http.StatusUnauthorized:
		return "no-login"
	case status.Code == http.StatusTooManyRequests:
		return "limit"
	case status.Code >= http.StatusInternalServerError:
		return "unavailable"
	}
	return "forbidden"
}
