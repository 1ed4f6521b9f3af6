package redistest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
)

// A Cluster is three masters with a third of the slots each, and a replica of each. Its
// methods are for the test's goroutine; those that move slots may be called by another.
type Cluster struct {
	Nodes []*Server // masters at the start first, then their replicas in the same order

	t   testing.TB
	ids map[*Server]string
}

const clusterSlots = 16384

// StartCluster starts all nodes; args are further settings of each.
func StartCluster(t testing.TB, args ...string) *Cluster {
	t.Helper()
	return startCluster(t, nil, args)
}

func startCluster(t testing.TB, secure *Certificates, args []string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, ids: make(map[*Server]string)}
	if password := option(args, "--requirepass"); password != "" {
		args = append([]string{"--masterauth", password}, args...)
	}
	for i := range 6 {
		bus := strconv.Itoa(porttest.Free(t))
		node := start(t, secure, append([]string{
			"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000",
			"--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
		}, args...))
		c.Nodes = append(c.Nodes, node)
		c.ids[node] = node.MustDo("CLUSTER", "MYID")
		node.MustDo("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			node.MustDo("CLUSTER", "MEET", "127.0.0.1", c.Nodes[0].PortText(), busOf(c.Nodes[0]))
		}
	}
	for i, master := range c.Nodes[:3] {
		master.MustDo("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*clusterSlots/3), strconv.Itoa((i+1)*clusterSlots/3-1))
	}
	c.await("all nodes know each other", func() bool {
		for _, node := range c.Nodes {
			if info, err := node.Do("CLUSTER", "INFO"); err != nil || !strings.Contains(info, "cluster_known_nodes:6") {
				return false
			}
		}
		return true
	})
	for i, replica := range c.Nodes[3:] {
		replica.MustDo("CLUSTER", "REPLICATE", c.ids[c.Nodes[i]])
	}
	c.AwaitWell()
	return c
}

func busOf(node *Server) string {
	return node.args[slices.Index(node.args, "--cluster-port")+1]
}

// AwaitWell waits until every node that runs sees all slots served, and every replica is
// in step.
func (c *Cluster) AwaitWell() {
	c.t.Helper()
	c.await("the cluster is well", func() bool {
		for _, node := range c.Nodes {
			if node.process == nil {
				continue
			}
			info, err := node.Do("CLUSTER", "INFO")
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_slots_ok:16384") {
				return false
			}
			if about := node.info("replication"); strings.Contains(about, "role:slave") && !strings.Contains(about, "master_link_status:up") {
				return false
			}
		}
		return len(c.Masters()) == 3
	})
}

// URL returns what --redis-url takes.
func (c *Cluster) URL() string { return c.urlFor("", c.Nodes[0].password) }

// UserURL is URL for a user that the nodes know.
func (c *Cluster) UserURL(user, password string) string { return c.urlFor(user, password) }

func (c *Cluster) urlFor(user, password string) string {
	scheme, parameters := c.Nodes[0].secure.address()
	parameters.Set("cluster", "true")
	for _, node := range c.Nodes[1:3] {
		parameters.Add("addr", "127.0.0.1:"+node.PortText())
	}
	u := &url.URL{Scheme: scheme, Host: "127.0.0.1:" + c.Nodes[0].PortText(), RawQuery: parameters.Encode()}
	if user+password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Masters are the nodes that are masters by their own word.
func (c *Cluster) Masters() (all []*Server) {
	for _, node := range c.Nodes {
		if node.process != nil && strings.Contains(node.info("replication"), "role:master") {
			all = append(all, node)
		}
	}
	return all
}

// Slot is the slot of a key.
func (c *Cluster) Slot(key string) int {
	c.t.Helper()
	slot, err := strconv.Atoi(c.running().MustDo("CLUSTER", "KEYSLOT", key))
	if err != nil {
		c.t.Fatal(err)
	}
	return slot
}

func (c *Cluster) running() *Server {
	return c.Nodes[slices.IndexFunc(c.Nodes, func(node *Server) bool { return node.process != nil })]
}

// Owner is the master that has a key's slot.
func (c *Cluster) Owner(key string) *Server {
	c.t.Helper()
	var owner *Server
	c.await("a master has the slot of "+key, func() bool {
		for _, master := range c.Masters() {
			// A node that has not the slot answers MOVED.
			if _, err := master.Do("EXISTS", key); err == nil {
				owner = master
				return true
			}
		}
		return false
	})
	return owner
}

// Do sends a command to the node that has a key.
func (c *Cluster) Do(key string, args ...string) string {
	c.t.Helper()
	var reply string
	c.await(args[0]+" is taken", func() bool {
		for _, node := range c.Nodes {
			if node.process == nil {
				continue
			}
			text, err := node.Do(args...)
			switch {
			case err == nil:
				reply = text
				return true
			case !strings.HasPrefix(err.Error(), "MOVED"), strings.HasPrefix(err.Error(), "TRYAGAIN"):
				c.t.Fatalf("%s at the node of %s: %v", args[0], key, err)
			}
		}
		return false
	})
	return reply
}

// MigrateSlot moves a slot with its keys to another master while others use them.
func (c *Cluster) MigrateSlot(slot int, from, to *Server) error {
	if err := c.BeginMove(slot, from, to); err != nil {
		return err
	}
	for {
		keys, err := c.KeysIn(slot, from)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return c.EndMove(slot, from, to)
		}
		if err := c.MoveKeys(from, to, keys...); err != nil {
			return err
		}
	}
}

