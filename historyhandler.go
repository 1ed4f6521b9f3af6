package loglane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxSearches bounds the searches of a hub at once, and by it the memory of their answers.
const maxSearches = 32

// answerTime is how long a found page may take to be read.
const answerTime = 30 * time.Second

// History returns the handler that looks through a channel's history: GET and HEAD, with
// the parameters that docs/api.md has. admit and opts are as [Hub.Stream] has them, and
// errors are answered alike.
func (h *Hub) History(admit func(*http.Request) (Grant, error), opts *StreamOptions) http.Handler {
	return h.handler(admit, opts, func(opts StreamOptions) reading { return &historyReading{hub: h, opts: opts} })
}

// historyReading is one request for a page of the history.
type historyReading struct {
	hub  *Hub
	opts StreamOptions
	req  historyRequest
}

func (h *historyReading) parse(r *http.Request) (err error) {
	h.req, err = parseHistoryRequest(r)
	return err
}

func (h *historyReading) headers(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	header.Set("Content-Type", h.req.format.contentType())
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if strings.HasPrefix(h.req.format.contentType(), "text/csv") {
		header.Set("Content-Disposition", `attachment; filename="logs.csv"`)
	}
}

func (h *historyReading) answer(w http.ResponseWriter, r *http.Request, grant Grant) error {
	release, err := h.opts.turn(r.Context(), grant)
	if err != nil {
		return err
	}
	defer release()
	select { // held until the answer has gone, for it is held in memory
	case h.hub.searches <- struct{}{}:
		defer func() { <-h.hub.searches }()
	case <-time.After(confirmWait):
		return &StatusError{Code: http.StatusServiceUnavailable, Message: fmt.Sprintf("%d searches are under way already", maxSearches), RetryAfter: confirmWait}
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
	s, err := h.search(r.Context(), grant)
	if err != nil {
		return err
	}
	h.headers(w, r)
	s.describe(w.Header(), r.URL)
	body := s.answer()
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	// A reader that does not read must not keep others from searching. A writer without
	// deadlines, such as a test's recorder, has nobody to wait for.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
	_, _ = w.Write(body) // a caller that has gone needs no answer
	return nil
}

func (h *historyReading) search(ctx context.Context, grant Grant) (*search, error) {
	hub := h.hub
	hub.mu.Lock()
	if hub.closing {
		hub.mu.Unlock()
		return nil, fmt.Errorf("%w: the gateway is shutting down", ErrUnavailable)
	}
	hub.workers.Add(1)
	hub.mu.Unlock()
	defer hub.workers.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(hub.ctx, func() { cancel(errClosing) })()
	pattern, release := hub.look(h.req.query)
	defer release()
	s := &search{hub: hub, channel: grant.Channel, req: h.req, filter: filter{floor: grant.Floor, members: grant.Members, level: h.req.level, pattern: pattern}}
	if err := s.run(ctx); err != nil {
		if errors.Is(context.Cause(ctx), errClosing) {
			err = errClosing
		}
		return nil, err
	}
	return s, nil
}

var errClosing = fmt.Errorf("%w: the gateway is shutting down", ErrUnavailable)

// describe says in headers what was found, how far the search looked and where the next
// page is.
func (s *search) describe(header http.Header, asked *url.URL) {
	header.Set("Loglane-Lines", strconv.Itoa(s.lines))
	header.Set("Loglane-Scanned", strconv.Itoa(s.scanned))
	header.Set("Loglane-Stopped", s.stopped)
	header.Set("Loglane-Status", s.status.String())
	if s.status != OK {
		missed := "unknown"
		if s.missed >= 0 {
			missed = strconv.FormatInt(s.missed, 10)
		}
		header.Set("Loglane-Missed", missed)
	}
	forward := s.req.forward()
	if s.more && forward || !forward && s.req.before != nil && s.looked > 0 {
		header.Add("Link", s.link(asked, "next", "after", s.last))
	}
	if s.looked > 0 && (s.more && !forward || forward && s.req.after != nil && s.status == OK) {
		header.Add("Link", s.link(asked, "prev", "before", s.first))
	}
}

// link leads to another page, relative to where the request went: whoever stands in front
// may have given that another path.
func (s *search) link(asked *url.URL, rel, param string, place Cursor) string {
	query := asked.Query()
	query.Del("after")
	query.Del("before")
	for name, m := range map[string]*moment{"since": s.req.since, "until": s.req.until} {
		if m != nil {
			query.Set(name, m.param())
		}
	}
	query.Set(param, place.String())
	return "<?" + query.Encode() + `>; rel="` + rel + `"`
}
