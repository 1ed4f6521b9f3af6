package tail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/loglane/loglane/internal/sse"
)

const (
	// headersLimit is how long an answer may take to begin: the gateway waits 2 s for
	// its broker.
	headersLimit = 20 * time.Second
	// silenceLimit is how long a connection that lives may be silent.
	silenceLimit = 45 * time.Second
	// pingSeconds asks for a heartbeat, for the gateway's keepalive may be set longer.
	pingSeconds = 15
	// maxEvent bounds what is held of one event: more than any line that a gateway passes.
	maxEvent = 16 << 20
	// pingTimeout is after how much silence an HTTP/2 connection is asked whether it lives, and how
	// long it has to answer.
	pingTimeout = 5 * time.Second
)

var (
	errNoAnswer = errors.New("the gateway does not answer")
	errSilent   = errors.New("nothing was heard for 45 s")
)

// A viewerError is not the connection's.
type viewerError struct{ error }

func (e *viewerError) Unwrap() error { return e.error }

// A farewell is what the gateway said about the end of a connection.
type farewell struct {
	bye, auth bool
	placed    bool // an id came: the replay has an end
	retry     time.Duration
}

// connect opens the stream and shows it to its end; nil is the end that was asked for.
func (r *Reader) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	body, err := r.open(ctx, cancel, "api/v1/stream", r.streamQuery(), "text/event-stream")
	if err != nil {
		return err
	}
	defer body.Close()
	r.unplaced.resume()
	r.watchers = 0 // who still watches is told again
	decoder := sse.NewDecoder(body)
	decoder.MaxEventSize = maxEvent
	bye := farewell{retry: -1}
	for {
		event, err := decoder.Next()
		if err != nil {
			return r.ended(ctx, err, bye)
		}
		if err := r.take(event, &bye); err != nil {
			return err
		}
	}
}

func (r *Reader) streamQuery() url.Values {
	query := r.opts.query()
	query.Set("ping", strconv.Itoa(pingSeconds))
	if r.cursor == "" {
		query.Set("backlog", strconv.Itoa(r.opts.Start.Lines))
	}
	if r.opts.Once {
		query.Set("follow", "0")
	}
	return query
}

// open asks for the path and returns the body of an answer of the kind, which is watched
// for silence.
func (r *Reader) open(ctx context.Context, cancel context.CancelCauseFunc, path string, query url.Values, kind string) (*watchedBody, error) {
	req, err := r.request(ctx, path, query, kind)
	if err != nil {
		return nil, err
	}
	if kind == "text/event-stream" && r.cursor != "" {
		req.Header.Set("Last-Event-ID", r.cursor)
	}
	watch := time.AfterFunc(headersLimit, func() { cancel(errNoAnswer) })
	resp, err := r.client.Do(req)
	if err != nil {
		watch.Stop()
		return nil, r.unreachable(ctx, err)
	}
	if err := refused(resp, kind, !r.connected); err != nil {
		watch.Stop()
		resp.Body.Close()
		return nil, r.withLoginEnd(err)
	}
	watch.Stop()
	return &watchedBody{
		body: resp.Body, header: resp.Header, flush: r.viewer.Flush,
		watch: stoppedWatch(func() { cancel(errSilent) }),
	}, nil
}

// withLoginEnd adds why the login ended, which the gateway said before.
func (r *Reader) withLoginEnd(err error) error {
	if r.loginEnd != "" && errors.Is(err, ErrNotAuthenticated) {
		return fmt.Errorf("%w (the login ended: %s)", err, r.loginEnd)
	}
	return err
}

func (r *Reader) unreachable(ctx context.Context, err error) error {
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) && !r.connected {
		return fmt.Errorf("the gateway cannot be trusted: %w", certificate.Err)
	}
	if cause := context.Cause(ctx); cause != nil {
		return &loss{reason: cause.Error()}
	}
	var request *url.Error // repeats method and URL
	if errors.As(err, &request) {
		err = request.Err
	}
	return &loss{reason: fmt.Sprintf("no connection to %s: %v", r.base.Host, err)}
}

// ended says what the end of a stream means.
func (r *Reader) ended(ctx context.Context, err error, bye farewell) error {
	var viewer *viewerError
	switch {
	case errors.As(err, &viewer):
		return viewer.error
	case errors.Is(err, sse.ErrTooLong):
		return fmt.Errorf("the stream has an event of more than %d bytes", maxEvent)
	case bye.auth:
		return &loss{reason: "the login ended: " + r.loginEnd}
	case bye.bye:
		r.waits.reset()
		return &loss{reason: "the gateway goes away", wait: max(bye.retry, 0), asked: bye.retry >= 0}
	case errors.Is(err, io.EOF) && r.opts.Once && bye.placed:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &loss{reason: "the connection was cut"}
	}
	if cause := context.Cause(ctx); cause != nil {
		return &loss{reason: "the connection is dead: " + cause.Error()}
	}
	return &loss{reason: "the connection was lost: " + err.Error()}
}

// A watchedBody ends a request whose answer falls silent, and lets the viewer flush before
// it waits. Only waiting counts as silence: a viewer may take its time.
type watchedBody struct {
	body   io.ReadCloser
	header http.Header
	flush  func() error
	watch  *time.Timer
}

func stoppedWatch(f func()) *time.Timer {
	timer := time.AfterFunc(time.Hour, f)
	timer.Stop()
	return timer
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if err := b.flush(); err != nil {
		return 0, &viewerError{err}
	}
	b.watch.Reset(silenceLimit)
	defer b.watch.Stop()
	return b.body.Read(p)
}

func (b *watchedBody) Close() error {
	b.watch.Stop()
	return b.body.Close()
}
