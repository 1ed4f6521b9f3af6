package server_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// Streams are opened no faster than is allowed, and no more are sent what is stored at once
// than may be, of one user a quarter.
func TestStreamsTakeTurns(t *testing.T) {
	for name, c := range map[string]struct {
		limits  server.Limits
		users   int
		streams int           // that come at once and keep their turn
		least   time.Duration // until the last has it
		most    time.Duration
	}{
		"max-opens-per-second":               {server.Limits{Opens: 10, Replays: 1000}, 30, 30, 2600 * time.Millisecond, 3 * time.Second},
		"max-replays":                        {server.Limits{Replays: 8}, 9, 9, 500 * time.Millisecond, 500 * time.Millisecond},
		"max-replays, one user":              {server.Limits{Replays: 8}, 1, 3, 500 * time.Millisecond, 500 * time.Millisecond},
		"max-replays, as many as may be":     {server.Limits{Replays: 8}, 8, 8, 0, 0},
		"without a limit for those a second": {server.Limits{Replays: 1000}, 200, 200, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				open, _ := server.Turns(c.limits)
				began := time.Now()
				var all sync.WaitGroup
				for i := range c.streams {
					all.Go(func() {
						release, err := open(t.Context(), fmt.Sprint(i%c.users))
						if err != nil {
							t.Error(err)
							return
						}
						t.Cleanup(release)
					})
				}
				all.Wait()
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("the last has its turn after %v", took)
				}
				time.Sleep(time.Second) // until turns that were kept are given on
			})
		})
	}
}

// A user has some searches at once, and all users together as many as there are places; who
// waits in vain is told which setting it is.
func TestSearchesTakeTurns(t *testing.T) {
	for name, c := range map[string]struct{ users, searches, refused int }{
		"one user":                      {1, 6, 2},
		"many users":                    {20, 40, 8},
		"many users, as many as may be": {16, 32, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, search := server.Turns(server.Limits{SearchesPerUser: 4})
				var mu sync.Mutex
				refused := 0
				var all sync.WaitGroup
				for i := range c.searches {
					all.Go(func() {
						began := time.Now()
						_, err := search(t.Context(), fmt.Sprint(i%c.users))
						if err == nil {
							return
						}
						var status *loglane.StatusError
						if !errors.As(err, &status) || status.Code != http.StatusServiceUnavailable || status.Limit != "max-searches-per-user" || time.Since(began) != 5*time.Second {
							t.Errorf("after %v: %v", time.Since(began), err)
						}
						mu.Lock()
						defer mu.Unlock()
						refused++
					})
				}
				all.Wait()
				if refused != c.refused {
					t.Errorf("%d of %d wait in vain, want %d", refused, c.searches, c.refused)
				}
			})
		})
	}
}

// Who sends headers slowly is cut off, and idle connections and streams of HTTP/2 are bounded.
func TestTheServerIsBounded(t *testing.T) {
	t.Parallel()
	srv := server.NewHTTP(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if srv.IdleTimeout <= 0 || srv.IdleTimeout > 90*time.Second || srv.MaxHeaderBytes != 32<<10 || srv.HTTP2.MaxConcurrentStreams != 100 {
		t.Errorf("idle connections stay for %v, headers have %d bytes, HTTP/2 has %d streams", srv.IdleTimeout, srv.MaxHeaderBytes, srv.HTTP2.MaxConcurrentStreams)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() { _ = srv.Serve(listener) }() // until it is closed
	defer srv.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	must(t, err)
	defer conn.Close()
	began := time.Now()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n")
	must(t, err)
	must(t, conn.SetReadDeadline(began.Add(20*time.Second)))
	_, err = io.Copy(io.Discard, conn) // what the connection is told before it is cut
	if took := time.Since(began); err != nil || took < 4*time.Second {
		t.Errorf("it is cut after %v: %v", took, err)
	}
}

// A crowd of connections is let in over some time.
func TestConnectionsComeOnlySoFast(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	bounded := server.Bounded(plain, 1000, func() { t.Error("a connection is refused") })
	defer bounded.Close()
	const crowd = 300 // a burst of 100, then one in 2 ms
	for range crowd { // they wait in the kernel
		conn, err := net.Dial("tcp", plain.Addr().String())
		must(t, err)
		defer conn.Close()
	}
	began := time.Now()
	for range crowd {
		conn, err := bounded.Accept()
		must(t, err)
		must(t, conn.Close())
	}
	if took := time.Since(began); took < 350*time.Millisecond {
		t.Errorf("%d connections come in within %v", crowd, took)
	}
}
