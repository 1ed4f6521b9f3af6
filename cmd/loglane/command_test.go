package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A call is one call of the program.
type call struct {
	args  string // split at spaces; FILE is the users file of the test
	stdin string
	env   []string
	code  int
	out   string // part of standard output
	err   string // part of standard error
	both  bool   // whether it may write to both
}

// command is the program in a folder of its own with nothing in its environment.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	c := exec.CommandContext(t.Context(), self, args...)
	c.Dir = dir
	c.Env = []string{"TEST_RUN_LOGLANE=1", "TMPDIR=" + dir, "GORACE=atexit_sleep_ms=0"}
	return c
}

// check returns all that the program wrote.
func (c call) check(t *testing.T, dir string) string {
	t.Helper()
	cmd := command(t, dir, strings.Fields(strings.ReplaceAll(c.args, "FILE", filepath.Join(dir, "users")))...)
	var out, err bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.stdin), &out, &err
	cmd.Env = append(cmd.Env, c.env...)
	code := 0
	var exit *exec.ExitError
	if e := cmd.Run(); errors.As(e, &exit) {
		code = exit.ExitCode()
	} else {
		must(t, e)
	}
	if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(err.String(), c.err) {
		t.Errorf("loglane %s: %d, want %d\nout: %s\nwant %q\nerr: %s\nwant %q", c.args, code, c.code, out.String(), c.out, err.String(), c.err)
	}
	if code == 0 && err.Len() > 0 && !c.both || code != 0 && out.Len() > 0 {
		t.Errorf("loglane %s: %d, and it writes to both\nout: %s\nerr: %s", c.args, code, out.String(), err.String())
	}
	return out.String() + err.String()
}

// A served is a gateway that runs until the test ends it.
type served struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Reader
	err *bytes.Buffer
}

func serve(t *testing.T, dir string, args ...string) *served {
	t.Helper()
	return start(t, dir, nil, args...)
}

// start is serve with more in the environment.
func start(t *testing.T, dir string, env []string, args ...string) *served {
	t.Helper()
	s := &served{t: t, cmd: command(t, dir, args...), err: &bytes.Buffer{}}
	s.cmd.Env = append(s.cmd.Env, env...)
	out, err := s.cmd.StdoutPipe()
	must(t, err)
	s.out = bufio.NewReader(out)
	s.cmd.Stderr = s.err
	must(t, s.cmd.Start())
	return s
}

// end sends a signal and wants a clean end.
func (s *served) end(signal os.Signal) {
	s.t.Helper()
	must(s.t, s.cmd.Process.Signal(signal))
	timer := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	_, _ = io.Copy(io.Discard, s.out) // Wait may only be called once all is read
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("%v: %s", err, s.err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
