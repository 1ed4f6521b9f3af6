package e2e

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSendWhileTheGatewayIsDown kills the gateway in the middle of what a pipe sends. In CI
// it is the short form; LOGLANE_E2E_DOWN=20s takes all lines.
func TestSendWhileTheGatewayIsDown(t *testing.T) {
	t.Parallel()
	lines, down := scaled(20_000), 2*time.Second
	if long := os.Getenv("LOGLANE_E2E_DOWN"); long != "" {
		var err error
		if down, err = time.ParseDuration(long); err != nil {
			t.Fatal(err)
		}
		lines = 100_000
	}
	s := newSite(t, 1, muchKeptFlags...)
	send := s.command(s.url(0), s.writes("User.alice"), "send", "--user", "alice")
	stdin, err := send.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	sending := startCommand(t, send)
	write := func(from, to int) {
		t.Helper()
		if _, err := io.WriteString(stdin, strings.Join(numberedLines(to)[from:], "\n")+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	write(0, lines/2)
	for deadline := time.Now().Add(30 * time.Second); s.kept("User.alice") < lines/4; {
		if time.Now().After(deadline) {
			t.Fatalf("after 30 s %d lines are stored", s.kept("User.alice"))
		}
		<-time.After(5 * time.Millisecond)
	}
	s.gateways[0].kill()
	before := s.kept("User.alice")
	write(lines/2, lines)
	stdin.Close()
	<-time.After(down)
	s.serve(0)
	back := time.Now()
	if code := sending.code(60 * time.Second); code != 0 {
		t.Errorf("send ends with %d", code)
	}
	t.Logf("%d of %d lines were stored when the gateway was killed; all %v after the start, %v after it was back; it tells\n%s",
		before, lines, time.Since(begin).Round(time.Millisecond), time.Since(back).Round(time.Millisecond), sending.output)
	root := s.reads("root", "--role", "admin")
	for _, context := range []string{"User.alice", "global"} {
		tail := s.command(s.url(0), root, "tail", "--channel", context, "-n", "all", "--no-follow", "-o", "json")
		var read output
		tail.Stdout = &read
		if code := startCommand(t, tail).code(60 * time.Second); code != 0 {
			t.Errorf("tail of %s: %d", context, code)
		}
		wantNumbered(t, s.messages(read.String()), lines)
	}
}

// kept is the number of lines in a channel's history.
func (s *site) kept(context string) int {
	s.t.Helper()
	n, err := strconv.Atoi(s.redis.MustDo("XLEN", "stream:logs:"+context))
	if err != nil {
		s.t.Fatal(fmt.Errorf("XLEN: %w", err))
	}
	return n
}
