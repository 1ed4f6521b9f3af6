package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Listen opens a TCP address such as 127.0.0.1:8080, or a Unix socket such as
// unix:/run/loglane.sock. Its errors name the setting.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	if path, found := UnixPath(addr); found {
		return listenUnix(ctx, path)
	}
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}
	listener, err := config.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--addr %s: the port is in use: stop the program that has it, or choose another, such as --addr 127.0.0.1:8081", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("--addr %s: this user may not open the port: choose one above 1023, such as --addr 127.0.0.1:8080", addr)
	case err != nil:
		return nil, fmt.Errorf("--addr %s: %w", addr, err)
	}
	return thrifty{listener}, nil
}

// sendBuffer is how much of an answer the kernel takes for a connection that nobody reads,
// in bytes. It would take 4 MiB, and hide for as long that a viewer stands still.
const sendBuffer = 256 << 10

// A thrifty listener's connections have a send buffer of that size.
type thrifty struct{ net.Listener }

func (l thrifty) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // a connection that is gone already fails later
	}
	return conn, err
}

// NewHTTP returns a server that suits streams: it bounds how long a request's headers
// may take and how long a connection may be idle, and no answer; those bound themselves.
func NewHTTP(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    32 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:          newErrorLog(log),
	}
}

// newErrorLog is where net/http complains. What it says of failed handshakes is up to
// whoever connects, and is no warning.
func newErrorLog(log *slog.Logger) *stdlog.Logger {
	return stdlog.New(complaints{log}, "", 0)
}

type complaints struct{ log *slog.Logger }

func (c complaints) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	c.log.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}
