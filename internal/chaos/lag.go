package chaos

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxHeld is how many pieces of a replication a proxy holds back; then its master waits.
const maxHeld = 1 << 16

// A piece is what a master has sent at once, and when it goes on to the replica.
type piece struct {
	due   time.Time
	bytes []byte
}

// psync is how a replica asks for its master's writes; its handshake waits for each answer,
// so that a command is the beginning of what is read.
var psync = []byte("*3\r\n$5\r\nPSYNC\r\n")

// An asking passes on what a client asks, and notes when it asks to be a replica.
type asking struct {
	io.Writer
	replicates *atomic.Bool
}

func (a asking) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, psync) {
		a.replicates.Store(true)
	}
	return a.Writer.Write(p)
}

// hold passes answers on at once, but to a replica so much later as the proxy's faults say.
// What is held back when the master's side breaks is lost, as with its machine.
func (p *Proxy) hold(to, from net.Conn, replicates *atomic.Bool) {
	held, broken, over := make(chan piece, maxHeld), make(chan struct{}), make(chan struct{})
	var releasing sync.WaitGroup
	releasing.Go(func() {
		defer close(over)
		p.release(to, held, broken)
	})
	defer releasing.Wait()
	defer to.Close() // a write that waits ends with it
	defer close(broken)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !replicates.Load() {
			p.pass()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
			continue
		}
		select {
		case held <- piece{time.Now().Add(p.faults.ReplicaLag), bytes.Clone(buffer[:n])}:
		case <-over:
			return
		}
	}
}

// release passes each piece on when it is due, until the connection breaks.
func (p *Proxy) release(to io.Writer, held <-chan piece, broken <-chan struct{}) {
	for {
		select {
		case <-broken:
			return
		case next := <-held:
			select {
			case <-broken:
				return
			case <-time.After(time.Until(next.due)):
			}
			p.pass()
			if _, err := to.Write(next.bytes); err != nil {
				return
			}
		}
	}
}
