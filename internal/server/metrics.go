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
	for _, limit := range limitNames {
		m.refused.WithLabelValues(limit)
	}
	m.registry.MustRegister(m.refused)
	return m
}

// observe adds what the server counts elsewhere.
func (m *metrics) observe(s *Server) {
	gauge := func(name, help string, read func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "loglane_" + name, Help: help}, read))
	}
	counter := func(name, help string, read func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "loglane_" + name, Help: help}, read))
	}
	gauge("streams", "Streams that are open.", func() float64 { return float64(s.door.Stats().Streams) })
	gauge("channels", "Channels that are followed.", func() float64 { return float64(s.door.Stats().Channels) })
	gauge("ring_bytes", "Memory that the rings of all channels take.", func() float64 { return float64(s.door.Stats().RingCost) })
	counter("reads_total", "Reads of the broker's histories.", func() float64 { return float64(s.door.Stats().Reads) })
	counter("heals_total", "Reads of a history because a live line did not follow the one before.", func() float64 { return float64(s.door.Stats().Heals) })
	counter("gaps_total", "Gaps that viewers were told of.", func() float64 { return float64(s.door.Stats().Gaps) })
	counter("redacted_total", "Secrets that were taken out of lines sent over HTTP.", func() float64 { return float64(s.Redacted()) })
	counter("audit_written_total", "Entries written to the audit log.", func() float64 { return float64(s.audit.Stats().Written) })
	counter("audit_lost_total", "Entries that could not be written to the audit log.", func() float64 { return float64(s.audit.Stats().Lost) })
	counter("audit_muted_total", "Refusals that the audit log only counts, for there were too many.", func() float64 { return float64(s.audit.Stats().Muted) })
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
