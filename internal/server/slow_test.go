package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/server"
)

// Two tokens whose bodies do not go on hold their own places, and nobody else's.
func TestSlowBodiesHoldUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := inBubble(t, newLossy())
		listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		gateway := server.NewHTTP(handler, slog.New(slog.DiscardHandler))
		served := make(chan error, 1)
		go func() { served <- gateway.Serve(listener) }()
		var conns []net.Conn
		for i := range 20 {
			ours, theirs := net.Pipe()
			listener.conns <- theirs
			conns = append(conns, ours)
			fmt.Fprintf(ours, "POST /api/v1/logs?user=alice HTTP/1.1\r\nHost: loglane\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\nx", []string{"all", "other"}[i%2])
		}
		synctest.Wait()
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		conns = append(conns, ours)
		began := time.Now()
		fmt.Fprintf(ours, "POST /api/v1/logs?user=alice HTTP/1.1\r\nHost: loglane\r\nAuthorization: Bearer alice\r\nContent-Length: 2\r\n\r\nx\n")
		answer, err := http.ReadResponse(bufio.NewReader(ours), nil)
		must(t, err)
		if took := time.Since(began); answer.StatusCode != http.StatusOK || took > 0 {
			t.Errorf("%d after %v", answer.StatusCode, took)
		}
		for _, conn := range conns {
			must(t, conn.Close())
		}
		must(t, gateway.Close())
		<-served
		time.Sleep(time.Second) // net/http keeps a refused connection for half of one
	})
}

// A body that has much memory and brings next to nothing is let go, though something comes
// all the time.
func TestABodyMustNotSitOnItsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		gateway := server.NewHTTP(inBubble(t, newLossy()), slog.New(slog.DiscardHandler))
		served := make(chan error, 1)
		go func() { served <- gateway.Serve(listener) }()
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		began := time.Now()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			fmt.Fprintf(ours, "POST /api/v1/logs?user=alice HTTP/1.1\r\nHost: loglane\r\nAuthorization: Bearer all\r\nContent-Length: 8000000\r\n\r\n%s", strings.Repeat("x\n", 500_000))
			for range 100 {
				time.Sleep(time.Second)
				if _, err := io.WriteString(ours, "x\n"); err != nil {
					return
				}
			}
		}()
		answer, err := http.ReadResponse(bufio.NewReader(ours), nil)
		must(t, err)
		if took := time.Since(began); answer.StatusCode != http.StatusRequestTimeout || took > 21*time.Second {
			t.Errorf("%d after %v", answer.StatusCode, took)
		}
		must(t, ours.Close())
		must(t, gateway.Close())
		<-served
		time.Sleep(time.Second) // net/http keeps a refused connection for half of one
		<-sent
	})
}

// Connections beyond the limit are told so, and those that end make room.
func TestConnectionsAreBounded(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	refused := 0
	bounded := server.Bounded(plain, 1, func() { refused++ })
	accepted := make(chan net.Conn)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := bounded.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", plain.Addr().String())
		must(t, err)
		return conn
	}
	first := dial()
	theirs := <-accepted
	second := dial()
	must(t, second.SetReadDeadline(time.Now().Add(10*time.Second)))
	answer, err := http.ReadResponse(bufio.NewReader(second), nil)
	must(t, err)
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Loglane-Limit") != "max-connections" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	must(t, theirs.Close())
	third := dial()
	must(t, (<-accepted).Close())
	for _, conn := range []net.Conn{first, second, third} {
		must(t, conn.Close())
	}
	must(t, bounded.Close())
	<-ended
	if refused != 1 {
		t.Errorf("%d are refused", refused)
	}
}

// A body that does not say how long it is takes memory as it comes, and waits for more like
// any other.
func TestABodyWithoutALengthTakesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := inBubble(t, newLossy())
		post := func(body io.Reader) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/logs?user=alice", struct{ io.Reader }{body})
			r.Header.Set("Authorization", "Bearer all")
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		}
		body := strings.Repeat(strings.Repeat("x", 1023)+"\n", 7<<10) // 14 MiB as it counts, of 24 for a token
		open, hold := io.Pipe()
		var first sync.WaitGroup
		first.Go(func() {
			if w := post(open); w.Code != http.StatusOK {
				t.Errorf("the first body: %d %s", w.Code, w.Body)
			}
		})
		_, err := io.WriteString(hold, body)
		must(t, err)
		if w := post(strings.NewReader(body)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Loglane-Limit") != "ingest-memory" {
			t.Errorf("beside it: %d %s", w.Code, w.Body)
		}
		must(t, hold.Close())
		first.Wait()
		if w := post(strings.NewReader(body)); w.Code != http.StatusOK {
			t.Errorf("after it: %d %s", w.Code, w.Body)
		}
	})
}
