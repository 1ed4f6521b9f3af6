package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// A site is a Redis and gateways of the built program on it, which share a file with
// alice, bob, the admin root and API tokens.
type site struct {
	t        *testing.T
	redis    *redistest.Server
	file     string
	flags    []string
	addrs    []string
	gateways []*process
}

// newSite starts gateways with further flags.
func newSite(t *testing.T, gateways int, flags ...string) *site {
	t.Helper()
	s := &site{t: t, redis: redistest.Start(t), file: addUsers(t), gateways: make([]*process, gateways)}
	run(t, ".", nil, "correct horse\n", program(t), "user", "add", "root", "--role", "admin", "--auth-file", s.file)
	s.flags = append([]string{"--auth-file", s.file, "--redis-url", s.redis.URL()}, flags...)
	for i := range gateways {
		s.addrs = append(s.addrs, porttest.Addr(t))
		s.serve(i)
	}
	return s
}

// serve starts gateway i, also again.
func (s *site) serve(i int) {
	s.t.Helper()
	s.gateways[i] = serveProgram(s.t, s.addrs[i], s.flags...)
}

func (s *site) url(i int) string { return "http://" + s.addrs[i] + "/" }

// token makes an API token as the flags of token create say.
func (s *site) token(flags ...string) string {
	s.t.Helper()
	args := append([]string{"token", "create", "--auth-file", s.file}, flags...)
	return strings.TrimSpace(run(s.t, ".", nil, "", program(s.t), args...))
}

// reads is a token of a user, and in effect in all gateways.
func (s *site) reads(user string, flags ...string) string {
	s.t.Helper()
	token := s.token(append([]string{"--scope", "read", "--user", user}, flags...)...)
	s.await(token)
	return token
}

// writes is a token for a channel, and in effect in all gateways.
func (s *site) writes(channel string) string {
	s.t.Helper()
	token := s.token("--scope", "write", "--channel", channel)
	s.await(token)
	return token
}

// await waits until all gateways know a token.
func (s *site) await(token string) {
	s.t.Helper()
	for i := range s.addrs {
		deadline := time.Now().Add(10 * time.Second)
		for s.call(i, token, "GET", "api/v1/me", nil).code == 401 {
			if time.Now().After(deadline) {
				s.t.Fatal("a gateway does not come to know a token")
			}
			<-time.After(20 * time.Millisecond)
		}
	}
}

// command is a call of the program as a client of the site, by a URL and with a token.
func (s *site) command(url, token string, args ...string) *exec.Cmd {
	cmd := exec.Command(program(s.t), args...)
	cmd.Dir = s.t.TempDir()
	cmd.Env = append(cmd.Environ(), "LOGLANE_URL="+url, "LOGLANE_TOKEN="+token, "no_proxy=127.0.0.1", "TZ=UTC")
	return cmd
}

// muchKept is a history that outlasts a test's outages, and the flags for it.
var (
	muchKept      = loglane.Retention{Lines: 200_000, Bytes: 256 << 20}
	muchKeptFlags = []string{"--history-lines", "200000", "--history-bytes", "268435456"}
)
