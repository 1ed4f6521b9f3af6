package redistest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
)

// A Sentinel is a master with two replicas, and three Sentinels that watch them. Its
// methods are for the test's goroutine.
type Sentinel struct {
	Servers   []*Server // the first is the master at the start
	Sentinels []*Server

	t     testing.TB
	ports map[*Server]string // that others know them by
}

// MasterName is what the Sentinels call the master.
const MasterName = "loglane"

// The user that Sentinels with TLS know, who may ask where the master is and nothing else.
// The password's signs have to be escaped in a URL.
const (
	SentinelUser     = "watcher"
	SentinelPassword = "hush/@&"
	SentinelRule     = "-@all +ping +sentinel|master +sentinel|get-master-addr-by-name"
)

// Sentinels ask each other by a user of their own.
const (
	sentinelAdmin         = "sentinel"
	sentinelAdminPassword = "among-sentinels"
)

// downAfter is how long a server must be silent until Sentinels call it down.
const downAfter = time.Second

// failoverTimeout is when a failover that does not come on is given up.
const failoverTimeout = 3 * time.Second

// StartSentinel starts them all; args are further settings of the servers that keep data.
func StartSentinel(t testing.TB, args ...string) *Sentinel {
	t.Helper()
	return startSentinel(t, nil, own, args)
}

func own(s *Server) (port int) { return s.Port }

// StartSentinelBehind is [StartSentinel] with something before each server that keeps data:
// Sentinels, replicas and clients know the server by the port that front returns.
func StartSentinelBehind(t testing.TB, front func(*Server) (port int), args ...string) *Sentinel {
	t.Helper()
	return startSentinel(t, nil, front, args)
}

func startSentinel(t testing.TB, secure *Certificates, front func(*Server) (port int), args []string) *Sentinel {
	t.Helper()
	s := &Sentinel{t: t, ports: make(map[*Server]string)}
	args = append([]string{"--repl-diskless-sync-delay", "0"}, args...)
	for range 3 {
		server := start(t, secure, args)
		port := strconv.Itoa(front(server))
		announced := []string{"replica-announce-ip", "127.0.0.1", "replica-announce-port", port}
		if server.password != "" {
			announced = append(announced, "masterauth", server.password)
		}
		server.MustDo(append([]string{"CONFIG", "SET"}, announced...)...)
		for i := 0; i < len(announced); i += 2 { // for when it starts again
			server.args = append(server.args[:len(server.args):len(server.args)], "--"+announced[i], announced[i+1])
		}
		s.Servers, s.ports[server] = append(s.Servers, server), port
	}
	for _, replica := range s.Servers[1:] {
		replica.MustDo("REPLICAOF", "127.0.0.1", s.ports[s.Servers[0]])
	}
	for range 3 {
		s.Sentinels = append(s.Sentinels, s.startOne(s.Servers[0]))
	}
	s.AwaitWell()
	return s
}

// AwaitWell waits until one server is the master and the others are in step with it, and
// the Sentinels know all.
func (s *Sentinel) AwaitWell() {
	s.t.Helper()
	s.await("the replicas are in step, and the Sentinels know all", func() bool {
		master := s.Master()
		if master == nil {
			return false
		}
		for _, replica := range s.Servers {
			about := replica.info("replication")
			if replica != master && (!strings.Contains(about, "master_link_status:up") || !strings.Contains(about, "master_port:"+s.ports[master]+"\r")) {
				return false
			}
		}
		for _, sentinel := range s.Sentinels {
			if about := sentinel.info("sentinel"); !strings.Contains(about, "status=ok") ||
				!strings.Contains(about, "slaves=2") || !strings.Contains(about, "sentinels=3") {
				return false
			}
		}
		return true
	})
}

