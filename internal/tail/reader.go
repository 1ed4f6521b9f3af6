package tail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/loglane/loglane"
)

// A Reader reads one channel. It is for one call of Read.
type Reader struct {
	opts   Options
	base   *url.URL
	client *http.Client
	viewer Viewer

	cursor   string // after which the next line comes; "" before the first
	floor    uint64 // lines stored before this are not shown, Unix milliseconds
	gapTold  string // the id of the last gap that the history told
	seen     seen
	unplaced unplaced
	waits    waits

	watchers int // others who watch, as far as this connection has told

	connected bool      // the gateway was heard
	failures  int       // since it was last heard
	lostAt    time.Time // zero while there is no outage
	told      string    // the reason that the viewer knows
	loginEnd  string    // the reason that the gateway gave
}

// New checks the options, and connects to nothing.
func New(opts Options) (*Reader, error) {
	base, err := opts.base()
	if err != nil {
		return nil, err
	}
	if opts.User != "" && opts.Channel != "" {
		return nil, errors.New("a user and a channel: take one of them")
	}
	if opts.Level != "" {
		if _, err := loglane.ParseLevel(opts.Level); err != nil {
			return nil, err
		}
	}
	r := &Reader{opts: opts, base: base, cursor: opts.Start.Cursor}
	if opts.Start.All {
		r.cursor = "0"
	}
	if c := r.cursor; c != "" && c != "0" {
		if _, err := loglane.ParseCursor(c); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Read shows what the channel has until ctx ends, whose cause it then returns, or the end
// that the options name is reached, or the viewer returns an error, which it returns. It
// comes back after every loss; what it gives up for is [ErrNotAuthenticated],
// [ErrForbidden], [ErrRejected], [ErrLost], or an answer that is none of a gateway.
func (r *Reader) Read(ctx context.Context, viewer Viewer) error {
	r.viewer = viewer
	r.client = &http.Client{
		Transport: r.opts.Transport,
		// A redirect would take the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if r.opts.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DisableCompression = true // lines are to come one by one
		// A connection whose path has died without a word is not to be taken for the next try.
		transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingTimeout, PingTimeout: pingTimeout}
		r.client.Transport = transport
		defer transport.CloseIdleConnections()
	}
	if err := r.read(ctx); err != nil {
		return err
	}
	return viewer.Flush()
}

func (r *Reader) read(ctx context.Context) error {
	if !r.opts.Start.Since.IsZero() || !r.opts.Until.IsZero() {
		if err := r.readHistory(ctx); err != nil || !r.opts.Until.IsZero() {
			return err
		}
	}
	return r.persist(ctx, r.connect)
}

// persist tries until a try ends otherwise than with a loss.
func (r *Reader) persist(ctx context.Context, try func(context.Context) error) error {
	for {
		begin := time.Now()
		err := try(ctx)
		var lost *loss
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !errors.As(err, &lost):
			return err
		}
		if time.Since(begin) >= stableAfter {
			r.waits.reset()
		}
		if err := r.failed(lost); err != nil {
			return err
		}
		if err := r.wait(ctx, lost); err != nil {
			return err
		}
	}
}

// failed counts a loss, and tells of it once.
func (r *Reader) failed(lost *loss) error {
	r.failures++
	if r.opts.MaxRetries >= 0 && r.failures > r.opts.MaxRetries {
		if r.opts.MaxRetries == 0 {
			return fmt.Errorf("%w: %s", ErrLost, lost.reason)
		}
		return fmt.Errorf("%w: %s (%s)", ErrLost, lost.reason, counted(r.opts.MaxRetries, "further try", "further tries"))
	}
	if r.lostAt.IsZero() {
		r.lostAt = time.Now()
	}
	if r.told != lost.reason {
		r.told = lost.reason
		if err := r.viewer.Flush(); err != nil {
			return err
		}
		r.viewer.Notice(lost.reason + ": trying again")
	}
	return nil
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func (r *Reader) wait(ctx context.Context, lost *loss) error {
	wait := r.waits.next()
	if lost.asked {
		// Jitter keeps a crowd apart, but should not make a short time long.
		wait = lost.wait + min(wait, max(lost.wait/4, 250*time.Millisecond))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// heard ends an outage, and tells so.
func (r *Reader) heard(gap bool) error {
	resumed := r.connected
	r.connected, r.failures = true, 0
	if r.lostAt.IsZero() {
		return nil
	}
	away := time.Since(r.lostAt)
	r.lostAt, r.told = time.Time{}, ""
	if err := r.viewer.Flush(); err != nil {
		return err
	}
	switch {
	case !resumed:
		r.viewer.Notice("connected after " + inWords(away))
	case gap:
		r.viewer.Notice("resumed after " + inWords(away))
	default:
		r.viewer.Notice("resumed after " + inWords(away) + ", nothing lost")
	}
	return nil
}

// inWords writes a time as people say it.
func inWords(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	if d < 2*time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// request is a GET of the path with what every request has.
func (r *Reader) request(ctx context.Context, path string, query url.Values, accept string) (*http.Request, error) {
	target := *r.base
	target.Path += path
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "loglane-tail")
	if r.opts.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.opts.Token)
	}
	return req, nil
}
