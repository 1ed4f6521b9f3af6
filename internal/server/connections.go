package server

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// refusal is what a connection beyond the limit gets; who speaks TLS sees it fail.
const refusal = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 5\r\nLoglane-Limit: max-connections\r\nConnection: close\r\n\r\n" +
	`{"error":"this gateway has as many connections as it may (max-connections)","limit":"max-connections"}` + "\n"

// A boundedListener has at most so many connections open; more are refused at once, so that
// the descriptors that Redis and the files need are left.
type boundedListener struct {
	net.Listener
	most    int64
	open    atomic.Int64
	refused func()
	paced   time.Time // when the pace is kept again; only Accept's caller uses it
}

// A crowd that comes at once is let in over some seconds: what it takes to meet it would be
// missed by the streams that are open. Who waits does so in the kernel's queue.
const (
	acceptPace  = 2 * time.Millisecond
	acceptBurst = 200 * time.Millisecond
)

// Bounded returns a listener of at most so many connections at once; refused is called for
// each that is turned away. 0 is without limit.
func Bounded(l net.Listener, most int, refused func()) net.Listener {
	if most <= 0 {
		return l
	}
	return &boundedListener{Listener: l, most: int64(most), refused: refused}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		l.pace()
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.most {
			return &countedConn{Conn: conn, leave: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
		}
		l.open.Add(-1)
		l.refused()
		// What goes into an empty send buffer waits for nobody.
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write([]byte(refusal)) // who has gone needs no answer
		_ = conn.Close()                   // nothing of it is needed
	}
}

// pace waits until a further connection may come in.
func (l *boundedListener) pace() {
	now := time.Now()
	if earliest := now.Add(-acceptBurst); l.paced.Before(earliest) {
		l.paced = earliest
	}
	if wait := l.paced.Sub(now); wait > 0 {
		time.Sleep(wait)
	}
	l.paced = l.paced.Add(acceptPace)
}

type countedConn struct {
	net.Conn
	leave func()
}

func (c *countedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// RefusedConnection counts a connection beyond --max-connections.
func (s *Server) RefusedConnection() { s.metrics.refused.WithLabelValues("max-connections").Inc() }
