package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

func (s *Server) history() http.Handler {
	return s.door.History(s.admit("history"), &loglane.StreamOptions{Disabled: s.opts.StreamDisabled, Limit: s.limiter.admit, Turn: s.limiter.search})
}

// brokerTime bounds what an admin asks of the broker.
const brokerTime = 10 * time.Second

// purge empties one channel, that has to be named.
func (s *Server) purge(w http.ResponseWriter, r *http.Request) {
	if err := s.purgeAsked(r); err != nil {
		s.writeError(w, brokerFault(err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) purgeAsked(r *http.Request) error {
	p, err := s.caller(r)
	if err != nil {
		return err
	}
	pass, err := s.pass(p, r, auth.Purge, "purge")
	if err != nil {
		return err
	}
	// Once begun it goes to its end, also where the caller has gone: what is purged here
	// must not stay in the rings of the other gateways.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), brokerTime)
	defer cancel()
	if err := s.door.Purge(ctx, pass); err != nil {
		return err
	}
	if s.opts.Notices == nil {
		return nil
	}
	message, err := json.Marshal(notice{Purge: &purged{Channel: pass.Channel()}})
	if err != nil {
		return err
	}
	if err := s.opts.Notices.Notify(ctx, message); err != nil {
		return fmt.Errorf("the channel is purged, but the other gateways were not told: %w", err)
	}
	return nil
}

// A notice is what gateways tell each other of channels.
type notice struct {
	Purge *purged  `json:"purge,omitempty"`
	Watch *watched `json:"watch,omitempty"`
}

type purged struct {
	Channel string `json:"channel"` // full name
}

// ObeyNotices lets a hub drop what other gateways have purged, until stop has returned.
func ObeyNotices(hub *loglane.Hub, notices auth.Notices) (stop func()) {
	return notices.Listen(func(message []byte) {
		var n notice
		switch {
		case message == nil:
			hub.Doubt()
		case json.Unmarshal(message, &n) == nil && n.Purge != nil:
			hub.Forget(n.Purge.Channel)
		}
	})
}

// brokerFault is the answer to an error of the broker; others stay as they are.
func brokerFault(err error) error {
	switch {
	case errors.Is(err, loglane.ErrUnavailable):
		return &loglane.StatusError{Code: http.StatusServiceUnavailable, Message: "the log store is temporarily unavailable: try again", RetryAfter: 2 * time.Second}
	case errors.Is(err, errors.ErrUnsupported):
		return &loglane.StatusError{Code: http.StatusNotImplemented, Message: "this gateway's log store cannot do that"}
	default:
		return err
	}
}
