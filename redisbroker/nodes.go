package redisbroker

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// mapAsked is how many nodes are asked for the map of a cluster.
	mapAsked = 5
	// mapPace is the least time between two questions, however much moves.
	mapPace = 100 * time.Millisecond
	// noteTime is how long what a node itself says of a slot counts more than the map.
	noteTime = 2 * time.Second
)

// A nodes is the servers of a cluster and who has which slot. Nodes are asked for the map
// every second, and at once where a slot turns out to be elsewhere; the map of the latest
// epoch counts.
type nodes struct {
	option  rueidis.ClientOption
	seeds   []string
	log     *slog.Logger
	changed func() // called after slots have moved

	questions questions
	hurried   chan struct{}

	mu      sync.Mutex
	servers map[string]*server
	owners  [slots]*server
	masters []*server
	epoch   uint64
	older   time.Time // since when maps are of an older epoch; zero: they are not
	notes   map[int]note
	err     error // why the last question had no answer
	known   bool  // there has been a map
	closed  bool
}

// A note is where a slot is by the word of the node that had it.
type note struct {
	at    *server
	until time.Time
	turns int // how often it was another's word before
}

func newNodes(a *address, changed func(), log *slog.Logger) *nodes {
	c := &nodes{
		option: a.option, seeds: a.hosts, log: log, changed: changed, hurried: make(chan struct{}, 1),
		servers: make(map[string]*server), notes: make(map[int]note), err: errors.New("no node of the cluster has answered yet"),
	}
	for _, seed := range a.hosts {
		c.servers[seed] = newServer(seed, c.option)
	}
	return c
}

// run keeps the map up to date until ctx ends.
func (c *nodes) run(ctx context.Context) {
	for ctx.Err() == nil {
		c.refresh(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(askEvery*4/5 + rand.N(askEvery*2/5)):
		case <-c.hurried:
			select {
			case <-time.After(mapPace):
			case <-ctx.Done():
			}
		}
	}
}

// hurry asks for the map soon.
func (c *nodes) hurry() {
	select {
	case c.hurried <- struct{}{}:
	default:
	}
}

// refresh asks some masters for the map, and where none answers all nodes that are known.
func (c *nodes) refresh(ctx context.Context) {
	c.mu.Lock()
	asked := slices.Clone(c.masters)
	all := slices.Collect(maps.Values(c.servers))
	c.mu.Unlock()
	var told []slotMap
	var faults []error
	for _, some := range [][]*server{asked, all} {
		rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		if told, faults = askAll(ctx, &c.questions, some[:min(len(some), mapAsked)], askMap); len(told) > 0 {
			break
		}
	}
	if ctx.Err() != nil {
		return
	}
	if len(told) == 0 {
		c.fail(joinFaults("no node of the cluster answers", faults))
		return
	}
	best := told[0]
	for _, m := range told[1:] {
		if m.better(best) {
			best = m
		}
	}
	c.take(best)
}

func (c *nodes) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	c.err = err
	c.mu.Unlock()
	if first {
		c.log.Warn("redis: the cluster cannot be asked where its slots are", "error", err)
	}
}

// take makes a map the one that counts, unless it is of an older epoch.
func (c *nodes) take(m slotMap) {
	c.mu.Lock()
	c.err = nil
	if c.closed || m.epoch < c.epoch && (c.older.IsZero() || now().Sub(c.older) < askReset) {
		if c.older.IsZero() {
			c.older = now()
		}
		c.mu.Unlock()
		return
	}
	c.epoch, c.older, c.known = m.epoch, time.Time{}, true
	var owners [slots]*server
	var masters []*server
	for _, s := range m.spans {
		master := c.server(s.master)
		if !slices.Contains(masters, master) {
			masters = append(masters, master)
		}
		for slot := s.first; slot <= s.last; slot++ {
			owners[slot] = master
		}
	}
	for slot, n := range c.notes {
		if now().After(n.until) || owners[slot] == n.at {
			delete(c.notes, slot)
		} else {
			owners[slot] = n.at
		}
	}
	moved := owners != c.owners
	c.owners, c.masters = owners, masters
	gone := c.forget(m)
	c.mu.Unlock()
	for _, s := range gone {
		s.close()
	}
	if moved {
		c.changed()
	}
}

// forget takes out the servers that the cluster does not have any more; mu is held.
func (c *nodes) forget(m slotMap) (gone []*server) {
	for addr, s := range c.servers {
		noted := slices.ContainsFunc(slices.Collect(maps.Values(c.notes)), func(n note) bool { return n.at == s })
		if !m.has(addr) && !slices.Contains(c.seeds, addr) && !noted {
			delete(c.servers, addr)
			gone = append(gone, s)
		}
	}
	for _, replica := range m.replicas { // they are asked once no master answers
		c.server(replica)
	}
	return gone
}

// server is the one at an address; mu is held.
func (c *nodes) server(addr string) *server {
	s := c.servers[addr]
	if s == nil {
		s = newServer(addr, c.option)
		if c.closed {
			s.closed = true
		}
		c.servers[addr] = s
	}
	return s
}

// at is the server at an address.
func (c *nodes) at(addr string) *server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server(addr)
}

// moved takes the word of a node that another has a slot. Where two send us to each other it
// is no longer taken, until the map or time tells who has it.
func (c *nodes) moved(slot int, addr string) *server {
	c.mu.Lock()
	s := c.server(addr)
	n := c.notes[slot]
	switch {
	case now().After(n.until):
		n.turns = 0
	case n.at != s:
		n.turns++
	}
	if n.turns > hopsMost {
		c.mu.Unlock()
		c.hurry()
		return s
	}
	c.notes[slot] = note{at: s, until: now().Add(noteTime), turns: n.turns}
	news := c.owners[slot] != s
	c.owners[slot] = s
	c.mu.Unlock()
	c.hurry()
	if news {
		c.changed()
	}
	return s
}

// owner is who has a slot, nil where nobody has or knows.
func (c *nodes) owner(slot int) *server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[slot]
}

// owns are those that have slots, one at least.
func (c *nodes) owns() (all []*server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.owners {
		if s != nil && (len(all) == 0 || all[len(all)-1] != s) && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// fault says why slots are not known, or nil.
func (c *nodes) fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && len(c.masters) > 0 {
		return nil
	}
	return c.err
}

// arrived waits until there is a map, for as long as ctx lasts.
func (c *nodes) arrived(ctx context.Context) error {
	for {
		c.mu.Lock()
		known, err := c.known, c.err
		c.mu.Unlock()
		if known || errors.As(err, new(*RejectedError)) {
			return c.fault()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(mapPace):
		}
	}
}

func (c *nodes) close() {
	c.mu.Lock()
	c.closed = true
	all := slices.Collect(maps.Values(c.servers))
	c.mu.Unlock()
	for _, s := range all {
		s.close()
	}
	c.questions.end()
}
