package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/loglane/loglane"
)

// me is who is signed in, as the page asks for it.
type me struct {
	Name     string   `json:"name"`
	Roles    []string `json:"roles"`
	Channel  string   `json:"channel"`          // context of the own channel
	Channels []string `json:"channels"`         // contexts granted beside it
	Writes   []string `json:"writes,omitempty"` // of an API token: contexts, exact or before a final *
	SignOut  bool     `json:"signOut"`          // whether there is a session here to sign out of
}

func (s *Server) serveMe(w http.ResponseWriter, r *http.Request) {
	p, err := s.principal(r)
	if err == nil && p == nil {
		err = errNotSignedIn
	}
	if err != nil {
		s.writeError(w, err)
		return
	}
	answer := me{
		Name: p.Name, Roles: []string{p.Role.String()},
		Channel: loglane.ContextOf(p.Channel), Channels: []string{}, Writes: p.Writes,
		SignOut: p.SignsOut(),
	}
	if p.Writes != nil {
		answer.Roles = []string{} // it sees nothing
	}
	for _, channel := range p.Channels {
		answer.Channels = append(answer.Channels, loglane.ContextOf(channel))
	}
	writeJSON(w, http.StatusOK, answer)
}

// writeError answers with an error, and with nothing of one that is not for the caller.
func (s *Server) writeError(w http.ResponseWriter, err error) {
	var status *loglane.StatusError
	if !errors.As(err, &status) {
		s.log.Error("a request failed", "error", err)
		status = &loglane.StatusError{Code: http.StatusInternalServerError, Message: "internal error"}
	}
	status.Write(w)
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value) // a caller that has gone needs no answer
}
