package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// newTurns passes connections on to servers in turns, and to another where one is away.
func newTurns(t *testing.T, servers []string) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for turn := 0; ; turn++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { passOn(client, servers, turn) })
		}
	})
	t.Cleanup(func() { // the processes at both ends have ended by then
		listener.Close()
		open.Wait()
	})
	return listener.Addr().String()
}

// passOn lets a client talk with a server until either hangs up.
func passOn(client net.Conn, servers []string, turn int) {
	defer client.Close()
	for i := range servers {
		server, err := net.Dial("tcp", servers[(turn+i)%len(servers)])
		if err != nil {
			continue
		}
		var asking sync.WaitGroup
		asking.Go(func() {
			_, _ = io.Copy(server, client) // it ends with either
			server.Close()
		})
		_, _ = io.Copy(client, server)
		client.Close()
		asking.Wait()
		return
	}
}
