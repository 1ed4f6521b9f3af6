package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// A pipeListener accepts the far ends of pipes: connections for a bubble, whose deadlines
// follow its clock.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.done); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

func TestASlowBodyHasItsTimeAndAStalledOneHasNot(t *testing.T) {
	for name, c := range map[string]struct {
		pause time.Duration // before each of the lines
		lines int
		want  int
		took  time.Duration // at most
	}{
		"slow":      {9 * time.Second, 12, http.StatusOK, 109 * time.Second},
		"stalled":   {11 * time.Second, 2, http.StatusRequestTimeout, 11 * time.Second},
		"too long":  {9 * time.Second, 20, http.StatusRequestTimeout, 121 * time.Second},
		"withdrawn": {0, 0, http.StatusRequestTimeout, 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := newLossy()
				listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
				gateway := server.NewHTTP(inBubble(t, broker), slog.New(slog.DiscardHandler))
				served := make(chan error, 1)
				go func() { served <- gateway.Serve(listener) }()
				ours, theirs := net.Pipe()
				listener.conns <- theirs
				began := time.Now()
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					sendSlowly(ours, c.pause, c.lines)
				}()
				answer, err := http.ReadResponse(bufio.NewReader(ours), nil)
				must(t, err)
				body, err := io.ReadAll(answer.Body)
				must(t, err)
				if took := time.Since(began); answer.StatusCode != c.want || took > c.took {
					t.Errorf("%d %s after %v", answer.StatusCode, body, took)
				}
				if n := len(stored(t, broker, "logs:User.alice")); n > 0 != (c.want == http.StatusOK) {
					t.Errorf("%d lines are stored", n)
				}
				must(t, ours.Close())
				must(t, gateway.Close())
				<-served
				<-sent
			})
		})
	}
}

// sendSlowly ends where nobody reads any more.
func sendSlowly(conn net.Conn, pause time.Duration, lines int) {
	fmt.Fprintf(conn, "POST /api/v1/logs?user=alice HTTP/1.1\r\nHost: loglane\r\nAuthorization: Bearer all\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range lines {
		time.Sleep(pause)
		if _, err := io.WriteString(conn, "2\r\nx\n\r\n"); err != nil {
			return
		}
	}
	if lines > 0 {
		_, _ = io.WriteString(conn, "0\r\n\r\n") // who does not read has answered
	}
}

// What bounds a body must not end the request once the broker is at work.
func TestASlowBrokerIsWaitedFor(t *testing.T) {
	for _, tls := range []bool{false, true} {
		g := newGateway(t, func(s *setup) {
			withKnownTokens(s)
			s.SetReadTime(50 * time.Millisecond)
			s.broker, s.tls = slowBroker{newLossy()}, tls
		})
		for range 2 {
			if a := g.post("all", "?user=alice", strings.Repeat("x\n", 200)); a.code != http.StatusOK {
				t.Errorf("TLS %v: %d %s", tls, a.code, a.body)
			}
		}
	}
}

type slowBroker struct{ loglane.Broker }

func (b slowBroker) Append(ctx context.Context, channel string, batch loglane.Batch) (loglane.Receipt, error) {
	select {
	case <-time.After(150 * time.Millisecond):
		return b.Broker.Append(ctx, channel, batch)
	case <-ctx.Done():
		return loglane.Receipt{}, ctx.Err()
	}
}