// BeginMove opens a slot's move; until EndMove its keys are with one master or the other.
func (c *Cluster) BeginMove(slot int, from, to *Server) error {
	if err := c.agree(from, to); err != nil {
		return err
	}
	number := strconv.Itoa(slot)
	if _, err := to.Do("CLUSTER", "SETSLOT", number, "IMPORTING", c.ids[from]); err != nil {
		return fmt.Errorf("SETSLOT IMPORTING: %w", err)
	}
	if _, err := from.Do("CLUSTER", "SETSLOT", number, "MIGRATING", c.ids[to]); err != nil {
		return fmt.Errorf("SETSLOT MIGRATING: %w", err)
	}
	return nil
}

// agree waits until masters know of each other's moves: with moves of the same epoch each may
// come to say that the other has a slot.
func (c *Cluster) agree(nodes ...*Server) error {
	deadline := time.Now().Add(startTimeout)
	for {
		epochs := make(map[string]bool)
		for _, node := range nodes {
			info, err := node.Do("CLUSTER", "INFO")
			if err != nil {
				return err
			}
			_, epoch, _ := strings.Cut(info, "cluster_current_epoch:")
			epoch, _, _ = strings.Cut(epoch, "\r")
			epochs[epoch] = true
		}
		if len(epochs) == 1 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("masters have different epochs after %v", startTimeout)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// KeysIn are up to 10 keys of a slot that a master has.
func (c *Cluster) KeysIn(slot int, at *Server) ([]string, error) {
	return at.list("CLUSTER", "GETKEYSINSLOT", strconv.Itoa(slot), "10")
}

// MoveKeys moves keys of a slot whose move is open.
func (c *Cluster) MoveKeys(from, to *Server, keys ...string) error {
	args := []string{"MIGRATE", "127.0.0.1", to.PortText(), "", "0", "5000"}
	if to.password != "" {
		args = append(args, "AUTH", to.password)
	}
	args = append(append(args, "KEYS"), keys...)
	if _, err := from.Do(args...); err != nil {
		return fmt.Errorf("MIGRATE: %w", err)
	}
	return nil
}

// EndMove gives a slot whose keys have moved to its new master.
func (c *Cluster) EndMove(slot int, from, to *Server) error {
	for _, node := range append([]*Server{to, from}, c.Nodes...) {
		if node.process == nil {
			continue
		}
		_, err := node.Do("CLUSTER", "SETSLOT", strconv.Itoa(slot), "NODE", c.ids[to])
		if err != nil && !strings.Contains(err.Error(), "only with masters") {
			return fmt.Errorf("SETSLOT NODE: %w", err)
		}
	}
	return nil
}

// Failover kills a master, and returns once its replica has its slots.
func (c *Cluster) Failover(master *Server) {
	c.t.Helper()
	master.Kill()
	c.AwaitWell()
}

func (c *Cluster) await(what string, condition func() bool) {
	c.t.Helper()
	await(c.t, what, condition)
}
