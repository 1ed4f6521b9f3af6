package server_test

import (
	"net"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/server"
)

// TestFrozenConnection writes to somebody who does not read: the kernel takes little.
func TestFrozenConnection(t *testing.T) {
	listener, err := server.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	taken := 0
	for piece := make([]byte, 16<<10); err == nil; {
		var n int
		n, err = conn.Write(piece)
		taken += n
	}
	if taken > 1<<20 {
		t.Errorf("the kernel takes %d bytes for a connection that nobody reads", taken)
	}
}
