package main_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
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
	s := &streamer{t: t, broker: broker, addr: "127.0.0.1:0"}
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
	stream := s.hub.Stream(s.admit, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("/logs/api/v1/stream", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("follow") == "0" {
			s.replay(w, r)
			return
		}
		stream.ServeHTTP(w, r)
	})
	mux.HandleFunc("/logs/api/v1/logs", s.history)
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

// replay answers with what is there, as the stream does with follow=0.
func (s *streamer) replay(w http.ResponseWriter, r *http.Request) {
	if _, err := s.admit(r); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	from := loglane.Oldest()
	if n, err := strconv.Atoi(r.URL.Query().Get("backlog")); err == nil {
		from = loglane.Last(n)
	}
	page, err := s.broker.Read(r.Context(), aliceChannel, from, 1_000_000)
	if err != nil {
		s.t.Error(err)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range page.Entries {
		_, _ = w.Write(sse.AppendEvent(nil, "", e.Cursor.String(), e.Data))
	}
	_, _ = w.Write(sse.AppendID(nil, page.Tail.String()))
}

// history answers with what was stored from a time on, and with the place that it looked to.
func (s *streamer) history(w http.ResponseWriter, r *http.Request) {
	if _, err := s.admit(r); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
	if err != nil {
		s.t.Error(err)
	}
	page, err := s.broker.Read(r.Context(), aliceChannel, loglane.Oldest(), 1000)
	if err != nil {
		s.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	for _, e := range page.Entries {
		if e.Cursor.ID.Ms >= uint64(since.UnixMilli()) {
			fmt.Fprintf(w, `{"id":%q,"record":%s}`+"\n", e.Cursor, loglane.NewRecord(e.Data, 0))
		}
	}
	fmt.Fprintf(w, `{"event":"end","id":%q,"data":{"lines":%d}}`+"\n", page.Tail, len(page.Entries))
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
