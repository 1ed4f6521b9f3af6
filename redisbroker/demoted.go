package redisbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// mostPatience is how long at most a server that stays a replica is left alone.
const mostPatience = 30 * time.Second

var errReplica = errors.New("the server is a replica: point --redis-url at the master, or name its Sentinels there")

// A demoted guards the connections to one address, which may lead to another server after a
// failover (a virtual IP, a Kubernetes Service, a proxy): connections stay where they are, and what
// has become a replica there takes no lines and may be told of none. They are ended, so that the
// next ones go where the address leads now. A server that stays a replica is asked ever less often.
type demoted struct {
	connect dialFunc

	mu      sync.Mutex
	conns   map[*guardedConn]struct{}
	replica bool
}

// A guardedConn is a connection that its owner may end.
type guardedConn struct {
	net.Conn
	owner *demoted
}

func (c *guardedConn) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.conns, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

func newDemoted(connect dialFunc) *demoted {
	return &demoted{connect: connect, conns: make(map[*guardedConn]struct{})}
}

// dial connects to the address, for rueidis.
func (d *demoted) dial(ctx context.Context, addr string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	conn, err := d.connect(ctx, addr, dialer, config)
	if err != nil {
		return nil, err
	}
	c := &guardedConn{Conn: conn, owner: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns[c] = struct{}{}
	return c, nil
}

// run asks the server what it is again and again, until ctx ends.
func (d *demoted) run(ctx context.Context, role func(context.Context) string) {
	patience := askEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(patience*4/5 + rand.N(patience*2/5)):
		}
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		is := role(asking)
		cancel()
		if is != "replica" {
			patience = askEvery
			if is != "" {
				d.note(false)
			}
			continue
		}
		patience = min(2*patience, mostPatience)
		for _, conn := range d.note(true) {
			_ = conn.Close() // who uses it is told by its next read
		}
	}
}

// note takes what the server is, and returns the connections to a replica.
func (d *demoted) note(replica bool) (ended []net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replica = replica
	if !replica {
		return nil
	}
	for c := range d.conns {
		ended = append(ended, c.Conn)
	}
	clear(d.conns)
	return ended
}

// fault says that the server is a replica.
func (d *demoted) fault() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.replica {
		return errReplica
	}
	return nil
}
