package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/ingest"
)

// uploadTime bounds how long a body may take that goes on.
const uploadTime = 2 * time.Minute

// readBody reads what is sent, and then decompresses it. A slow sender has its time as long as
// something comes; a body that is too long is refused before it is read, where the sender
// says how long it is.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, content ingest.Content, held *held) ([]byte, error) {
	limit := s.opts.MaxIngestBytes
	if r.ContentLength > int64(limit) {
		return nil, ingest.TooLarge(limit)
	}
	if err := held.grow(r.Context(), upfront(r, content)); err != nil {
		return nil, err
	}
	u := &upload{
		body:    http.MaxBytesReader(w, r.Body, int64(limit)),
		control: http.NewResponseController(w),
		stall:   s.opts.readTime,
		end:     time.Now().Add(uploadTime),
		held:    held,
		context: r.Context(),
		counted: bodyCopies(content),
	}
	body, err := ingest.Content{}.Read(u, limit)
	if err != nil {
		return nil, uploadError(err, limit)
	}
	if content.Encoding == "" {
		return body, nil
	}
	release, err := s.senders.unpack(r.Context())
	if err != nil {
		return nil, err
	}
	defer release()
	if err := held.grow(r.Context(), len(body)+plainCopies*limit); err != nil {
		return nil, err
	}
	plain, err := content.Read(bytes.NewReader(body), limit)
	held.shrink(plainCopies * len(plain))
	return plain, err
}

// plainCopies is how often a body counts as memory: itself, and what is made of it. One that
// is compressed counts once, until it is read.
const plainCopies = 2

func bodyCopies(content ingest.Content) int {
	if content.Encoding == "" {
		return plainCopies
	}
	return 1
}

// upfront is what a body takes that says how long it is. Others take as they come.
func upfront(r *http.Request, content ingest.Content) int {
	return bodyCopies(content) * int(max(r.ContentLength, 0))
}

func uploadError(err error, limit int) error {
	var status *loglane.StatusError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &status):
		return err
	case errors.As(err, &tooLarge):
		return ingest.TooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &loglane.StatusError{Code: http.StatusRequestTimeout, Message: "the body stalled, or took too long: nothing was stored"}
	default:
		return &loglane.StatusError{Code: http.StatusBadRequest, Message: "the body ended too early: nothing was stored"}
	}
}

// An upload moves the connection's read deadline on with every read.
type upload struct {
	body    io.Reader
	control *http.ResponseController
	stall   time.Duration
	end     time.Time

	held    *held
	context context.Context // of the request
	counted int             // how often each byte counts as memory
	read    int
	window  int       // bytes since …
	since   time.Time // … the slow ones were looked at last
}

// A body that has much memory must bring more of it all the time: slowBytes in a stall's
// time. Others only have to bring something.
const slowBytes = 64 << 10

func (u *upload) Read(b []byte) (int, error) {
	now := time.Now()
	if u.since.IsZero() || u.window >= slowBytes || u.held.size() <= plainCopies*slowBytes {
		u.since, u.window = now, 0
	}
	next := u.since.Add(u.stall)
	if next.After(u.end) {
		next = u.end
	}
	// A writer without deadlines, such as a test's recorder, has nobody to wait for.
	_ = u.control.SetReadDeadline(next)
	n, err := u.body.Read(b)
	u.read += n
	u.window += n
	if wants := u.counted * u.read; wants > u.held.size() {
		if err := u.held.grow(u.context, (wants+memoryStep-1)/memoryStep*memoryStep); err != nil {
			return 0, err
		}
		u.since = time.Now() // it was not the sender who took the time
	}
	return n, err
}

// memoryStep is what a body that does not say how long it is takes of the memory at once.
const memoryStep = 64 << 10
