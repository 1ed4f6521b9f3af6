package server

import (
	"bytes"
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
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, content ingest.Content) ([]byte, error) {
	limit := s.opts.MaxIngestBytes
	if r.ContentLength > int64(limit) {
		return nil, ingest.TooLarge(limit)
	}
	u := &upload{
		body:    http.MaxBytesReader(w, r.Body, int64(limit)),
		control: http.NewResponseController(w),
		stall:   s.opts.readTime,
		end:     time.Now().Add(uploadTime),
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
	return content.Read(bytes.NewReader(body), limit)
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
}

func (u *upload) Read(b []byte) (int, error) {
	next := time.Now().Add(u.stall)
	if next.After(u.end) {
		next = u.end
	}
	// A writer without deadlines, such as a test's recorder, has nobody to wait for.
	_ = u.control.SetReadDeadline(next)
	return u.body.Read(b)
}
