package tail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/tail"
)

// A scripted answers requests one by one, as the test says; past the script nothing
// answers. It is for bubbles.
type scripted struct {
	script   []func(*http.Request) (*http.Response, error)
	requests []*http.Request
	at       []time.Duration // when they came
	begin    time.Time
}

func (s *scripted) RoundTrip(req *http.Request) (*http.Response, error) {
	s.requests = append(s.requests, req)
	s.at = append(s.at, time.Since(s.begin))
	if len(s.requests) > len(s.script) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return s.script[len(s.requests)-1](req)
}

func answer(req *http.Request, code int, body io.ReadCloser, headers ...string) *http.Response {
	resp := &http.Response{
		StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)),
		Header: http.Header{}, Body: body, Request: req,
	}
	for i := 0; i+1 < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

// stream answers with the bytes, and then with the end; io.EOF is a clean one, nil none.
func stream(bytes string, end error) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		r, w := io.Pipe()
		context.AfterFunc(req.Context(), func() { r.CloseWithError(req.Context().Err()) })
		go func() {
			if _, err := io.WriteString(w, bytes); err == nil && end != nil {
				w.CloseWithError(end)
			}
		}()
		return answer(req, 200, r, "Content-Type", "text/event-stream"), nil
	}
}

// refusal answers with a code, a text and headers.
func refusal(code int, text string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		headers = append([]string{"Content-Type", "text/plain; charset=utf-8"}, headers...)
		return answer(req, code, io.NopCloser(strings.NewReader(text)), headers...), nil
	}
}

func noConnection(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

const (
	epoch = "AAAAAAAAAAE"
	srcA  = "AAAAAAAAAAE"
	srcB  = "AAAAAAAAAAI"
	half  = "id: x.1" // an id whose block never ends
)

func id(n int, src string) string {
	id := fmt.Sprintf("%s.%d.%d-0", epoch, n, 1000+n)
	if src != "" {
		id += "." + src
	}
	return id
}

func line(n int, text, src string) string {
	return fmt.Sprintf("id: %s\ndata: {\"message\":%q}\n\n", id(n, src), text)
}

// A play is one reading of a script within a bubble.
type play struct {
	*scripted
	*recorder
	err  error
	took time.Duration
}

// perform reads with the options until Read returns, at the latest after an hour.
func perform(t *testing.T, opts tail.Options, script ...func(*http.Request) (*http.Response, error)) *play {
	t.Helper()
	p := &play{scripted: &scripted{script: script, begin: time.Now()}, recorder: newRecorder()}
	p.run(t, opts)
	return p
}

var errHour = errors.New("an hour is over")

func (p *play) run(t *testing.T, opts tail.Options) {
	t.Helper()
	opts.URL, opts.Transport = "http://gateway.test/logs", p.scripted
	reader, err := tail.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errHour)
	defer cancel()
	p.err = reader.Read(ctx, p.recorder)
	p.took = time.Since(p.begin)
	synctest.Wait()
}

func forever() tail.Options { return tail.Options{MaxRetries: -1, Start: tail.Start{Lines: 10}} }
