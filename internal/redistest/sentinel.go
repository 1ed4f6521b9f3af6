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
)

// A Sentinel is a master with two replicas, and three Sentinels that watch them. Its
// methods are for the test's goroutine.
type Sentinel struct {
	Servers   []*Server // the first is the master at the start
	Sentinels []*Server

	t testing.TB
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

// StartSentinel starts them all; args are further settings of the servers that keep data.
func StartSentinel(t testing.TB, args ...string) *Sentinel {
	t.Helper()
	return startSentinel(t, nil, args)
}

func startSentinel(t testing.TB, secure *Certificates, args []string) *Sentinel {
	t.Helper()
	s := &Sentinel{t: t}
	s.Servers = append(s.Servers, start(t, secure, args))
	master := s.Servers[0]
	replicate := append([]string{"--replicaof", fmt.Sprintf("127.0.0.1 %d", master.Port), "--repl-diskless-sync-delay", "0"}, args...)
	if master.password != "" {
		replicate = append(replicate, "--masterauth", master.password)
		master.MustDo("CONFIG", "SET", "masterauth", master.password)
	}
	master.MustDo("CONFIG", "SET", "repl-diskless-sync-delay", "0")
	for range 2 {
		s.Servers = append(s.Servers, start(t, secure, replicate))
	}
	for range 3 {
		s.Sentinels = append(s.Sentinels, startOneSentinel(t, master))
	}
	s.await("the replicas are in step, and the Sentinels know all", func() bool {
		for _, replica := range s.Servers[1:] {
			if !strings.Contains(replica.info("replication"), "master_link_status:up") {
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
	return s
}

func startOneSentinel(t testing.TB, master *Server) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), Port: freePort(t), secure: master.secure}
	lines := []string{
		"bind 127.0.0.1", "dir " + s.dir,
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 2", MasterName, master.Port),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", MasterName, downAfter.Milliseconds()),
		fmt.Sprintf("sentinel failover-timeout %s 3000", MasterName),
		fmt.Sprintf("sentinel parallel-syncs %s 2", MasterName),
	}
	if master.password != "" {
		lines = append(lines, fmt.Sprintf("sentinel auth-pass %s %s", MasterName, master.password))
	}
	for setting := range slices.Chunk(s.secure.settings(s.PortText()), 2) {
		lines = append(lines, strings.TrimPrefix(setting[0], "--")+" "+setting[1])
	}
	if s.secure != nil {
		s.user, s.password = sentinelAdmin, sentinelAdminPassword
		lines = append(lines,
			"user default off",
			"user "+sentinelAdmin+" on >"+sentinelAdminPassword+" allchannels +@all",
			"user "+SentinelUser+" on >"+SentinelPassword+" "+SentinelRule,
			"sentinel sentinel-user "+sentinelAdmin, "sentinel sentinel-pass "+sentinelAdminPassword)
	}
	path := filepath.Join(s.dir, "sentinel.conf")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.command = []string{path, "--sentinel"}
	s.start()
	return s
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
		if votes[strconv.Itoa(server.Port)] >= 2 {
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
		master = s.Master()
		if master == nil || master == before {
			return false
		}
		about, err := master.Do("INFO", "replication")
		return err == nil && strings.Contains(about, "role:master")
	})
	return master
}

// Failover lets the Sentinels promote a replica while the master is well, and returns it.
func (s *Sentinel) Failover() *Server {
	s.t.Helper()
	before := s.Master()
	s.await("a failover begins", func() bool {
		_, err := s.Sentinels[0].Do("SENTINEL", "FAILOVER", MasterName)
		return err == nil
	})
	return s.AwaitMaster(before)
}

func (s *Sentinel) await(what string, condition func() bool) {
	s.t.Helper()
	await(s.t, what, condition)
}
