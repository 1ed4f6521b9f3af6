package main_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// A syncBuffer may be read while it is written.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// tailCommand is loglane tail with alice's token.
func (s *streamer) tailCommand(args ...string) *exec.Cmd {
	s.t.Helper()
	verb := []string{"tail"}
	if !slices.Contains(args, "--url") {
		verb = append(verb, "--url", "http://"+s.addr+"/logs/")
	}
	cmd := command(s.t, s.t.TempDir(), append(verb, args...)...)
	cmd.Env = append(cmd.Env, "LOGLANE_TOKEN=llt_alice")
	return cmd
}

// A tailCall is one call of tail that ends by itself.
type tailCall struct {
	args string
	env  []string
	code int
	out  string // all of it
	err  string // part of it; "" is none of it
}

func (c tailCall) check(s *streamer) {
	s.t.Helper()
	cmd := s.tailCommand(strings.Fields(c.args)...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	cmd.Env = append(cmd.Env, c.env...)
	code := exitCode(s.t, cmd.Run())
	if code != c.code || out.String() != c.out || !strings.Contains(err.String(), c.err) || c.err == "" && err.Len() > 0 {
		s.t.Errorf("loglane tail %s: %d, want %d\nout: %swant %serr: %s\nwant %q", c.args, code, c.code, &out, c.out, &err, c.err)
	}
	if strings.Contains(out.String()+err.String(), "llt_") {
		s.t.Errorf("loglane tail %s shows a token", c.args)
	}
}

func TestTailCalls(t *testing.T) {
	s := startStreamer(t, loglane.Retention{})
	s.record(`{"message":"first","level":"error","timestamp":"2026-01-02T11:02:11Z","a":1}`)
	s.record("\x1b[2Jtext")
	s.record(`{"message":"last","timestamp":"2026-01-02T11:02:11Z"}`)
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	alice, ed, two := file("alice", "llt_alice\n"), file("ed", "llt_ed"), file("two", "llt_a llt_b")
	last := "2026-01-02 11:02:11 -     last\n"
	for _, c := range []tailCall{
		{args: "--no-follow -n 1 --tz utc", out: last},
		{args: "--no-follow --tail 1 --tz utc", out: last},
		{args: "-f --no-follow -n 0"},
		{args: "--no-follow -n all -t --tz Asia/Tokyo -i first", out: "2026-01-02T20:02:11.000+09:00 ERROR first a=1\n"},
		{args: "--no-follow --timestamps=none -e text$", out: "ERROR first a=1\n-     last\n"},
		{args: "--no-follow --timestamps=none -i first -i last -e last --color always", out: "\x1b[31mERROR\x1b[0m first \x1b[90ma=1\x1b[0m\n"},
		{args: "--no-follow -o raw -n 2", out: "\x1b[2Jtext\n" + `{"message":"last","timestamp":"2026-01-02T11:02:11Z"}` + "\n"},
		{args: "--no-follow --since 1h --timestamps=none", out: "ERROR first a=1\n-     ␛[2Jtext\n-     last\n"},
		{args: "--until 0s --timestamps=none -e text$", out: "ERROR first a=1\n-     last\n"},
		{args: "--since 2999-01-01T00:00:00Z --until 0s"},
		{args: "--since 0 --exit-on fir --timestamps=none", out: "ERROR first a=1\n"},
		{args: "-n 0 --timeout 100ms"},
		{args: "-n 0 --timeout 100ms --exit-on nothing", code: 1, err: "no line matched --exit-on=nothing within 100ms"},
		{args: "-n 0", env: []string{"LOGLANE_TOKEN=llt_bob"}, code: 3, err: "not authenticated: not signed in"},
		{args: "-n 0", env: []string{"LOGLANE_TOKEN="}, code: 3, err: "set --token-file or $LOGLANE_TOKEN"},
		{args: "-n 0 -q --token-file " + ed, code: 4, err: "loglane: forbidden: not allowed"},
		{args: "-n 0 --timeout 100ms --token-file " + alice, env: []string{"LOGLANE_TOKEN=llt_bob"}},
		{args: "-n 0 --timeout 100ms", env: []string{"LOGLANE_TOKEN=", "LOGLANE_TOKEN_FILE=" + alice}},
		{args: "--token-file " + two, code: 2, err: "is no token"},
		{args: "--token-file " + dir, code: 2, err: "--token-file:"},
		{args: "--token-file " + filepath.Join(dir, "none"), code: 2, err: "--token-file:"},
		{args: "--url http://127.0.0.1:1 --no-reconnect", code: 1, err: "loglane: the connection is lost: no connection to 127.0.0.1:1"},
		{args: "--url http://127.0.0.1:1 --max-retries 1", code: 1, err: "(1 further try)"},
		{args: "--url http://" + s.addr, code: 1, err: "is the URL right, with its base path?"},
		{args: "--level loud -i ( -e [ --exit-on * --tz Nowhere -n x --until never --max-retries many", code: 2, err: "8 things are wrong"},
		{args: "--user a --channel b", code: 2, err: "take one of them"},
		{args: "--since 5m -n 3", code: 2, err: "--lines does not go with --since"},
		{args: "--since yesterday", code: 2, err: "--since=yesterday: it is no time"},
		{args: "--since -x.1.5-0", code: 2, err: `cursor "-x.1.5-0" has a malformed epoch`},
		{args: "--since --x.1.5-0", code: 2, err: `cursor "--x.1.5-0" has a malformed epoch`},
		{args: "--since -n 3", code: 2, err: "--since: expected string value"},
		{args: "--since 0.0.0-0 --until 5m", code: 2, err: "take a time"},
		{args: "--timestamps=long", code: 2, err: "must be one of short, rfc3339, relative, none"},
		{args: "-o xml", code: 2, err: "xml"},
		{args: "--url http://alice:s3cret@h", code: 2, err: "pass a token instead"},
	} {
		c.check(s)
	}
}

func TestTailTellsALossWithStrict(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		err  string
	}{
		{"", 0, "--- 20 lines are missing here: trimmed from history ---"},
		{"--strict", 5, "lines were missing (--strict)"},
		{"--strict -q", 5, "lines were missing (--strict)"},
		{"-q", 0, ""},
		{"--json -q", 0, ""},
	} {
		s := startStreamer(t, loglane.Retention{Lines: 10})
		first := s.append(1)
		s.append(30)
		cmd := s.tailCommand(strings.Fields("--since " + first + " --exit-on 31$ " + c.args)...)
		var out, err bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &err
		code := exitCode(t, cmd.Run())
		if code != c.code || !strings.Contains(err.String(), c.err) || c.err == "" && err.Len() > 0 {
			t.Errorf("tail %s: %d, want %d\nerr: %s", c.args, code, c.code, &err)
		}
		if gap := strings.Contains(out.String(), `{"event":"gap",`); gap != strings.Contains(c.args, "json") {
			t.Errorf("tail %s: %s", c.args, &out)
		}
	}
}

