package redistest

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// repeated are the commands that tests send by the thousand, each with one reply: with TLS
// a connection for each would take most of the time.
var repeated = []string{"PUBLISH", "SPUBLISH", "XADD", "DEL", "EXISTS"}

// A keptConn has signed in, and waits for the next command.
type keptConn struct {
	net.Conn
	r *bufio.Reader
}

// A kept is connections of a server with TLS. Any goroutine may use it.
type kept struct {
	mu    sync.Mutex
	conns []keptConn
}

func (k *kept) take() (c keptConn, found bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.conns)
	if n == 0 {
		return c, false
	}
	c, k.conns = k.conns[n-1], k.conns[:n-1]
	return c, true
}

func (k *kept) put(c keptConn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns = append(k.conns, c)
}

func (k *kept) drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.conns {
		c.Close()
	}
	k.conns = nil
}

// keeps says whether a command goes over a connection that is kept.
func (s *Server) keeps(args []string) bool {
	return s.secure != nil && slices.Contains(repeated, args[0])
}

// doKept is Do over a connection that is kept. One that has ended meanwhile has taken
// nothing: another is tried.
func (s *Server) doKept(args []string) (string, error) {
	for {
		c, used := s.kept.take()
		if !used {
			conn, r, err := s.open()
			if err != nil {
				return "", err
			}
			c = keptConn{conn, r}
		}
		err := c.SetDeadline(time.Now().Add(5 * time.Second))
		var reply string
		if err == nil {
			reply, err = roundTrip(c, c.r, args...)
		}
		if err == nil || errors.As(err, new(replyError)) {
			s.kept.put(c)
			return reply, err
		}
		c.Close()
		if !used {
			return "", err
		}
	}
}
