package send_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/gatewaytest"
	"github.com/loglane/loglane/internal/send"
)

// A stage is a gateway over sockets, and what a sender tells of it.
type stage struct {
	*gatewaytest.Gateway
	t        *testing.T
	url      string
	requests atomic.Int32

	mu   sync.Mutex
	told []string
}

// newStage answers with what fault says of each request, counted from 1.
func newStage(t *testing.T, fault func(request int) gatewaytest.Fault) *stage {
	s := &stage{Gateway: gatewaytest.New(t), t: t}
	s.Fault = func(*http.Request) gatewaytest.Fault { return fault(int(s.requests.Add(1))) }
	server := httptest.NewServer(s.Gateway)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *stage) notice(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, text)
}

func (s *stage) sender(opts send.Options) *send.Sender {
	s.t.Helper()
	opts.URL, opts.User, opts.Notice = s.url, "alice", s.notice
	if opts.TokenFile == "" {
		opts.Token = gatewaytest.Token
	}
	sender, err := send.New(opts)
	if err != nil {
		s.t.Fatal(err)
	}
	return sender
}

func fine(int) gatewaytest.Fault { return gatewaytest.Fault{} }

func always(status int) func(int) gatewaytest.Fault {
	return func(int) gatewaytest.Fault { return gatewaytest.Fault{Status: status} }
}

func input(lines int) (text string, list []string) {
	for i := range lines {
		list = append(list, fmt.Sprint("line ", i))
	}
	return strings.Join(list, "\n") + "\n", list
}

func wantIncomplete(t *testing.T, err error, want string) {
	t.Helper()
	if _, ok := errors.AsType[*send.IncompleteError](err); !ok || !strings.Contains(err.Error(), want) {
		t.Errorf("it ends with %v, want %q", err, want)
	}
}

// A full buffer that drops says so, in the channel too; what was taken is there.
func TestDrop(t *testing.T) {
	const lines = 20_000
	read := make(chan struct{})
	s := newStage(t, func(int) (f gatewaytest.Fault) {
		select {
		case <-read:
		default:
			f.Status = http.StatusServiceUnavailable
		}
		return f
	})
	text, list := input(lines)
	in := io.MultiReader(strings.NewReader(text), readFunc(func([]byte) (int, error) {
		close(read)
		return 0, io.EOF
	}))
	err := s.sender(send.Options{Buffer: send.MinBuffer, Drop: true}).Run(t.Context(), t.Context(), in)
	got := s.Messages("User.alice")
	last := len(got) - 1
	if last < 100 || last >= lines || !strings.HasPrefix(got[last], fmt.Sprint(lines-last, " log lines dropped: the queue was full")) {
		t.Fatalf("%d lines, the last is %q", len(got), got[max(last, 0)])
	}
	for i := range last {
		if got[i] != list[i] {
			t.Fatalf("line %d is %q", i, got[i])
		}
	}
	wantIncomplete(t, err, fmt.Sprintf("lines: %d read, ", lines))
	wantIncomplete(t, err, fmt.Sprintf("%d dropped, for the buffer was full", lines-last))
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// A full buffer that blocks reads no more than it can hold, and loses nothing.
func TestBlock(t *testing.T) {
	const lines = 20_000
	var read atomic.Int64
	var most int64
	s := newStage(t, func(request int) (f gatewaytest.Fault) {
		if request < 4 {
			f.Status = http.StatusServiceUnavailable
			most = read.Load()
		}
		return f
	})
	text, list := input(lines)
	from := strings.NewReader(text)
	in := readFunc(func(p []byte) (int, error) {
		n, err := from.Read(p)
		read.Add(int64(n))
		return n, err
	})
	if err := s.sender(send.Options{Buffer: send.MinBuffer}).Run(t.Context(), t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if most > send.MinBuffer {
		t.Errorf("%d bytes were read with a buffer of %d", most, send.MinBuffer)
	}
	if got := s.Messages("User.alice"); strings.Join(got, "\n") != strings.Join(list, "\n") {
		t.Errorf("%d lines", len(got))
	}
}

// What is left at the end has its time, and no more.
func TestEnds(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for _, tt := range []struct {
		name     string
		ctx, cut context.Context
		timeout  time.Duration
		most     time.Duration
	}{
		{"after the timeout", t.Context(), t.Context(), 100 * time.Millisecond, 4 * time.Second},
		{"at once", t.Context(), ended, 0, 4 * time.Second},
		{"a while after it was asked to", ended, t.Context(), 0, 9 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, always(http.StatusServiceUnavailable))
			in, w := io.Pipe() // of which nothing ends a read
			t.Cleanup(func() { w.Close() })
			start := time.Now()
			from := io.Reader(in)
			if tt.ctx != ended {
				from = strings.NewReader("x\ny")
			}
			err := s.sender(send.Options{Timeout: tt.timeout}).Run(tt.ctx, tt.cut, from)
			if tt.ctx != ended {
				wantIncomplete(t, err, "2 not acknowledged: ")
			} else if err != nil {
				t.Errorf("with nothing read it ends with %v", err)
			}
			if took := time.Since(start); took > tt.most {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A token that was good may be in exchange: it is waited for, and told.
func TestTokenEndsLater(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Error(err)
		}
	}
	write(gatewaytest.Token)
	s := newStage(t, func(request int) (f gatewaytest.Fault) {
		if request == 2 || request == 3 {
			f.Status = http.StatusUnauthorized
			write("llt_new")
		}
		if request == 4 {
			write(gatewaytest.Token) // what the request has is the other one
		}
		return f
	})
	text, list := input(1000)
	if err := s.sender(send.Options{TokenFile: file}).Run(t.Context(), t.Context(), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if got := s.Messages("User.alice"); strings.Join(got, "\n") != strings.Join(list, "\n") {
		t.Errorf("%d lines", len(got))
	}
	if told := strings.Join(s.told, "\n"); !strings.Contains(told, "does not know the token (a fault of the test)") || !strings.Contains(told, "the gateway takes lines again") {
		t.Errorf("it tells %s", told)
	}
}

// A copy that nobody reads any more does not end the sending; a broken input does.
func TestTeeAndInput(t *testing.T) {
	s := newStage(t, fine)
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader("x\n"), strings.NewReader("y\n"), readFunc(func([]byte) (int, error) { return 0, broken }))
	err := s.sender(send.Options{Tee: closedWriter{}}).Run(t.Context(), t.Context(), in)
	if !errors.Is(err, broken) {
		t.Errorf("it ends with %v", err)
	}
	if got := s.Messages("User.alice"); fmt.Sprint(got) != "[x y]" {
		t.Errorf("the lines are %q", got)
	}
	var copied bytes.Buffer
	if err := s.sender(send.Options{Tee: &copied}).Run(t.Context(), t.Context(), strings.NewReader("z")); err != nil || copied.String() != "z" {
		t.Errorf("the copy is %q, %v", &copied, err)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Who reads the copy and stops to does not hold up the end.
func TestACopyThatNobodyTakes(t *testing.T) {
	s := newStage(t, fine)
	r, w := io.Pipe()
	defer r.Close()
	taken := make(chan struct{})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.sender(send.Options{Tee: teeFunc(func(p []byte) (int, error) {
			close(taken)
			return w.Write(p)
		})}).Run(ctx, t.Context(), strings.NewReader("a\nb\n"))
	}()
	<-taken
	end()
	select {
	case <-ended:
	case <-time.After(8 * time.Second):
		t.Error("it does not end")
	}
}

type teeFunc func([]byte) (int, error)

func (f teeFunc) Write(p []byte) (int, error) { return f(p) }
