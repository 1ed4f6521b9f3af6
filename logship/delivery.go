package logship

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"syscall"

	"github.com/loglane/loglane"
)

// A delivery brings one batch to a gateway, in as many requests as it needs.
type delivery struct {
	gateway  *Gateway
	channel  string
	producer string
	after    uint64 // what the next request claims of the channel
	receipt  loglane.Receipt
	rejected []RejectedLine
}

// send posts lines run by run. Each run claims what the one before it stored, for a loss
// between the two would otherwise never be found.
func (d *delivery) send(ctx context.Context, lines []loglane.Line) error {
	for len(lines) > 0 {
		n := runOf(lines, d.gateway.bodyLimit())
		if err := d.sendRun(ctx, lines[:n]); err != nil {
			return err
		}
		lines = lines[n:]
	}
	return nil
}

func (d *delivery) sendRun(ctx context.Context, run []loglane.Line) error {
	err := d.post(ctx, run)
	answer, ok := errors.AsType[*GatewayError](err)
	switch {
	case !ok:
		return err
	case answer.Status == http.StatusRequestEntityTooLarge && len(run) > 1:
		d.gateway.tooLarge(bodySize(run))
		return d.send(ctx, run)
	case len(run) == 0, answer.Status != http.StatusRequestEntityTooLarge && answer.Status != http.StatusBadRequest:
		return err
	case answer.Status == http.StatusBadRequest && !d.gateway.malformed(d.producer):
		return err
	}
	for _, l := range run { // the same again would be answered the same
		d.rejected = append(d.rejected, RejectedLine{K: l.K, Reason: "the gateway " + answer.said()})
	}
	return nil
}

// runOf returns how many lines may be one request: their numbers are consecutive.
func runOf(lines []loglane.Line, maxBody int) int {
	size := 0
	for i, l := range lines {
		size += len(l.Record) + 1
		if i > 0 && (l.K != lines[i-1].K+1 || maxBody > 0 && size > maxBody) {
			return i
		}
	}
	return len(lines)
}

func bodySize(lines []loglane.Line) int {
	size := 0
	for _, l := range lines {
		size += len(l.Record) + 1
	}
	return size
}

// post makes one request, and takes down what the gateway has by then.
func (d *delivery) post(ctx context.Context, run []loglane.Line) error {
	request, err := d.request(ctx, run)
	if err != nil {
		return err
	}
	response, err := d.gateway.client.Do(request)
	if err != nil {
		return fmt.Errorf("the gateway at %s does not answer: %w", d.gateway.base, unanswered(err))
	}
	defer response.Body.Close()
	return d.take(response, run)
}

var errCut = errors.New("the connection was cut")

// unanswered is the error of a request in people's words: a connection that was cut shows
// itself in many ways, by which side notices it first.
func unanswered(err error) error {
	for _, cut := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, cut) {
			return errCut
		}
	}
	if cause, ok := errors.AsType[*url.Error](err); ok {
		return cause.Err
	}
	return err
}

func (d *delivery) request(ctx context.Context, run []loglane.Line) (*http.Request, error) {
	body, encoding, err := d.body(run)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.gateway.at(d.channel), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	first := d.after + 1 // of a request without lines, which says only what it claims
	if len(run) > 0 {
		first = run[0].K
	}
	h := request.Header
	h.Set("Authorization", "Bearer "+d.gateway.token.get())
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Producer", d.producer)
	h.Set("Producer-Seq", strconv.FormatUint(first, 10))
	h.Set("Producer-After", fmt.Sprintf("%d,%d", d.after, d.gateway.claim(d.producer, d.after)))
	h.Set("User-Agent", "loglane-logship")
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	h["Idempotency-Key"] = nil // not sent: it lets net/http try again where a kept connection was closed
	return request, nil
}

// zipFrom is from how many bytes it pays to compress.
const zipFrom = 1400

var zippers = sync.Pool{New: func() any {
	zipper, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("logship: " + err.Error())
	}
	return zipper
}}

func (d *delivery) body(run []loglane.Line) (body []byte, encoding string, err error) {
	body = make([]byte, 0, bodySize(run))
	for _, l := range run {
		at := len(body)
		body = append(append(body, l.Record...), '\n')
		breaksToSpaces(body[at : len(body)-1])
	}
	if !d.gateway.zip || len(body) < zipFrom {
		return body, "", nil
	}
	zipper := zippers.Get().(*gzip.Writer)
	defer zippers.Put(zipper)
	var zipped bytes.Buffer
	zipper.Reset(&zipped)
	if _, err := zipper.Write(body); err != nil {
		return nil, "", err
	}
	if err := zipper.Close(); err != nil {
		return nil, "", err
	}
	return zipped.Bytes(), "gzip", nil
}

// breaksToSpaces keeps a record that is not compact in one line: in JSON a raw line
// break can only stand between tokens.
func breaksToSpaces(record []byte) {
	for i, c := range record {
		if c == '\n' || c == '\r' {
			record[i] = ' '
		}
	}
}

func cloneTLS(config *tls.Config) *tls.Config {
	if config == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return config.Clone()
}
