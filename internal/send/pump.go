package send

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/loglane/loglane/logship"
)

// A pump brings an input to a channel.
type pump struct {
	in  io.Reader
	tee io.Writer // nil is none
	to  *logship.Writer

	mu      sync.Mutex
	stopped bool
	lines   int // that were read, the last without its end not counted
	partial bool
}

func (p *pump) run() error {
	buffer := make([]byte, 64<<10)
	for {
		n, err := p.in.Read(buffer)
		if n > 0 && !p.pass(buffer[:n]) {
			return nil
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the input: %w", err)
		}
	}
}

// pass reports false once the pump is stopped.
func (p *pump) pass(chunk []byte) bool {
	if p.tee != nil { // not under the lock: who reads the copy may stop to, and stop is not to wait for that
		if _, err := p.tee.Write(chunk); err != nil {
			p.tee = nil // nobody reads the copy any more
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.lines += bytes.Count(chunk, []byte("\n"))
	p.partial = chunk[len(chunk)-1] != '\n'
	_, err := p.to.Write(chunk)
	return err == nil
}

// stop lets nothing more pass, and sends a last line without its end.
func (p *pump) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.partial {
		p.lines++
	}
	return p.to.Close()
}
