package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/gatewaytest"
	"github.com/loglane/loglane/internal/porttest"
)

var downFor = flag.Duration("down", 2*time.Second, "how long the gateway is down in TestSendThroughAnOutage")

// A restarting is a gateway that can be stopped and started again on its address. What
// was stored stays.
type restarting struct {
	*gatewaytest.Gateway
	t    *testing.T
	addr string

	mu     sync.Mutex
	server *http.Server
	served chan struct{}
}

func newRestarting(t *testing.T) *restarting {
	r := &restarting{Gateway: gatewaytest.New(t), t: t, addr: porttest.Addr(t)}
	r.Severed = true
	t.Cleanup(r.stop)
	return r
}

func (r *restarting) start() {
	r.t.Helper()
	listener, err := net.Listen("tcp", r.addr)
	if err != nil {
		r.t.Error(err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	server, served := &http.Server{Handler: r.Gateway}, make(chan struct{})
	r.server, r.served = server, served
	go func() {
		defer close(served)
		_ = server.Serve(listener) // until stop
	}()
}

// stop cuts every connection.
func (r *restarting) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server == nil {
		return
	}
	_ = r.server.Close() // its listener and connections are cut, however they were
	<-r.served
	r.server = nil
}

// send is the verb with the token in its environment.
func (r *restarting) send(args ...string) (cmd *exec.Cmd, out, err *bytes.Buffer) {
	cmd = command(r.t, r.t.TempDir(), append([]string{"send", "--url", "http://" + r.addr}, args...)...)
	cmd.Env = append(cmd.Env, "LOGLANE_TOKEN="+gatewaytest.Token)
	out, err = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, err
	return cmd, out, err
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

func wantLines(t *testing.T, got []string, n int) {
	t.Helper()
	for i := range max(n, len(got)) {
		if i >= n || i >= len(got) || got[i] != fmt.Sprint("line ", i) {
			t.Fatalf("%d lines, want %d; they differ at %d: %q", len(got), n, i, got[max(0, min(i-1, len(got))):min(i+3, len(got))])
		}
	}
}

// The gateway is away at the start and for a while in the middle: every line is there
// once and in order.
func TestSendThroughAnOutage(t *testing.T) {
	lines := 100_000
	if raceDetector {
		lines = 10_000
	}
	gateway := newRestarting(t)
	var stored atomic.Int64
	half := make(chan struct{})
	gateway.Sees = func(_ *http.Request, body []byte) {
		n := int64(bytes.Count(body, []byte("\n")))
		if now := stored.Add(n); now >= int64(lines/2) && now-n < int64(lines/2) {
			close(half)
		}
	}
	cmd, _, told := gateway.send("--user", "alice")
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() {
		defer in.Close()
		w := bufio.NewWriter(in)
		for i := range lines {
			if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
				t.Error(err)
				return
			}
		}
		if err := w.Flush(); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() {
		<-time.After(200 * time.Millisecond)
		gateway.start()
		select {
		case <-half:
		case <-t.Context().Done():
			return
		}
		gateway.stop()
		<-time.After(*downFor)
		gateway.start()
	})
	start := time.Now()
	if code := exitCode(t, cmd.Wait()); code != 0 {
		t.Fatalf("it ends with %d: %s", code, told)
	}
	t.Logf("%d lines in %v, %v of them without a gateway\n%s", lines, time.Since(start), *downFor, told)
	wantLines(t, gateway.Messages("User.alice"), lines)
	wantLines(t, gateway.Messages("global"), lines)
	for _, want := range []string{"does not answer: ", "; lines wait and are sent again", "the gateway takes lines again, after", " read, ", " sent again"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("it does not tell %q:\n%s", want, told)
		}
	}
}

// JSON keeps its members, text has the level and the logger that were given, and the copy
// is byte for byte.
func TestSendRecords(t *testing.T) {
	gateway := newRestarting(t)
	gateway.start()
	token := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(token, []byte(gatewaytest.Token+"\n"), 0o600))
	cmd, out, told := gateway.send("--channel", "job_nightly", "--level", "warning", "--logger", "make", "--tee", "--token-file", token)
	input := "cc -c x.c\r\n{\"level\":\"error\",\"time\":1,\"msg\":\"x\",\"n\":{\"a\":[1]}}\nlast"
	cmd.Stdin = strings.NewReader(input)
	if code := exitCode(t, cmd.Run()); code != 0 || told.Len() > 0 {
		t.Fatalf("it ends with %d: %s", code, told)
	}
	if out.String() != input {
		t.Errorf("the copy is %q", out)
	}
	var got []string
	for _, record := range gateway.Records("job_nightly") {
		got = append(got, string(record))
	}
	for i, want := range []string{
		`{"message":"cc -c x.c","level":"WARN","timestamp":"`,
		`{"level":"error","time":1,"msg":"x","n":{"a":[1]},"logger":"make","context":"job_nightly"}`,
		`{"message":"last","level":"WARN","timestamp":"`,
	} {
		if len(got) != 3 || !strings.HasPrefix(got[i], want) {
			t.Fatalf("line %d is not %s\n%s", i, want, got)
		}
	}
}

