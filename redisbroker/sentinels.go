package redisbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"
)

// sentinelFresh is how long an answer will do for further connections.
const sentinelFresh = 200 * time.Millisecond

// A sentinels follows the master that Sentinels name. All connections of a broker are made
// through it, and it ends those to a server that is the master no more: a client by itself
// stays where it is for as long as that server answers.
//
// It asks, and does not wait to be told: a message may be lost, and a Sentinel cut off from
// the others tells nothing. The answer of the latest failover counts.
type sentinels struct {
	name    string // of the master
	log     *slog.Logger
	members []*server
	connect dialFunc
	moved   func() // called after the master has changed

	asking    sync.Mutex // held while Sentinels are asked
	questions questions

	mu     sync.Mutex
	master string // host:port, "" before the first answer
	epoch  uint64 // of the failover that made it the master
	asked  time.Time
	older  time.Time // since when answers are of an older failover; zero: they are not
	err    error     // why the last question had no answer
	conns  map[*masterConn]struct{}
}

// A masterConn is a connection to a server that was the master when it was made.
type masterConn struct {
	net.Conn
	to    string
	owner *sentinels
}

func (c *masterConn) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.conns, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

func newSentinels(a *address, moved func(), log *slog.Logger) *sentinels {
	s := &sentinels{name: a.master, log: log, moved: moved, connect: a.option.DialCtxFn, conns: make(map[*masterConn]struct{})}
	for _, host := range a.hosts {
		option := a.option
		option.SelectDB = 0
		option.Dialer.Timeout = min(option.Dialer.Timeout, askTimeout)
		option.Username, option.Password = a.sentinelUser, a.sentinelPassword
		option.ReadBufferEachConn, option.WriteBufferEachConn = 4<<10, 4<<10
		s.members = append(s.members, newServer(host, option))
	}
	return s
}

// run asks again and again, until ctx ends.
func (s *sentinels) run(ctx context.Context, role func(context.Context) string) {
	for {
		pause := time.NewTimer(askEvery*4/5 + rand.N(askEvery*2/5))
		select {
		case <-ctx.Done():
			pause.Stop()
			s.close()
			return
		case <-pause.C:
		}
		s.locate(ctx)
		s.checkRole(ctx, role)
	}
}

// checkRole ends the connections to a server that says itself that it is a replica.
func (s *sentinels) checkRole(ctx context.Context, role func(context.Context) string) {
	s.mu.Lock()
	to, open := s.master, len(s.conns)
	s.mu.Unlock()
	if open == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if role(ctx) == "replica" {
		s.leave(func(c *masterConn) bool { return c.to == to })
	}
}

// leave ends the connections that which picks.
func (s *sentinels) leave(which func(*masterConn) bool) {
	s.mu.Lock()
	var ended []net.Conn
	for c := range s.conns {
		if which(c) {
			delete(s.conns, c)
			ended = append(ended, c.Conn)
		}
	}
	s.mu.Unlock()
	for _, conn := range ended {
		_ = conn.Close() // who uses it is told by its next read
	}
}