func (s *Sentinel) startOne(master *Server) *Server {
	s.t.Helper()
	sentinel := &Server{t: s.t, dir: s.t.TempDir(), Port: porttest.Free(s.t), secure: master.secure}
	lines := []string{
		"bind 127.0.0.1", "dir " + sentinel.dir,
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %s 2", MasterName, s.ports[master]),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", MasterName, downAfter.Milliseconds()),
		fmt.Sprintf("sentinel failover-timeout %s %d", MasterName, failoverTimeout.Milliseconds()),
		fmt.Sprintf("sentinel parallel-syncs %s 2", MasterName),
	}
	if master.password != "" {
		lines = append(lines, fmt.Sprintf("sentinel auth-pass %s %s", MasterName, master.password))
	}
	for setting := range slices.Chunk(sentinel.secure.settings(sentinel.PortText()), 2) {
		lines = append(lines, strings.TrimPrefix(setting[0], "--")+" "+setting[1])
	}
	if sentinel.secure != nil {
		sentinel.user, sentinel.password = sentinelAdmin, sentinelAdminPassword
		lines = append(lines,
			"user default off",
			"user "+sentinelAdmin+" on >"+sentinelAdminPassword+" allchannels +@all",
			"user "+SentinelUser+" on >"+SentinelPassword+" "+SentinelRule,
			"sentinel sentinel-user "+sentinelAdmin, "sentinel sentinel-pass "+sentinelAdminPassword)
	}
	path := filepath.Join(sentinel.dir, "sentinel.conf")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	sentinel.command = []string{path, "--sentinel"}
	sentinel.start()
	return sentinel
}

// URL returns what --redis-url takes: all Sentinels and the master's name.
func (s *Sentinel) URL() string { return s.urlFor("", s.Servers[0].password) }

// UserURL is URL for a user that the servers know.
func (s *Sentinel) UserURL(user, password string) string { return s.urlFor(user, password) }

func (s *Sentinel) urlFor(user, password string) string {
	scheme, parameters := s.Servers[0].secure.address()
	parameters.Set("master_set", MasterName)
	for _, sentinel := range s.Sentinels[1:] {
		parameters.Add("addr", "127.0.0.1:"+sentinel.PortText())
	}
	if s.Sentinels[0].password != "" {
		parameters.Set("sentinel_username", SentinelUser)
		parameters.Set("sentinel_password", SentinelPassword)
	}
	u := &url.URL{Scheme: scheme, Host: "127.0.0.1:" + s.Sentinels[0].PortText(), Path: "/0", RawQuery: parameters.Encode()}
	if user+password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Master returns the server that most Sentinels name, or nil while they name none of ours.
func (s *Sentinel) Master() *Server {
	votes := make(map[string]int)
	for _, sentinel := range s.Sentinels {
		if place, err := sentinel.list("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName); err == nil && len(place) == 2 {
			votes[place[1]]++
		}
	}
	for _, server := range s.Servers {
		if votes[s.ports[server]] >= 2 {
			return server
		}
	}
	return nil
}

// AwaitMaster returns the master, once it is another than before and takes writes.
func (s *Sentinel) AwaitMaster(before *Server) *Server {
	s.t.Helper()
	var master *Server
	s.await("the Sentinels name another master", func() bool {
		master = s.another(before)
		return master != nil
	})
	return master
}

// another is the master if it is another than before and takes writes, else nil.
func (s *Sentinel) another(before *Server) *Server {
	master := s.Master()
	if master == nil || master == before {
		return nil
	}
	about, err := master.Do("INFO", "replication")
	if err != nil || !strings.Contains(about, "role:master") {
		return nil
	}
	return master
}

// Failover lets the Sentinels promote a replica while the master is well, and returns it.
func (s *Sentinel) Failover() *Server {
	s.t.Helper()
	before := s.Master()
	s.BeginFailover()
	var master *Server
	begun := time.Now()
	s.await("the Sentinels name another master", func() bool {
		// One Sentinel may make a replica again of what another is promoting, which then gives up.
		if time.Since(begun) > 3*failoverTimeout {
			s.BeginFailover()
			begun = time.Now()
		}
		master = s.another(before)
		return master != nil
	})
	return master
}

// BeginFailover is Failover that does not wait for the end.
func (s *Sentinel) BeginFailover() {
	s.t.Helper()
	s.await("a failover begins", func() bool {
		_, err := s.Sentinels[0].Do("SENTINEL", "FAILOVER", MasterName)
		return err == nil
	})
}

func (s *Sentinel) await(what string, condition func() bool) {
	s.t.Helper()
	await(s.t, what, condition)
}
