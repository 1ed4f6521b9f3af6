// Package redistest starts real Redis servers for tests, each on a free port of the
// loopback interface with its data in the test's own folder.
//
//	server := redistest.Start(t)
//	broker, err := redisbroker.New(redisbroker.Options{URL: server.URL()})
//	server.Kill()    // as kill -9
//	server.Restart() // with the data that it had written
package redistest

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
)

// A Server is one redis-server. Its methods are for the test's goroutine.
type Server struct {
	Port int

	t        testing.TB
	dir      string
	args     []string
	command  []string // all arguments, in place of args
	password string
	user     string // that password is of; "" is the default user
	secure   *Certificates
	kept     kept
	process  *exec.Cmd
}

const startTimeout = 10 * time.Second

// Start starts a server without persistence; args are further settings of redis-server,
// such as "--appendonly", "yes". The server ends with the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, nil, args)
}

func start(t testing.TB, secure *Certificates, args []string) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), Port: porttest.Free(t), args: args, password: option(args, "--requirepass"), secure: secure}
	s.start()
	return s
}

// start starts a server that has been set up, and ends it with the test.
func (s *Server) start() {
	s.t.Helper()
	s.t.Cleanup(func() {
		s.Kill()
		if s.t.Failed() {
			s.logTail()
		}
	})
	s.Restart()
}

// URL returns the address of database 0 as --redis-url takes it.
func (s *Server) URL() string {
	return s.urlFor("", s.password)
}

// UserURL is URL for a user that the server knows.
func (s *Server) UserURL(user, password string) string { return s.urlFor(user, password) }

func (s *Server) urlFor(user, password string) string {
	scheme, parameters := s.secure.address()
	u := &url.URL{Scheme: scheme, Host: "127.0.0.1:" + s.PortText(), Path: "/0", RawQuery: parameters.Encode()}
	if user+password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// PortText is Port as commands take it.
func (s *Server) PortText() string { return strconv.Itoa(s.Port) }

// Kill ends the server as kill -9 does.
func (s *Server) Kill() {
	s.kept.drop()
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // it may have ended by itself
	_ = s.process.Wait()         // killed is what it says
	s.process = nil
}

// Restart starts the server again, and returns once it answers.
func (s *Server) Restart() {
	s.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("redis-server is missing: install it (Debian: apt-get install redis-server), or run make test")
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	args := slices.Concat(s.secure.settings(s.PortText()), []string{"--bind", "127.0.0.1", "--dir", s.dir, "--save", ""}, s.args)
	if s.command != nil {
		args = s.command
	}
	s.process = exec.Command(path, args...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.await()
}

// list is Do for an answer of texts.
func (s *Server) list(args ...string) (all []string, err error) {
	err = s.dialogue(func(conn net.Conn, r *bufio.Reader) error {
		length, err := roundTrip(conn, r, args...)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(length)
		for ; err == nil && n > 0; n-- {
			var text string
			text, err = readReply(r)
			all = append(all, text)
		}
		return err
	})
	return all, err
}

// info returns a section of INFO, "" while the server does not answer.
func (s *Server) info(section string) string {
	text, err := s.Do("INFO", section)
	if err != nil {
		return ""
	}
	return text
}

// await waits for what nothing tells of.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(3 * startTimeout)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", 3*startTimeout, what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func (s *Server) await() {
	s.t.Helper()
	deadline := time.Now().Add(startTimeout)
	for {
		reply, err := s.Do("PING")
		if err == nil && reply == "PONG" {
			return
		}
		if time.Now().After(deadline) {
			s.logTail()
			s.t.Fatalf("redis-server did not answer within %v: %q, %v", startTimeout, reply, err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// Do sends one command over a connection of its own, and returns a simple, bulk or number
// reply as text; of an array, its length.
func (s *Server) Do(args ...string) (reply string, err error) {
	if s.keeps(args) {
		return s.doKept(args)
	}
	err = s.dialogue(func(conn net.Conn, r *bufio.Reader) error {
		reply, err = roundTrip(conn, r, args...)
		return err
	})
	return reply, err
}

// dialogue lends a connection that has signed in.
func (s *Server) dialogue(talk func(net.Conn, *bufio.Reader) error) error {
	conn, r, err := s.open()
	if err != nil {
		return err
	}
	defer conn.Close()
	return talk(conn, r)
}

// open makes a connection that has signed in and lasts for 5 s.
func (s *Server) open() (net.Conn, *bufio.Reader, error) {
	conn, err := s.secure.dial(s.PortText())
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReader(conn)
	err = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if err == nil && s.password != "" {
		login := []string{"AUTH", s.password}
		if s.user != "" {
			login = []string{"AUTH", s.user, s.password}
		}
		_, err = roundTrip(conn, r, login...)
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, r, nil
}

// MustDo is Do, and ends the test on an error.
func (s *Server) MustDo(args ...string) string {
	s.t.Helper()
	reply, err := s.Do(args...)
	if err != nil {
		s.t.Fatalf("%s: %v", args[0], err)
	}
	return reply
}

// A replyError is an error that Redis answers with.
type replyError string

func (e replyError) Error() string { return string(e) }

func roundTrip(conn net.Conn, r *bufio.Reader, args ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := conn.Write([]byte(b.String())); err != nil {
		return "", err
	}
	return readReply(r)
}

func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, rest := line[0], strings.TrimRight(line[1:], "\r\n")
	switch kind {
	case '-':
		return "", replyError(rest)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return "", err
		}
		body := make([]byte, n+2)
		for read := 0; read < len(body); {
			m, err := r.Read(body[read:])
			if err != nil {
				return "", err
			}
			read += m
		}
		return string(body[:n]), nil
	default:
		return rest, nil
	}
}

func (s *Server) logTail() {
	data, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err == nil {
		s.t.Logf("redis-server's log ends with:\n%s", data[max(len(data)-2000, 0):])
	}
}
