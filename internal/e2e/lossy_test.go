package e2e

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// newLossy passes connections on to a server, and cuts each every-th answer together with
// its connection: what was asked is done, and nobody is told.
func newLossy(t *testing.T, target string, every int64) (addr string, lost *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answers atomic.Int64
	lost = &atomic.Int64{}
	var open sync.WaitGroup
	closers := make(map[io.Closer]bool)
	var mu sync.Mutex
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			closers[client], closers[server] = true, true
			mu.Unlock()
			hangUp := func() { client.Close(); server.Close() }
			open.Go(func() {
				defer hangUp()
				_, _ = io.Copy(server, client) // it ends with either
			})
			open.Go(func() {
				defer hangUp()
				buffer := make([]byte, 64<<10)
				for {
					n, err := server.Read(buffer)
					if err != nil {
						return
					}
					if answers.Add(1)%every == 0 {
						lost.Add(1)
						return
					}
					if _, err := client.Write(buffer[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for c := range closers {
			c.Close()
		}
		mu.Unlock()
		open.Wait()
	})
	return listener.Addr().String(), lost
}
