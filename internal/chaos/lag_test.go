package chaos_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
)

// TestReplicaLag asks a proxy's server as a client does, then as a replica: only what the
// replica is sent comes later, and not at all where the server ends before.
func TestReplicaLag(t *testing.T) {
	for _, c := range []struct {
		name string
		lag  time.Duration
		want string
	}{
		{"in time", 100 * time.Millisecond, "+PONG\r\n+CONTINUE\r\n"},
		{"the server ends", time.Hour, "+PONG\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			proxy := chaos.NewProxy(t, listener.Addr().String(), chaos.Faults{ReplicaLag: c.lag})
			client, err := net.Dial("tcp", proxy.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			say := func(to, at net.Conn, text string) {
				t.Helper()
				if _, err := io.WriteString(to, text); err != nil {
					t.Fatal(err)
				}
				if at == nil {
					return
				}
				if _, err := io.ReadFull(at, make([]byte, len(text))); err != nil {
					t.Fatal(err)
				}
			}
			say(client, server, "*1\r\n$4\r\nPING\r\n")
			say(server, client, "+PONG\r\n")
			say(client, server, "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n")
			sent := time.Now()
			say(server, nil, "+CONTINUE\r\n")
			got := "+PONG\r\n"
			if c.lag < time.Minute {
				answer := make([]byte, len("+CONTINUE\r\n"))
				if _, err := io.ReadFull(client, answer); err != nil {
					t.Fatal(err)
				}
				got += string(answer)
				if took := time.Since(sent); took < c.lag {
					t.Errorf("it came after %v, want %v", took, c.lag)
				}
			}
			server.Close()
			rest, err := io.ReadAll(client)
			if got += string(rest); err != nil || got != c.want {
				t.Errorf("the client was sent %q, %v, want %q", got, err, c.want)
			}
		})
	}
}
