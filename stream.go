package loglane

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"time"
)

const (
	retryMillis = 3000
	// endGrace is how long a viewer that does not read may hold up the end of its stream.
	endGrace = 500 * time.Millisecond
)

// An endCause is why a stream ends by the server's will; event is auth or bye.
type endCause struct{ event, reason string }

func (e *endCause) Error() string { return e.event + ": " + e.reason }

// A stream is one viewer's open response.
type stream struct {
	hub    *Hub
	number uint64 // among all streams; later ones have higher ones
	grant  Grant
	req    streamRequest
	filter filter
	format streamFormat
	writer *portableWriter
	sub    *subscription
	ready  func() // gives back the turn; may be called more than once

	ctx    context.Context // ends with the request, or with an endCause
	cancel context.CancelCauseFunc

	sent    int64       // lines
	told    bool        // an id was sent
	down    bool        // the viewer knows that the broker is away
	hides   bool        // a line was hidden from the viewer …
	hidden  Cursor      // … the last of them here
	judging *evaluation // held waits for it
	marking bool        // marks is running
	held    []delivery  // wait until the grant is found to stand, or a line was looked through
	items   []delivery  // reused
	frames  [][]byte    // reused

	keepalive *time.Timer
	marks     *time.Timer
	again     *time.Timer // the history is to be asked again
	ping      <-chan time.Time

	verified bool // lines may be sent
	checking bool
	stale    bool // the check under way was asked before an outage ended
	checks   chan error
	checker  sync.WaitGroup
	recheck  *time.Timer
	news     chan news // see Hub.Tell
	retry    backoff
}

func newStream(h *Hub, r *http.Request, w http.ResponseWriter, grant Grant, req streamRequest) *stream {
	ctx, cancel := context.WithCancelCause(r.Context())
	return &stream{
		hub: h, grant: grant, req: req, format: req.format, writer: newPortableWriter(w),
		ctx: ctx, cancel: cancel, verified: true, checks: make(chan error, 1),
		news: make(chan news, 1),
	}
}

// end ends the stream with an event; only the first end counts. false means that it had
// ended before.
func (st *stream) end(event, reason string) bool {
	if context.Cause(st.ctx) != nil {
		return false
	}
	st.cancel(&endCause{event: event, reason: reason})
	time.AfterFunc(endGrace, st.writer.interrupt)
	return true
}

// run streams until the stream ends, and returns why.
func (st *stream) run() error {
	defer st.checker.Wait()
	defer st.cancel(nil)
	defer st.startClocks()()
	err := st.open()
	st.ready()
	if err == nil && !st.req.once {
		err = st.follow()
	}
	var cause *endCause
	if errors.As(err, &cause) {
		st.farewell(cause)
	}
	return err
}

// ended tells who opened the stream how it has been.
func (st *stream) ended(open time.Duration, err error) {
	if st.grant.Ended == nil {
		return
	}
	reason := "gone"
	var cause *endCause
	if errors.As(err, &cause) {
		reason = cause.Error()
	}
	st.grant.Ended(Ended{Lines: st.sent, Open: open, Reason: reason})
}

// startClocks makes the timers of the stream and returns what stops them.
func (st *stream) startClocks() (stop func()) {
	st.keepalive = time.NewTimer(st.silence())
	st.marks, st.again, st.recheck = stoppedTimer(), stoppedTimer(), stoppedTimer()
	clocks := []interface{ Stop() bool }{st.keepalive, st.marks, st.again, st.recheck}
	if st.grant.Check != nil {
		st.recheck.Reset(0) // the login may have ended before End could find the stream
	}
	if !st.grant.Expires.IsZero() {
		// As an end from outside, which also reaches a viewer that does not read.
		clocks = append(clocks, time.AfterFunc(time.Until(st.grant.Expires), func() { st.end("auth", "expired") }))
	}
	var ticker *time.Ticker
	if st.req.ping > 0 {
		ticker = time.NewTicker(st.req.ping)
		st.ping = ticker.C
	}
	return func() {
		for _, clock := range clocks {
			clock.Stop()
		}
		if ticker != nil {
			ticker.Stop()
		}
	}
}

func stoppedTimer() *time.Timer {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return timer
}

// farewell says why the stream ends; a viewer that has gone does not hear it.
func (st *stream) farewell(cause *endCause) {
	var frames [][]byte
	if cause.event == "bye" {
		frames = append(frames, st.format.retry(500+rand.IntN(4500)))
	}
	_ = st.writer.write(append(frames, st.format.event(cause.event, "", reasonData(cause.reason)))...)
}

// silence is the keepalive's interval, spread by a fifth so that viewers who came
// together are not written to together.
func (st *stream) silence() time.Duration {
	k := st.hub.opts.Keepalive
	return k*4/5 + rand.N(k*2/5)
}

func (st *stream) write(frames ...[]byte) error {
	if len(frames) == 0 {
		return nil
	}
	if err := st.writer.write(frames...); err != nil {
		if cause := context.Cause(st.ctx); cause != nil {
			return cause
		}
		return err
	}
	st.keepalive.Reset(st.silence())
	return nil
}

