package loglane

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// writePiece is what has to be written within a deadline, in bytes.
const writePiece = 32 << 10

// A portableWriter writes to any http.ResponseWriter, also over HTTP/2 and TLS. A write
// deadline is set before each batch and cleared after its flush: in HTTP/2 a deadline
// that has passed kills the stream and cannot be extended.
type portableWriter struct {
	w          http.ResponseWriter
	controller *http.ResponseController

	mu          sync.Mutex // guards what interrupt does against the handler's end
	done        bool       // the connection may serve another request by now
	interrupted bool
}

func newPortableWriter(w http.ResponseWriter) *portableWriter {
	return &portableWriter{w: w, controller: http.NewResponseController(w)}
}

// write writes one batch and flushes it.
func (p *portableWriter) write(frames ...[]byte) error {
	if err := p.deadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	for _, frame := range frames {
		for piece := range slices.Chunk(frame, writePiece) {
			if _, err := p.w.Write(piece); err != nil {
				return err
			}
			if len(piece) < len(frame) { // a large frame may take its time, as long as it goes on
				if err := p.deadline(time.Now().Add(writeTimeout)); err != nil {
					return err
				}
			}
		}
	}
	if err := p.controller.Flush(); err != nil {
		return err
	}
	return p.deadline(time.Time{})
}

// joined appends a frame, as one with the last where it lies behind that in memory, see
// inOnePiece.
func joined(frames [][]byte, frame []byte) [][]byte {
	if n := len(frames) - 1; n >= 0 && follows(frames[n], frame) {
		frames[n] = frames[n][:len(frames[n])+len(frame)]
		return frames
	}
	return append(frames, frame)
}

func follows(before, frame []byte) bool {
	end := len(before)
	return len(frame) > 0 && cap(before)-end >= len(frame) && &before[:end+1][end] == &frame[0]
}

func (p *portableWriter) deadline(at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.interrupted {
		return errors.New("the stream was cut")
	}
	if err := p.controller.SetWriteDeadline(at); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// interrupt ends a write that is under way, and refuses any other.
func (p *portableWriter) interrupt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return
	}
	p.interrupted = true
	_ = p.controller.SetWriteDeadline(time.Now()) // without deadlines there is nothing to end
	_ = p.controller.SetReadDeadline(time.Now())  // net/http reads what is left of a request first
}

// finish ends the writer's hold on the connection. The end of the response, too, may meet
// a viewer that does not read; net/http clears the deadline before the next request.
func (p *portableWriter) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	if !p.interrupted {
		_ = p.controller.SetWriteDeadline(time.Now().Add(writeTimeout)) // without deadlines there is nothing to bound
	}
}
