package server

import (
	"context"
	"net/http"
	"time"
)

const probeTime = 2 * time.Second

// health is the answer of /healthz and /readyz.
type health struct {
	Status   string   `json:"status"` // ok or unavailable
	Problems []string `json:"problems,omitempty"`
}

// serveHealth says that the process answers, whatever it waits for.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, health{Status: "ok"})
}

// serveReady says whether viewers should be sent here. It names what is missing and no
// more: anybody may ask.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), probeTime)
	defer cancel()
	answer, code := health{Status: "ok"}, http.StatusOK
	if s.draining.Load() {
		answer.Problems = append(answer.Problems, "draining")
	}
	for _, probe := range s.opts.Probes {
		if err := probe.Check(ctx); err != nil {
			s.log.Debug("not ready", "probe", probe.Name, "error", err)
			answer.Problems = append(answer.Problems, probe.Name+" unreachable")
		}
	}
	if len(answer.Problems) > 0 {
		answer.Status, code = "unavailable", http.StatusServiceUnavailable
	}
	writeJSON(w, code, answer)
}