// append appends n lines as Loglane does, and returns the id of the last.
func (s *streamer) append(n int) string {
	s.t.Helper()
	for ; n > 0; n-- {
		s.k++
		_, err := s.broker.Append(s.t.Context(), aliceChannel, loglane.Batch{Producer: "p", Lines: []loglane.Line{
			{K: s.k, Record: fmt.Appendf(nil, `{"message":"line %d"}`, s.k)},
		}})
		must(s.t, err)
	}
	page, err := s.broker.Read(s.t.Context(), aliceChannel, loglane.Last(1), 1)
	must(s.t, err)
	return page.Tail.String()
}

// pipe starts tail and a program that reads its output.
func (s *streamer) pipe(tail *exec.Cmd, reader *exec.Cmd) (notices, read *syncBuffer) {
	s.t.Helper()
	r, w, err := os.Pipe()
	must(s.t, err)
	notices, read = &syncBuffer{}, &syncBuffer{}
	tail.Stdout, tail.Stderr = w, notices
	reader.Stdin, reader.Stdout, reader.Stderr = r, read, read
	must(s.t, reader.Start())
	must(s.t, tail.Start())
	r.Close()
	w.Close()
	return notices, read
}

// ended waits for a program's end.
func ended(t *testing.T, cmd *exec.Cmd, within time.Duration) int {
	t.Helper()
	timer := time.AfterFunc(within, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	return exitCode(t, cmd.Wait())
}

func TestTailIntoHead(t *testing.T) {
	for _, flowing := range []bool{true, false} {
		s := startStreamer(t, loglane.Retention{})
		s.append(5)
		tail, head := s.tailCommand("-n", "all", "-o", "json"), exec.CommandContext(t.Context(), "head", "-5")
		notices, read := s.pipe(tail, head)
		end, flow := make(chan struct{}), sync.WaitGroup{}
		if flowing {
			flow.Go(func() {
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for {
					s.append(1)
					select {
					case <-tick.C:
					case <-end:
						return
					}
				}
			})
		}
		if code := ended(t, head, 10*time.Second); code != 0 {
			t.Errorf("head: %d", code)
		}
		begin := time.Now()
		code := ended(t, tail, 10*time.Second)
		if took := time.Since(begin); code != 0 || took > 2*time.Second || notices.String() != "" {
			t.Errorf("with lines flowing %v: %d after %v, and it says %q", flowing, code, took, notices)
		}
		close(end)
		flow.Wait()
		if n := strings.Count(read.String(), "\n"); n != 5 {
			t.Errorf("head shows %d lines: %s", n, read)
		}
	}
}

func TestTailIntoJqWhileTheGatewayRestarts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Fatal("jq is missing: install it (Debian: apt-get install jq), or run make test")
	}
	s := startStreamer(t, loglane.Retention{Lines: 100_000, Bytes: 64 << 20})
	tail := s.tailCommand("--since", "0", "-o", "json")
	jq := exec.CommandContext(t.Context(), "jq", "--unbuffered", "-r", ".record.message")
	notices, read := s.pipe(tail, jq)
	end, flow := make(chan struct{}), sync.WaitGroup{}
	flow.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for begin := time.Now(); ; {
			s.append(int(time.Since(begin)/time.Millisecond) - int(s.k)) // 1,000 a second
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	})
	for i := range 3 {
		awaitText(t, read, 20*time.Second, func(text string) bool { return strings.Count(text, "\n") > 500*(i+1) })
		s.stop()
		s.start()
		awaitText(t, notices, 20*time.Second, func(text string) bool { return strings.Count(text, ", nothing lost\n") == i+1 })
	}
	close(end)
	flow.Wait()
	awaitText(t, read, 20*time.Second, func(text string) bool { return strings.HasSuffix(text, fmt.Sprintf("line %d\n", s.k)) })
	must(t, tail.Process.Signal(os.Interrupt))
	if code := ended(t, tail, 5*time.Second); code != 130 {
		t.Errorf("Ctrl-C ends it with %d: %s", code, notices)
	}
	if code := ended(t, jq, 5*time.Second); code != 0 {
		t.Errorf("jq: %d", code)
	}
	lines := bufio.NewScanner(strings.NewReader(read.String()))
	for n := uint64(1); n <= s.k; n++ {
		if want := fmt.Sprintf("line %d", n); !lines.Scan() || lines.Text() != want {
			t.Fatalf("%q is where %q should be", lines.Text(), want)
		}
	}
	if lines.Scan() {
		t.Errorf("and then %q", lines.Text())
	}
}

// awaitText waits until a program's output is as wanted.
func awaitText(t *testing.T, b *syncBuffer, within time.Duration, done func(string) bool) {
	t.Helper()
	deadline, tick := time.After(within), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !done(b.String()) {
		select {
		case <-tick.C:
		case <-deadline:
			text := b.String()
			t.Fatalf("it does not come within %v; the end of what did: %q", within, text[max(len(text)-300, 0):])
		}
	}
}

func TestTailEndsWithSIGTERM(t *testing.T) {
	s := startStreamer(t, loglane.Retention{})
	s.append(1)
	tail := s.tailCommand("-n", "all")
	out, err := tail.StdoutPipe()
	must(t, err)
	must(t, tail.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasSuffix(line, "line 1\n") {
		t.Errorf("%q, %v", line, err) // at once, not when a buffer is full
	}
	must(t, tail.Process.Signal(syscall.SIGTERM))
	_, _ = io.Copy(io.Discard, out)
	if code := ended(t, tail, 5*time.Second); code != 143 {
		t.Errorf("SIGTERM ends it with %d", code)
	}
}