// dial connects to the master, for rueidis.
func (s *sentinels) dial(ctx context.Context, _ string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	to, err := s.locate(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := s.connect(ctx, to, dialer, config)
	if err != nil {
		return nil, err
	}
	c := &masterConn{Conn: conn, to: to, owner: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.master != to {
		_ = conn.Close() // nobody has it yet
		return nil, fmt.Errorf("the master moved from %s to %s", to, s.master)
	}
	s.conns[c] = struct{}{}
	return c, nil
}

// locate returns where the master is. While no Sentinel answers, it is where it was.
func (s *sentinels) locate(ctx context.Context) (string, error) {
	s.asking.Lock()
	defer s.asking.Unlock()
	s.mu.Lock()
	fresh := now().Sub(s.asked) < sentinelFresh
	s.mu.Unlock()
	if !fresh {
		s.settle(s.ask(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.master == "" {
		return "", s.err
	}
	return s.master, nil
}

// A sentinelAnswer is where one Sentinel sees the master.
type sentinelAnswer struct {
	master string
	epoch  uint64
	err    error
}

// ask asks all Sentinels. The latest failover counts; with the same, where the master was
// before.
func (s *sentinels) ask(ctx context.Context) sentinelAnswer {
	answers, faults := askAll(ctx, &s.questions, s.members, s.askOne)
	s.mu.Lock()
	before := s.master
	s.mu.Unlock()
	var best sentinelAnswer
	for _, a := range answers {
		if best.master == "" || a.epoch > best.epoch || a.epoch == best.epoch && a.master == before {
			best = a
		}
	}
	if best.master == "" {
		best.err = joinFaults("no Sentinel tells the master", faults)
	}
	return best
}

// joinFaults is one error of several Sentinels'. One that does not mend itself comes first.
func joinFaults(what string, faults []error) error {
	for _, err := range faults {
		if errors.As(err, new(*RejectedError)) {
			return err
		}
	}
	return fmt.Errorf("%s: %w", what, errors.Join(faults...))
}

// settle takes an answer; connections to other servers end.
func (s *sentinels) settle(a sentinelAnswer) {
	s.mu.Lock()
	s.asked = now()
	lost, found := a.err != nil && s.err == nil, a.err == nil && s.err != nil
	s.err = a.err
	before := s.master
	switch {
	case a.err != nil:
	case a.epoch >= s.epoch, !s.older.IsZero() && now().Sub(s.older) > askReset:
		s.master, s.epoch, s.older = a.master, a.epoch, time.Time{}
	case s.older.IsZero(): // of a Sentinel that has not heard of the failover yet
		s.older = now()
	}
	after := s.master
	s.mu.Unlock()
	switch {
	case lost:
		s.log.Warn("redis: no Sentinel answers, and the master stays what it was", "master", after, "error", a.err)
	case found:
		s.log.Info("redis: Sentinels answer", "master", after)
	}
	if before != "" && after != before {
		s.log.Warn("redis: Sentinels name another master", "master", after, "before", before)
		s.leave(func(c *masterConn) bool { return c.to != after })
		s.moved()
	}
}

// askOne asks one Sentinel. Its address changes as soon as a replica is promoted.
func (s *sentinels) askOne(ctx context.Context, m *server) (a sentinelAnswer, err error) {
	client, err := m.connect()
	if err != nil {
		return a, err
	}
	name := s.name
	results := client.DoMulti(ctx,
		client.B().Arbitrary("SENTINEL", "MASTER", name).Build(),
		client.B().SentinelGetMasterAddrByName().Master(name).Build())
	about, err := results[0].AsStrMap()
	if err != nil {
		return a, sentinelFault(m.addr, name, err)
	}
	place, err := results[1].AsStrSlice()
	if err != nil || len(place) != 2 {
		return a, sentinelFault(m.addr, name, fmt.Errorf("an address of %d parts: %w", len(place), err))
	}
	return sentinelAnswer{master: net.JoinHostPort(place[0], place[1]), epoch: parseNumber(about["config-epoch"])}, nil
}

func sentinelFault(addr, name string, err error) error {
	where := "the Sentinel " + addr
	message := strings.TrimPrefix(err.Error(), "ERR ")
	switch {
	case strings.HasPrefix(message, "No such master"):
		return &RejectedError{Message: where + " knows no master named " + name, Mend: "set master_set= in --redis-url to the name in sentinel.conf"}
	case strings.HasPrefix(message, "unknown command"):
		return &RejectedError{Message: addr + " is no Sentinel", Mend: "leave master_set= out of --redis-url, or name Sentinels"}
	case rejects(message):
		return &RejectedError{Message: where + " says " + message, Mend: "set sentinel_username= and sentinel_password= in --redis-url"}
	}
	return fmt.Errorf("%s: %w", where, err)
}

// close ends the connections to Sentinels.
func (s *sentinels) close() {
	for _, m := range s.members {
		m.close()
	}
	s.questions.end()
}
