package loglane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// StreamOptions are the settings of [Hub.Stream] and [Hub.History]; nil is the default.
type StreamOptions struct {
	// Disabled answers every request that has a login with a sentence that names the
	// setting; the broker is not touched.
	Disabled bool
	// Limit is asked before a stream opens or a history is searched. Its error, a [*StatusError] with code 429,
	// names the limit and the setting that moves it; release is called when the stream
	// has ended. nil limits nothing.
	Limit func(*http.Request, Grant) (release func(), err error)
	// Turn is asked before a stream, or a search, reads what is stored, and may wait for as
	// long as the context stands. Its error is as that of Limit; release is called once what
	// is stored has been sent, and may be called again. nil lets all begin at once.
	Turn func(context.Context, Grant) (release func(), err error)
}

func (o StreamOptions) turn(ctx context.Context, grant Grant) (release func(), err error) {
	if o.Turn == nil {
		return func() {}, nil
	}
	return o.Turn(ctx, grant)
}

const disabledMessage = "Log streaming is switched off on this server (stream-enabled=false).\n"

// Stream returns the handler of the event stream: GET and HEAD, with the parameters that
// docs/api.md has. admit says who may see what; its errors should be [*StatusError], any
// other is answered as 500 and logged. Middleware around the handler must leave
// http.ResponseController able to flush, that is implement Unwrap.
func (h *Hub) Stream(admit func(*http.Request) (Grant, error), opts *StreamOptions) http.Handler {
	return h.handler(admit, opts, func(opts StreamOptions) reading { return &streamReading{hub: h, opts: opts} })
}

// A reading is one request that wants to see a channel's lines.
type reading interface {
	parse(*http.Request) error                              // what the request asks
	headers(http.ResponseWriter, *http.Request)             // of the answer
	answer(http.ResponseWriter, *http.Request, Grant) error // fails only where nothing has been answered
}

// handler lets requests read, and refuses them, in the order of checks that serve has.
func (h *Hub) handler(admit func(*http.Request) (Grant, error), opts *StreamOptions, begin func(StreamOptions) reading) http.Handler {
	if opts == nil {
		opts = &StreamOptions{}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.serve(w, r, admit, *opts, begin(*opts)); err != nil {
			h.refuse(w, r, err)
		}
	})
}

// serve checks and answers; what comes first decides between two faults, and clients
// depend on it. It returns an error only where
// nothing has been answered.
func (h *Hub) serve(w http.ResponseWriter, r *http.Request, admit func(*http.Request) (Grant, error), opts StreamOptions, read reading) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return &StatusError{Code: http.StatusMethodNotAllowed, Message: fmt.Sprintf("method %.20q: lines are read with GET", r.Method)}
	}
	if r.ContentLength != 0 { // net/http would wait for it before the first byte of the answer
		w.Header().Set("Connection", "close")
		return &StatusError{Code: http.StatusBadRequest, Message: "lines are asked for without a body"}
	}
	grant, err := admit(r)
	if err != nil && (!opts.Disabled || concernsLogin(err)) {
		return err
	}
	if opts.Disabled {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(disabledMessage)) // a caller that has gone needs no answer
		return nil
	}
	if err := read.parse(r); err != nil {
		return err
	}
	if opts.Limit != nil {
		release, err := opts.Limit(r, grant)
		if err != nil {
			return err
		}
		defer release()
	}
	if r.Method == http.MethodHead {
		read.headers(w, r)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return read.answer(w, r, grant)
}

// streamReading is one request for the stream.
type streamReading struct {
	hub  *Hub
	opts StreamOptions
	req  streamRequest
}

func (s *streamReading) parse(r *http.Request) (err error) {
	s.req, err = parseStreamRequest(r)
	return err
}

func (s *streamReading) headers(w http.ResponseWriter, r *http.Request) {
	setStreamHeaders(w, r, s.req.format)
}

func (s *streamReading) answer(w http.ResponseWriter, r *http.Request, grant Grant) error {
	return s.hub.stream(w, r, grant, s.req, s.opts)
}

// concernsLogin says whether an error of admit comes before the switched-off answer.
func concernsLogin(err error) bool {
	var status *StatusError
	if !errors.As(err, &status) {
		return true
	}
	switch status.Code {
	case http.StatusFound, http.StatusUnauthorized, http.StatusServiceUnavailable:
		return true
	default:
		return false
	}
}

func (h *Hub) stream(w http.ResponseWriter, r *http.Request, grant Grant, req streamRequest, opts StreamOptions) error {
	st := newStream(h, r, w, grant, req)
	if !h.admit(st) {
		return fmt.Errorf("%w: the gateway is shutting down", ErrUnavailable)
	}
	defer h.dismiss(st)
	defer st.writer.finish()
	ready, err := opts.turn(st.ctx, grant)
	if err != nil {
		return endedEarly(err)
	}
	defer ready()
	sub, err := h.subscribe(st.ctx, grant.Channel)
	if err != nil {
		return endedEarly(err)
	}
	defer sub.leave()
	st.sub, st.ready = sub, ready
	pattern, release := h.look(req.query)
	defer release()
	st.filter = filter{floor: grant.Floor, members: grant.Members, level: req.level, pattern: pattern}
	setStreamHeaders(w, r, req.format)
	began := time.Now()
	if grant.Opened != nil {
		grant.Opened()
	}
	err = st.run()
	open := time.Since(began)
	if cause := (*endCause)(nil); err != nil && !errors.As(err, &cause) {
		h.leaves.wait(h.ctx) // a crowd that leaves at once would hold up those who stay
	}
	st.ended(open, err)
	return nil
}

// endedEarly is the answer where a stream ends before it has begun.
func endedEarly(err error) error {
	var cause *endCause
	if errors.As(err, &cause) && cause.event == "auth" {
		return &StatusError{Code: http.StatusUnauthorized, Message: "the login has ended"}
	}
	return err
}

func setStreamHeaders(w http.ResponseWriter, r *http.Request, format streamFormat) {
	header := w.Header()
	header.Set("Content-Type", format.contentType())
	header.Add("Vary", "Accept")
	header.Set("Cache-Control", "private, no-cache, no-store, no-transform")
	header.Set("X-Accel-Buffering", "no")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.ProtoMajor == 1 {
		header.Set("Connection", "keep-alive")
	}
}

// refuse answers with an error instead of a stream.
func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var status *StatusError
	var cause *endCause
	switch {
	case errors.As(err, &status):
		status.Write(w)
	case r.Context().Err() != nil: // nobody is there to answer
	case errors.Is(err, ErrUnavailable), errors.As(err, &cause):
		h.log.Warn("log stream refused: the broker is away", "error", err)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("Log stream is temporarily unavailable."))
	default:
		h.log.Error("log stream refused", "path", strings.ToValidUTF8(r.URL.Path, "\uFFFD"), "error", err)
		(&StatusError{Code: http.StatusInternalServerError, Message: "internal error", RetryAfter: time.Second}).Write(w)
	}
}
