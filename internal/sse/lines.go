package sse

import (
	"bytes"
	"io"
)

const (
	firstBuffer = 4 << 10

	// maxEmptyReads is how often a reader may return nothing and no error.
	maxEmptyReads = 100
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// lines cuts a stream at LF, CR and CRLF. A line that ends in CR is returned
// without a look at what follows: an LF that does is skipped later.
type lines struct {
	r       io.Reader
	buf     []byte
	head    int // buf[head:tail] has been read but not returned
	tail    int
	scanned int  // so many bytes after head hold no line end
	skipLF  bool // the last line ended in CR
	begun   bool // the first line has been returned
	err     error
}

// next returns the next line without its end, valid until the next call. A line
// of more than limit bytes is [ErrTooLong], whether or not its end is there. A
// last line without an end is not returned.
func (l *lines) next(limit int) ([]byte, error) {
	for {
		size, whole := l.find()
		if size > limit {
			return nil, ErrTooLong
		}
		if whole {
			return l.take(size), nil
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// find returns how much of the next line is in the buffer, and whether all of
// it is.
func (l *lines) find() (size int, whole bool) {
	if l.skipLF && l.head < l.tail {
		l.skipLF = false
		if l.buf[l.head] == '\n' {
			l.head++
		}
	}
	unread := l.buf[l.head:l.tail]
	i := bytes.IndexAny(unread[l.scanned:], "\r\n")
	if i < 0 {
		l.scanned = len(unread)
		return len(unread), false
	}
	return l.scanned + i, true
}

func (l *lines) take(size int) []byte {
	line := l.buf[l.head : l.head+size]
	l.skipLF = l.buf[l.head+size] == '\r'
	l.head += size + 1
	l.scanned = 0
	if !l.begun {
		l.begun = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	return line
}

// fill waits for more bytes. An error that came with bytes is kept until they
// are used up.
func (l *lines) fill() error {
	if l.err != nil {
		return l.err
	}
	l.makeRoom()
	for range maxEmptyReads {
		n, err := l.r.Read(l.buf[l.tail:])
		l.tail += n
		l.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	l.err = io.ErrNoProgress
	return l.err
}

func (l *lines) makeRoom() {
	if l.head > 0 {
		l.tail = copy(l.buf, l.buf[l.head:l.tail])
		l.head = 0
	}
	if l.tail < len(l.buf) {
		return
	}
	grown := make([]byte, max(firstBuffer, 2*len(l.buf)))
	copy(grown, l.buf[:l.tail])
	l.buf = grown
}
