package tail_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A proxy passes bytes on to a gateway, and may cut after some of them.
type proxy struct {
	addr     string
	cutAfter func() int64

	whole chan struct{} // closed by the first connection that is not cut

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	cuts  int // to come
}

// startProxy passes connections on to an address, and cuts the first so many of them after
// some bytes of the answer.
func startProxy(t *testing.T, to func() string, cutAfter func() int64, cuts int) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: listener.Addr().String(), cutAfter: cutAfter, cuts: cuts, whole: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.hold(client)
			serving.Go(func() { p.pass(client, to()) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.mu.Lock()
		for conn := range p.conns {
			conn.Close()
		}
		p.mu.Unlock()
		serving.Wait()
	})
	return p
}

func (p *proxy) hold(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[conn] = struct{}{}
}

func (p *proxy) drop(conn net.Conn) {
	conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// pass serves one connection.
func (p *proxy) pass(client net.Conn, to string) {
	defer p.drop(client)
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	p.hold(server)
	defer p.drop(server)
	var asking sync.WaitGroup
	asking.Go(func() { _, _ = io.Copy(server, client); server.Close() })
	if p.cut() {
		_, _ = io.CopyN(client, server, p.cutAfter())
	} else {
		_, _ = io.Copy(client, server)
	}
	client.Close()
	asking.Wait()
}

// cut says whether the next connection is to be cut.
func (p *proxy) cut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts--
	if p.cuts == -1 {
		close(p.whole)
	}
	return p.cuts >= 0
}

// awaitWhole waits until all cuts are made.
func (p *proxy) awaitWhole(t *testing.T, within time.Duration) {
	t.Helper()
	select {
	case <-p.whole:
	case <-time.After(within):
		t.Fatalf("not all cuts were made within %v", within)
	}
}
