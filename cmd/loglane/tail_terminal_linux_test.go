package main_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loglane/loglane"
)

// pseudoTerminal returns both ends of a terminal.
func pseudoTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	must(t, err)
	must(t, unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	must(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	return screen, terminal
}

func TestTailOnATerminal(t *testing.T) {
	s := startStreamer(t, loglane.Retention{})
	s.record(`{"message":"\u001b[31mred","level":"info"}`)
	s.record("\x1b[2J\u202ehostile")
	for _, c := range []struct {
		args string
		env  []string
		want string
	}{
		{"--timestamps=none", []string{"TERM=xterm"}, "\x1b[32mINFO \x1b[0m \x1b[31mred\x1b[0m\n\x1b[90m-    \x1b[0m ␛[2J<U+202E>hostile\n"},
		{"--timestamps=none", []string{"TERM=xterm", "NO_COLOR=1"}, "INFO  red\n-     ␛[2J<U+202E>hostile\n"},
		{"--timestamps=none", []string{"TERM=dumb"}, "INFO  red\n-     ␛[2J<U+202E>hostile\n"},
		{"--timestamps=none --color never", []string{"TERM=xterm", "NO_COLOR="}, "INFO  red\n-     ␛[2J<U+202E>hostile\n"},
		{"-o raw", []string{"TERM=xterm"}, `{"message":"\u001b[31mred","level":"info"}` + "\n␛[2J<U+202E>hostile\n"},
		{"-o json -i hostile", nil, `"record":{"message":"\u001b[2J\u202ehostile"}}` + "\n"},
	} {
		screen, terminal := pseudoTerminal(t)
		cmd := s.tailCommand(append(strings.Fields(c.args), "--no-follow")...)
		cmd.Env = append(cmd.Env, c.env...)
		cmd.Stdout = terminal
		must(t, cmd.Start())
		code := ended(t, cmd, 10*time.Second) // so little fits into the terminal unread
		terminal.Close()
		shown, _ := io.ReadAll(screen) // ends with an error, for nobody has the other end
		if got := strings.ReplaceAll(string(shown), "\r\n", "\n"); code != 0 || !strings.HasSuffix(got, c.want) || strings.Contains(got, "\x1b[2J") {
			t.Errorf("tail %s with %v: %d\n%q, want\n%q", c.args, c.env, code, got, c.want)
		}
		screen.Close()
	}
}
