package logship_test

import (
	"crypto/x509"
	"net"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/gatewaytest"
	"github.com/loglane/loglane/logship"
)

// A front passes connections on, until it lets those that there are be dead without a word.
type front struct {
	net.Listener
	to       string
	accepted atomic.Int32
	dead     atomic.Int32 // connections up to this number
	serving  sync.WaitGroup
}

func newFront(t *testing.T, to string) *front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{Listener: listener, to: to}
	f.serving.Go(f.accept)
	return f
}

func (f *front) accept() {
	for {
		client, err := f.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", f.to)
		if err != nil {
			client.Close()
			return
		}
		number := f.accepted.Add(1)
		f.serving.Go(func() { f.pass(server, client, number) })
		f.serving.Go(func() { f.pass(client, server, number) })
	}
}

func (f *front) pass(to, from net.Conn, number int32) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if number > f.dead.Load() {
			_, _ = to.Write(buffer[:n]) // the reading ends with it
		}
	}
}

// Where the path of an HTTP/2 connection dies without a word (a laptop that slept, another network,
// a NAT that forgot), the gateway is reached by another one soon.
func TestADeadConnectionIsLeft(t *testing.T) {
	g := gatewaytest.New(t)
	g.Severed = true
	server := httptest.NewUnstartedServer(g)
	server.EnableHTTP2 = true
	server.StartTLS()
	f := newFront(t, server.Listener.Addr().String())
	t.Cleanup(func() {
		f.Close()
		server.CloseClientConnections()
		server.Close()
		f.serving.Wait()
	})
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	to, err := logship.NewGateway("https://"+f.Addr().String()+"/", &logship.GatewayOptions{Token: gatewaytest.Token, RootCAs: roots, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	send := func(k uint64) error {
		lines := []loglane.Line{{K: k, Record: []byte(`{"message":"a line"}`)}}
		_, err := to.Append(t.Context(), "logs:User.alice", loglane.Batch{Producer: "p", Lines: lines})
		return err
	}
	if err := send(1); err != nil {
		t.Fatal(err)
	}
	f.dead.Store(f.accepted.Load())
	for deadline := time.Now().Add(20 * time.Second); ; {
		if err = send(2); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing comes through after 20 s and by %d connections: %v", f.accepted.Load(), err)
		}
	}
}
