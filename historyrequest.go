package loglane

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	defaultHistoryLimit = 1000
	maxHistoryLimit     = 10_000
)

// A historyRequest is what a request asks of the history.
type historyRequest struct {
	after, before *Cursor
	oldest        bool // after 0: from the oldest that is kept
	since, until  *moment
	limit         int
	level         *Level
	query         *query
	format        historyFormat
}

// parseHistoryRequest fails with a [*StatusError] that names the parameter.
func parseHistoryRequest(r *http.Request) (req historyRequest, err error) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return req, badRequest("the query cannot be read: %v", err)
	}
	req = historyRequest{limit: defaultHistoryLimit, format: historyFormats[0].format}
	if req.after, req.oldest, err = cursorParam(params, "after"); err != nil {
		return req, err
	}
	var beginning bool
	if req.before, beginning, err = cursorParam(params, "before"); err != nil {
		return req, err
	}
	if beginning {
		return req, badRequest("before=0: nothing is before the beginning, take an id")
	}
	if req.since, err = momentParam(params, "since"); err != nil {
		return req, err
	}
	if req.until, err = momentParam(params, "until"); err != nil {
		return req, err
	}
	if s := params.Get("limit"); s != "" {
		n, ok := parseUint(s)
		if !ok || n < 1 || n > maxHistoryLimit {
			return req, badRequest("limit=%.40q: take a number from 1 to %d", s, maxHistoryLimit)
		}
		req.limit = int(n)
	}
	if req.level, req.query, err = parseFilter(params); err != nil {
		return req, err
	}
	if s := params.Get("format"); s != "" {
		if req.format = historyFormatNamed(s); req.format == nil {
			return req, badRequest("format=%.40q: take ndjson, text or csv", s)
		}
	}
	return req, nil
}

// forward says whether the oldest lines come first: from a place or a time on. Otherwise it
// is the newest that are wanted.
func (req historyRequest) forward() bool {
	return req.after != nil || req.oldest || req.since != nil && req.before == nil
}

// cursorParam reads an id; beginning is 0.
func cursorParam(params url.Values, name string) (c *Cursor, beginning bool, err error) {
	switch s := params.Get(name); s {
	case "":
		return nil, false, nil
	case "0":
		return nil, true, nil
	default:
		parsed, err := ParseCursor(s)
		if err != nil {
			return nil, false, badRequest("%s: %v", name, err)
		}
		return &parsed, false, nil
	}
}

// A moment is a time by the broker's clock, or so long ago.
type moment struct {
	ms  uint64
	ago time.Duration
	rel bool
}

func momentParam(params url.Values, name string) (*moment, error) {
	s := params.Get(name)
	if s == "" {
		return nil, nil
	}
	m, ok := parseMoment(s)
	if !ok {
		return nil, badRequest("%s=%.40q: take a time such as 2026-01-31T12:00:00Z, Unix seconds, or how long ago, such as 42m, 36h or 7d", name, s)
	}
	return &m, nil
}

const (
	maxMoment = latestTime / 1000 // Unix seconds
	maxAgo    = 100 * 365 * 24 * time.Hour
)

func parseMoment(s string) (moment, bool) {
	// A + that was not escaped arrives as a space.
	if t, err := time.Parse(time.RFC3339, strings.Replace(s, " ", "+", 1)); err == nil {
		return moment{ms: uint64(max(t.UnixMilli(), 0))}, true
	}
	if strings.Trim(s, "0123456789.") == "" {
		n, err := strconv.ParseFloat(s, 64)
		return moment{ms: uint64(math.Round(n * 1000))}, err == nil && n <= maxMoment
	}
	if days, found := strings.CutSuffix(s, "d"); found {
		n, ok := parseUint(days)
		ago := time.Duration(min(n, 1e5)) * 24 * time.Hour
		return moment{ago: ago, rel: true}, ok && ago <= maxAgo
	}
	ago, err := time.ParseDuration(s)
	return moment{ago: ago, rel: true}, err == nil && ago >= 0 && ago <= maxAgo
}

// resolve returns the moment once the broker's clock is known.
func (m *moment) resolve(now uint64) {
	if m == nil || !m.rel {
		return
	}
	ago := uint64(m.ago.Milliseconds())
	m.ms, m.rel = now-min(ago, now), false
}

func (m *moment) relative() bool { return m != nil && m.rel }

// param is the moment as momentParam reads it, also later.
func (m *moment) param() string {
	s := strconv.FormatUint(m.ms/1000, 10)
	if ms := m.ms % 1000; ms != 0 {
		s += "." + strconv.FormatUint(1000+ms, 10)[1:]
	}
	return s
}
