package server_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// scraped is what Prometheus is told.
func (g *gateway) scraped() string {
	w := httptest.NewRecorder()
	g.server.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

var (
	metricType   = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)
	metricSample = regexp.MustCompile(`(?m)^(\w+)\{(\w+)="([^"]*)"\} `)
	metricRow    = regexp.MustCompile("(?m)^\\| `(loglane_\\w+)` \\| (\\w+) \\| (?:`(\\w+)`|none) \\| .+ \\| .+ \\|$")
	limitRow     = regexp.MustCompile("(?m)^\\|[^|]*\\|[^|]*\\| `--([a-z-]+)` \\|([^|]*)\\|")
)

// docs/metrics.md has every metric with its type and label, and no other.
func TestMetricsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	must(t, err)
	text := newGateway(t, nil).scraped()
	there := make(map[string]string)
	for _, found := range metricType.FindAllStringSubmatch(text, -1) {
		there[found[1]] = found[2] + " "
	}
	for _, found := range metricSample.FindAllStringSubmatch(text, -1) {
		if kind, label, _ := strings.Cut(there[found[1]], " "); label == "" {
			there[found[1]] = kind + " " + found[2]
		}
	}
	told := make(map[string]string)
	for _, row := range metricRow.FindAllStringSubmatch(string(page), -1) {
		told[row[1]] = row[2] + " " + row[3]
	}
	if len(there) < 11 || !maps.Equal(there, told) {
		t.Errorf("the gateway has the metrics %q, docs/metrics.md has %q", there, told)
	}
}

// Every limit of docs/limits.md that is answered 429 or 503 is known before it is met, and none
// besides.
func TestEveryLimitIsCounted(t *testing.T) {
	page, err := os.ReadFile("../../docs/limits.md")
	must(t, err)
	var want, got []string
	for _, row := range limitRow.FindAllStringSubmatch(string(page), -1) {
		refuses := strings.Contains(row[2], "429") || strings.Contains(row[2], "503") || row[2] == " the same "
		if refuses && row[1] != "max-opens-per-second" { // its queue is that of max-replays
			want = append(want, row[1])
		}
	}
	for _, sample := range metricSample.FindAllStringSubmatch(newGateway(t, nil).scraped(), -1) {
		if sample[1] == "loglane_limit_refusals_total" {
			got = append(got, sample[3])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	want = slices.Compact(want) // a limit may be told in two rows
	if len(want) < 20 || !slices.Equal(got, want) {
		t.Errorf("counted are %q, docs/limits.md has %q", got, want)
	}
}
