package server

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what Prometheus is told.
type metrics struct {
	registry *prometheus.Registry
	refused  *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "loglane_limit_refusals_total",
			Help: "Requests that were refused because a limit was reached, by the setting that moves it.",
		}, []string{"limit"}),
	}
	m.registry.MustRegister(m.refused)
	return m
}

// limitHeader is where a refusal names the setting, see [loglane.StatusError].
const limitHeader = "Loglane-Limit"

// counting counts the refusals. Only handlers set the header, so there are as many labels
// as limits.
func (m *metrics) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if limit := w.Header().Get(limitHeader); limit != "" {
			m.refused.WithLabelValues(limit).Inc()
		}
	})
}

// Metrics answers with the counters in the format of Prometheus. It is for an address of its
// own: who may see it is up to that.
func (s *Server) Metrics() http.Handler {
	return promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{})
}
