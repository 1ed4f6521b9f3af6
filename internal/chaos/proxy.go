package chaos

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Faults are what a [Proxy] does of its own accord; nil members do nothing. They are called
// concurrently.
type Faults struct {
	// CutAnswer is asked for each piece that comes from the server: true cuts the
	// connection instead of passing it on, so that what was asked is done and nobody is
	// told.
	CutAnswer func() bool
	// SwallowMessage is asked for each Pub/Sub message of Redis: true loses it.
	SwallowMessage func(channel string) bool
	// CutAfter is asked for each connection: how many bytes of answers it passes on, and how
	// long it lives at most.
	CutAfter func() (bytes int64, life time.Duration)
	// ReplicaLag is how much later what a master writes reaches the replicas that come
	// through the proxy. What is on its way when the master ends is lost.
	ReplicaLag time.Duration
}

// A Proxy passes TCP connections on to a server, and fails as networks do. Its methods may
// be called at any time; they hold for connections that are open too.
type Proxy struct {
	Addr string

	faults   Faults
	target   string
	listener net.Listener
	running  sync.WaitGroup
	hole     atomic.Pointer[chan struct{}] // closed once bytes pass again
	accepted atomic.Int64
	cut      atomic.Int64

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]struct{}
}

// NewProxy starts a proxy on a free port; it ends with the test.
func NewProxy(t testing.TB, target string, faults Faults) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: listener.Addr().String(), faults: faults, target: target, listener: listener, open: make(map[net.Conn]struct{})}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.BlackHole(false)
		p.CutAll()
		p.running.Wait()
	})
	return p
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.accepted.Add(1)
		p.running.Go(func() { p.serve(client) })
	}
}

// Accepted is how many connections there have been.
func (p *Proxy) Accepted() int64 { return p.accepted.Load() }

// Cut is how many connections the proxy has cut.
func (p *Proxy) Cut() int64 { return p.cut.Load() }

// BlackHole lets nothing pass from now on, in any direction, and closes nothing: nobody
// gets an RST. New connections are taken, and answered no more than the others. False lets
// pass again what was sent meanwhile.
func (p *Proxy) BlackHole(on bool) {
	if on {
		hole := make(chan struct{})
		p.hole.CompareAndSwap(nil, &hole)
		return
	}
	if hole := p.hole.Swap(nil); hole != nil {
		close(*hole)
	}
}

// CutAll ends every open connection.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
}

func (p *Proxy) pass() {
	if hole := p.hole.Load(); hole != nil {
		<-*hole
	}
}

// track keeps a connection for CutAll; false is that the proxy has ended.
func (p *Proxy) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.track(client) {
		return
	}
	defer p.forget(client)
	p.pass()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		if tcp, ok := client.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // as where nobody listens
		}
		return
	}
	defer server.Close()
	if !p.track(server) {
		return
	}
	defer p.forget(server)
	var replicates atomic.Bool
	var forward sync.WaitGroup
	forward.Go(func() {
		defer server.Close()
		p.copy(asking{server, &replicates}, client, nil)
	})
	defer forward.Wait()
	defer client.Close()
	switch {
	case p.faults.SwallowMessage != nil:
		p.filter(client, server)
	case p.faults.ReplicaLag > 0:
		p.hold(client, server, &replicates)
	default:
		p.copy(client, server, p.end(client))
	}
}

// end returns what says how much of an answer still passes; -1 is all, and anything less is
// the last.
func (p *Proxy) end(client net.Conn) func(n int) int {
	if p.faults.CutAfter == nil && p.faults.CutAnswer == nil {
		return nil
	}
	left := int64(-1)
	if p.faults.CutAfter != nil {
		var life time.Duration
		left, life = p.faults.CutAfter()
		_ = client.SetDeadline(time.Now().Add(life)) // of an open connection it cannot fail
	}
	return func(n int) int {
		if p.faults.CutAnswer != nil && p.faults.CutAnswer() {
			return 0
		}
		if left < 0 {
			return -1
		}
		if left < int64(n) {
			return int(left)
		}
		left -= int64(n)
		return -1
	}
}

// copy passes bytes on until one side ends.
func (p *Proxy) copy(to io.Writer, from io.Reader, end func(n int) int) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.pass()
		if end != nil {
			if some := end(n); some >= 0 {
				p.cut.Add(1)
				_, _ = to.Write(buffer[:some])
				return
			}
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// OneIn says true once in n times, at random.
func OneIn(n int) bool { return rand.IntN(n) == 0 }
