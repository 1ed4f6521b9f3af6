package main_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/porttest"
)

// A streamer is a gateway for tail that lets control sequences pass: alice's token reads her
// channel, ed's is forbidden.
type streamer struct {
	t      *testing.T
	broker *loglane.MemoryBroker
	addr   string
	hub    *loglane.Hub
	server *http.Server
	serves sync.WaitGroup
	k      uint64
}

const aliceChannel = "logs:User.alice"

func startStreamer(t *testing.T, keep loglane.Retention) *streamer {
	t.Helper()
	broker, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: keep})
	must(t, err)
	s := &streamer{t: t, broker: broker, addr: porttest.Addr(t)}
	s.start()
	t.Cleanup(s.stop)
	return s
}

// start listens where the gateway did before.
func (s *streamer) start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.addr)
	must(s.t, err)
	s.addr = listener.Addr().String()
	s.hub, err = loglane.NewHub(s.broker, &loglane.HubOptions{Logger: slog.New(slog.DiscardHandler), EscapePolicy: "none"})
	must(s.t, err)
	mux := http.NewServeMux()
	mux.Handle("/logs/api/v1/stream", s.hub.Stream(s.admit, nil))
	mux.Handle("/logs/api/v1/logs", s.hub.History(s.admit, nil))
	s.server = &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	server := s.server
	s.serves.Go(func() { _ = server.Serve(listener) })
}

func (s *streamer) admit(r *http.Request) (loglane.Grant, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer llt_alice":
		return loglane.Grant{Channel: aliceChannel}, nil
	case "Bearer llt_ed":
		return loglane.Grant{}, &loglane.StatusError{Code: http.StatusForbidden, Message: "not allowed"}
	}
	return loglane.Grant{}, &loglane.StatusError{Code: http.StatusUnauthorized, Message: "not signed in"}
}

// stop drains; it may be stopped already.
func (s *streamer) stop() {
	if s.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.hub.Close(ctx); err != nil {
		s.t.Errorf("the hub: %v", err)
	}
	_ = s.server.Close()
	s.serves.Wait()
	s.server = nil
}

// record stores and publishes a line as another program does.
func (s *streamer) record(record string) {
	s.t.Helper()
	s.broker.StoreForeign(aliceChannel, []byte(record))
	s.broker.PublishForeign(aliceChannel, []byte(record))
}
