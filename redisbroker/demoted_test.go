package redisbroker_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// A virtualIP leads each new connection to a server, and leaves those that there are where they are.
type virtualIP struct {
	net.Listener
	to      atomic.Pointer[redistest.Server]
	serving sync.WaitGroup
}

func newVirtualIP(t *testing.T, to *redistest.Server) *virtualIP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ip := &virtualIP{Listener: listener}
	ip.to.Store(to)
	ip.serving.Go(ip.accept)
	t.Cleanup(func() {
		ip.Close()
		ip.serving.Wait()
	})
	return ip
}

func (ip *virtualIP) accept() {
	for {
		client, err := ip.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", "127.0.0.1:"+ip.to.Load().PortText())
		if err != nil {
			client.Close()
			continue
		}
		ip.serving.Go(func() { pass(server, client) })
		ip.serving.Go(func() { pass(client, server) })
	}
}

func pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// TestAnAddressLeadsToAnotherMaster lets an address lead to another server after a failover, while
// the old master goes on as a replica that is behind: connections do not stay at it.
func TestAnAddressLeadsToAnotherMaster(t *testing.T) {
	t.Parallel()
	one, two := redistest.Start(t), redistest.Start(t)
	two.MustDo("REPLICAOF", "127.0.0.1", one.PortText())
	eventually(t, 10*time.Second, "the replica is in step", func() bool {
		return strings.Contains(two.MustDo("INFO", "replication"), "master_link_status:up")
	})
	ip := newVirtualIP(t, one)
	url := "redis://" + ip.Addr().String() + "/0"
	broker := openURL(t, url, redisbroker.Options{})
	events := followed(t, broker)
	stored(t, broker, 1)
	awaitEvent(t, events, loglane.Lines, 5*time.Second)

	two.MustDo("REPLICAOF", "NO", "ONE")
	ip.to.Store(two)
	one.MustDo("REPLICAOF", "127.0.0.1", "1") // which is nobody
	other := openURL(t, url, redisbroker.Options{})
	if _, err := other.Append(t.Context(), alice, loglane.Batch{Producer: "other", Lines: lines(1, 1)}); err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, events, loglane.Broken, 5*time.Second)
	awaitEvent(t, events, loglane.Confirmed, 5*time.Second)
	stored(t, broker, 2)
	awaitEvent(t, events, loglane.Lines, 5*time.Second)
	eventually(t, foundWithin, "all is well", func() bool { return broker.Healthy() == nil })
}

// TestAServerThatStaysAReplica is no master for anybody: that is said.
func TestAServerThatStaysAReplica(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.MustDo("REPLICAOF", "127.0.0.1", "1")
	broker := openURL(t, server.URL(), redisbroker.Options{})
	eventually(t, 5*time.Second, "it is told", func() bool {
		err := broker.Healthy()
		return err != nil && strings.Contains(err.Error(), "is a replica: point --redis-url at the master")
	})
	server.MustDo("REPLICAOF", "NO", "ONE")
	eventually(t, 15*time.Second, "all is well", func() bool { return broker.Healthy() == nil })
	if err := broker.Ping(context.Background()); err != nil {
		t.Error(err)
	}
}
