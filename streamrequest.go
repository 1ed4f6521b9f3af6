package loglane

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxBacklogParam bounds ?backlog=; what is sent is at most 1 MiB anyway.
const maxBacklogParam = 1_000_000

// A streamRequest is what a request asks of a stream.
type streamRequest struct {
	cursor  *Cursor // resume after this
	all     bool    // cursor 0: all that is kept
	backlog int
	bulk    bool
	level   *Level
	query   *query
	ping    time.Duration
	once    bool // the stream ends after the replay
	format  streamFormat
}

// parseStreamRequest fails with a [*StatusError] that names the parameter.
func parseStreamRequest(r *http.Request) (streamRequest, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return streamRequest{}, badRequest("the query cannot be read: %v", err)
	}
	req := streamRequest{backlog: ringLines, format: acceptedFormat(r.Header.Values("Accept"))}
	if err := req.resume(r.Header.Get("Last-Event-ID"), query.Get("last_event_id")); err != nil {
		return streamRequest{}, err
	}
	if s := query.Get("backlog"); s != "" {
		n, ok := parseUint(s)
		if !ok || n > maxBacklogParam {
			return streamRequest{}, badRequest("backlog=%.40q: take a number from 0 to %d", s, maxBacklogParam)
		}
		req.backlog = int(n)
	}
	switch s := query.Get("replay"); s {
	case "":
	case "bulk":
		req.bulk = req.cursor == nil && !req.all && req.format != streamFormat(plainText{}) // text has nothing to hold records
	default:
		return streamRequest{}, badRequest("replay=%.40q: the only value is bulk", s)
	}
	if req.level, req.query, err = parseFilter(query); err != nil {
		return streamRequest{}, err
	}
	switch s := query.Get("follow"); s {
	case "", "1":
	case "0":
		req.once = true
	default:
		return streamRequest{}, badRequest("follow=%.40q: take 0, or 1 as without it", s)
	}
	if s := query.Get("ping"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 3600 {
			return streamRequest{}, badRequest("ping=%.40q: take a number of seconds from 1 to 3600", s)
		}
		req.ping = time.Duration(n) * time.Second
	}
	return req, nil
}

// parseFilter reads what the stream and the history have in common.
func parseFilter(params url.Values) (level *Level, q *query, err error) {
	if s := params.Get("level"); s != "" {
		l, err := ParseLevel(s)
		if err != nil {
			return nil, nil, badRequest("%v", err)
		}
		level = &l
	}
	if s := params.Get("q"); s != "" {
		if q, err = parseQuery(s); err != nil {
			return nil, nil, badRequest("%v", err)
		}
	}
	return level, q, nil
}

// resume reads the cursor; the header wins, for a browser's own reconnect repeats the
// URL's old one.
func (req *streamRequest) resume(header, param string) error {
	name, s := "Last-Event-ID", header
	if s == "" {
		name, s = "last_event_id", param
	}
	switch s {
	case "":
		return nil
	case "0":
		req.all = true
		return nil
	}
	c, err := ParseCursor(s)
	if err != nil {
		return badRequest("%s: %v", name, err)
	}
	req.cursor = &c
	return nil
}

func badRequest(format string, args ...any) *StatusError {
	return &StatusError{Code: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}
