// Package porttest gives tests ports of the loopback interface for servers that have to be
// told one: programs, and servers that are restarted at the same place.
package porttest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Systems take the local ports of outgoing connections from 32768 on (Linux) or 49152 on
// (others). One from there may be gone between the question for it and the server's start,
// or while a server is away.
const first, last = 20000, 32767

var given struct {
	sync.Mutex
	ports map[int]bool
}

// Free returns a port that nobody listens on and that this process has not been given
// before. It may be called concurrently.
func Free(t testing.TB) int {
	t.Helper()
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = make(map[int]bool)
	}
	for range 1000 {
		port := first + rand.IntN(last-first+1)
		if given.ports[port] {
			continue
		}
		listener, err := net.Listen("tcp", address(port))
		if err != nil {
			continue
		}
		listener.Close()
		given.ports[port] = true
		return port
	}
	t.Fatalf("no port from %d to %d is free", first, last)
	return 0
}

// Addr is the address of a port as [Free] gives it, 127.0.0.1:20000 for one.
func Addr(t testing.TB) string {
	t.Helper()
	return address(Free(t))
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