func TestSendEnds(t *testing.T) {
	deny := func(contexts ...string) func(*restarting) {
		return func(r *restarting) { r.Contexts = contexts }
	}
	for _, tt := range []struct {
		name  string
		setUp func(*restarting)
		args  string
		env   string
		code  int
		err   string
	}{
		{"a wrong token", func(*restarting) {}, "--user alice", "LOGLANE_TOKEN=llt_wrong", 3, "does not know the token (the token is unknown): set --token-file or $LOGLANE_TOKEN"},
		{"no token", func(*restarting) {}, "--user alice", "LOGLANE_TOKEN=", 3, "there is no token: set --token-file or $LOGLANE_TOKEN"},
		{"another channel", deny("User.bob"), "--user alice", "", 4, "the token may not write to the channel User.alice (the token may not write there): make one with 'loglane token create --scope write --channel User.alice'"},
		{"another path", func(r *restarting) { r.Prefix = "/logs" }, "--user alice --timeout 1s", "", 1, "answers 404 (no such page): is the URL the gateway's, with its --base-path?"},
		{"a rejected line", func(r *restarting) {
			r.Reject = func(record []byte) string {
				if bytes.HasPrefix(record, []byte(`{"message":"y"`)) {
					return "no y here"
				}
				return ""
			}
		}, "--user alice -q", "", 1, "loglane: lines: 3 read, 1 rejected: no y here\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gateway := newRestarting(t)
			tt.setUp(gateway)
			gateway.start()
			cmd, _, told := gateway.send(strings.Fields(tt.args)...)
			if tt.env != "" {
				cmd.Env = append(cmd.Env, tt.env)
			}
			in, err := cmd.StdinPipe()
			must(t, err)
			must(t, cmd.Start())
			if _, err := io.WriteString(in, "x\ny\nz\n"); err != nil && tt.code != 3 {
				t.Error(err)
			}
			if tt.code == 1 { // a refused token ends it without the input's end
				in.Close()
			}
			if code := exitCode(t, cmd.Wait()); code != tt.code || !strings.Contains(told.String(), tt.err) {
				t.Errorf("it ends with %d, want %d\n%s", code, tt.code, told)
			}
			if strings.Contains(told.String(), gatewaytest.Token) || strings.Contains(told.String(), "llt_wrong") {
				t.Errorf("it shows the token: %s", told)
			}
		})
	}
}

// A signal ends the reading: what is acknowledged by then is a clean end, and what is not
// is told.
func TestSendUntilASignal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		up   bool
		code int
		err  string
	}{
		{"a gateway", true, 0, ""},
		{"no gateway", false, 1, "1 not acknowledged: the gateway at http://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			gateway := newRestarting(t)
			arrived := make(chan struct{}, 100)
			gateway.Sees = func(*http.Request, []byte) { arrived <- struct{}{} }
			if tt.up {
				gateway.start()
			}
			cmd, _, _ := gateway.send("--user", "alice")
			notices, err := os.Create(filepath.Join(t.TempDir(), "told"))
			must(t, err)
			defer notices.Close()
			cmd.Stderr = notices
			told := func() string {
				text, err := os.ReadFile(notices.Name())
				must(t, err)
				return string(text)
			}
			in, err := cmd.StdinPipe()
			must(t, err)
			defer in.Close()
			must(t, cmd.Start())
			if _, err := io.WriteString(in, "x\n"); err != nil {
				t.Fatal(err)
			}
			if tt.up {
				select {
				case <-arrived:
				case <-time.After(20 * time.Second):
					t.Fatalf("no line comes: %s", told())
				}
			} else {
				for deadline := time.Now().Add(20 * time.Second); !strings.Contains(told(), "lines wait"); {
					if time.Now().After(deadline) {
						t.Fatalf("it does not tell that lines wait: %s", told())
					}
					<-time.After(10 * time.Millisecond)
				}
			}
			start := time.Now()
			must(t, cmd.Process.Signal(syscall.SIGTERM))
			if code := exitCode(t, cmd.Wait()); code != tt.code || !strings.Contains(told(), tt.err) {
				t.Errorf("it ends with %d, want %d: %s", code, tt.code, told())
			}
			if took := time.Since(start); took > 9*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestWrongCallsOfSend(t *testing.T) {
	for _, c := range []call{
		{args: "send --user alice", code: 3, err: "there is no token"},
		{args: "send", code: 2, err: "--user: it is missing: name the user whose lines these are, or with --channel the context"},
		{args: "send --user alice --channel x", code: 2, err: "--user: it does not go with --channel"},
		{args: "send --channel ll:control", code: 2, err: "--channel: "},
		{args: "send --user alice --url http://u:s3cret@h --level loud --buffer 3 --timeout x", code: 2, err: "4 things are wrong"},
		{args: "send --user alice --url ftp://h", code: 2, err: "--url: the gateway's URL is not http://HOST"},
		{args: "send --user alice --when-full wait", code: 2, err: `--when-full must be one of "block","drop"`},
		{args: "send --user alice --channel-template x", code: 2, err: "--channel-template: "},
		{args: "send --user alice --token-file nowhere", code: 2, err: "--token-file: open nowhere"},
	} {
		if out := c.check(t, t.TempDir()); strings.Contains(out, "s3cret") {
			t.Errorf("loglane %s shows the password: %s", c.args, out)
		}
	}
}