// open sends what comes before the first live line.
func (st *stream) open() error {
	// Who wants only what is new has its place before the first byte: what is published
	// once the response is there is new.
	placed := st.req.backlog == 0 && st.req.cursor == nil && !st.req.all && !st.req.once
	if placed {
		if _, err := st.sub.joinTail(st.ctx, 0); err != nil { // without a backlog it asks nobody
			return err
		}
	}
	if err := st.write(st.format.retry(retryMillis)); err != nil { // without a frame it sends the headers
		return err
	}
	var first []delivery
	var err error
	if st.req.once { // what is stored by now is to be in what is sent
		err = st.refreshed()
	}
	switch {
	case err != nil:
	case placed:
	case st.req.all:
		st.sub.joinOldest()
	case st.req.cursor != nil:
		st.sub.joinAfter(*st.req.cursor)
	default:
		first, err = st.joinTail()
	}
	if err != nil {
		return err
	}
	if st.req.bulk {
		return st.sendBulk(first)
	}
	if err := st.send(first); err != nil {
		return err
	}
	for !st.sub.live || st.held != nil || st.sub.backlogged() {
		progress, err := st.step()
		switch {
		case err != nil:
		case progress:
			runtime.Gosched() // what is stored can wait, what is live goes first
		default:
			err = st.wait(st.sub.woken)
		}
		if err != nil {
			return err
		}
	}
	if err := st.mark(); err != nil || st.told {
		return err
	}
	st.told = true
	return st.write(st.format.mark(st.sub.here()))
}

// refreshed returns once the feed has read what is stored by now; while the broker cannot be asked,
// the viewer is told so and waits.
func (st *stream) refreshed() error {
	for {
		ctx, cancel := context.WithTimeout(st.ctx, confirmWait)
		err := st.sub.feed.refresh(ctx, st.sub)
		cancel()
		if cause := context.Cause(st.ctx); cause != nil {
			return cause
		}
		if err == nil {
			st.retry.reset()
			if st.down && (st.req.cursor != nil || st.req.all) { // else joinTail comes back
				return st.comeBack()
			}
			return nil
		}
		st.again.Reset(st.retry.next())
		if err := st.sayDown(); err != nil {
			return err
		}
		if err := st.wait(nil); err != nil {
			return err
		}
	}
}

// joinTail places a new viewer; while the broker cannot be asked, it stays and waits.
func (st *stream) joinTail() ([]delivery, error) {
	for {
		first, err := st.sub.joinTail(st.ctx, st.req.backlog)
		if cause := context.Cause(st.ctx); cause != nil {
			return nil, cause
		}
		if err == nil {
			st.retry.reset()
			if !st.down || st.sub.feedDown() {
				return first, nil
			}
			if st.req.bulk { // it waits by itself for the grant
				return first, st.comeBack()
			}
			st.held = first
			return nil, st.comeBack()
		}
		st.again.Reset(st.retry.next())
		if err := st.sayDown(); err != nil {
			return nil, err
		}
		if err := st.wait(nil); err != nil {
			return nil, err
		}
	}
}

// sendBulk sends the backlog as one event.
func (st *stream) sendBulk(items []delivery) error {
	for st.sub.backlogged() {
		more, ok := st.sub.next(nil, st.sub.quiet)
		if !ok || len(more) == 0 {
			break
		}
		items = append(items, more...)
	}
	body, last := []byte{'['}, Cursor{}
	for _, d := range items {
		if d.placed() {
			last = d.cursor
		}
		if !d.isLine() || d.had {
			continue
		}
		if shows, err := st.await(&d); err != nil {
			return err
		} else if !shows {
			continue
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(body, d.record()...)
		st.sent++
	}
	if last == (Cursor{}) {
		last = st.sub.here()
	}
	for !st.verified {
		if err := st.wait(nil); err != nil {
			return err
		}
	}
	st.told = true
	return st.write(st.format.event("bulk", last.String(), append(body, ']')))
}

// await says whether an item is shown, once that is known, and leaves what is to be seen.
func (st *stream) await(d *delivery) (bool, error) {
	may := st.see(d)
	for {
		shows, pending := st.judge(*d, may)
		if pending == nil {
			return shows, nil
		}
		if err := st.wait(nil); err != nil {
			return false, err
		}
	}
}

// follow sends what comes.
func (st *stream) follow() error {
	for {
		progress, err := st.step()
		if err != nil {
			return err
		}
		ready := (<-chan struct{})(st.sub.woken)
		if progress { // the clocks are to be heard also where lines never pause
			ready = alwaysReady
		}
		if err := st.wait(ready); err != nil {
			return err
		}
	}
}

var alwaysReady = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// wait returns once there may be something to send, or with why the stream ends.
func (st *stream) wait(ready <-chan struct{}) error {
	if cause := context.Cause(st.ctx); cause != nil {
		return cause
	}
	select {
	case <-ready:
		return nil
	case <-st.ctx.Done():
		return context.Cause(st.ctx)
	case t := <-st.ping:
		return st.write(st.format.event("ping", "", pingData(t.UnixMilli())))
	case n := <-st.news:
		return st.write(st.format.event(n.event, "", n.data))
	case <-st.keepalive.C:
		return st.write(st.format.keepalive())
	case <-st.judged():
		return nil
	case <-st.marks.C:
		return st.mark()
	case <-st.again.C:
		return nil
	case <-st.recheck.C:
		st.check()
		return nil
	case err := <-st.checks:
		return st.checked(err)
	}
}
