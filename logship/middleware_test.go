package logship_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

func byHeader(r *http.Request) string { return r.Header.Get("X-Test-User") }

// Each request's lines are those of its user; nobody's go where they went without it.
func TestMiddleware(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
	job := logship.WithJob(context.Background())
	shop := logship.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		slog.New(h).InfoContext(r.Context(), r.URL.Path)
	}), byHeader)
	for _, call := range [][2]string{{"/a", "alice"}, {"/b", "bob"}, {"/c", ""}, {"/d", "alice"}} {
		r := httptest.NewRequest("GET", call[0], nil).WithContext(job)
		r.Header.Set("X-Test-User", call[1])
		shop.ServeHTTP(httptest.NewRecorder(), r)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, sink.MemoryBroker, aliceChannel, []string{"/a", "/d"})
	wantMessages(t, sink.MemoryBroker, "logs:User.bob", []string{"/b"})
	wantMessages(t, sink.MemoryBroker, loglane.ChannelPrefix+h.Context(job), []string{"/c"})
}

// What a ResponseWriter can do it can do behind it.
func TestMiddlewareLeavesTheWriter(t *testing.T) {
	server := httptest.NewServer(logship.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(http.Flusher); !ok {
			t.Error("it cannot flush")
		}
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("it cannot be taken over: %v", err)
			return
		}
		defer conn.Close()
		_, _ = buffer.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = buffer.Flush()
	}), byHeader))
	defer server.Close()
	answer, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(bufio.NewReader(answer.Body)); string(body) != "ok" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}

func TestWithChannel(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
	ctx, err := logship.WithChannel(t.Context(), "build")
	if err != nil {
		t.Fatal(err)
	}
	slog.New(h).InfoContext(ctx, "x")
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, sink.MemoryBroker, "logs:build", []string{"x"})
	for _, name := range []string{"", "ll:control", "a b", "{x}"} {
		if ctx, err := logship.WithChannel(t.Context(), name); err == nil || ctx != nil {
			t.Errorf("the channel %q: %v", name, err)
		}
	}
}
