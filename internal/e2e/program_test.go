package e2e

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// madeIn has the folders of what is made once for all tests of a run.
var madeIn struct {
	mu   sync.Mutex
	dirs []string
}

// makeDir makes a folder that goes with the run.
func makeDir() (string, error) {
	dir, err := os.MkdirTemp("", "loglane-e2e-")
	if err != nil {
		return "", err
	}
	madeIn.mu.Lock()
	defer madeIn.mu.Unlock()
	madeIn.dirs = append(madeIn.dirs, dir)
	return dir, nil
}

func removeMade() {
	for _, dir := range madeIn.dirs {
		_ = os.RemoveAll(dir) // what stays is in the folder for what may go
	}
}

// built is the program, built once for all tests of a run.
var built = sync.OnceValues(func() (string, error) {
	dir, err := makeDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "loglane")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/loglane").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// program returns the path of the built program.
func program(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A process is a program that runs until the test ends it, or ends.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *output
	ended  bool
}

// An output keeps what a process writes, for the test that fails.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// start starts a program with further variables in its environment.
func start(t *testing.T, dir string, env []string, name string, args ...string) *process {
	t.Helper()
	return startWith(t, dir, env, nil, name, args...)
}

// startWith is start with a standard input.
func startWith(t *testing.T, dir string, env []string, stdin io.Reader, name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdin = stdin
	return startCommand(t, cmd)
}

// startCommand starts a command; what of its output goes nowhere else is kept.
func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, output: &output{}}
	for _, to := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		if *to == nil {
			*to = p.output
		}
	}
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			written := p.output.String()
			t.Logf("%s wrote:\n%s", filepath.Base(cmd.Path), written[max(len(written)-4000, 0):])
		}
	})
	return p
}

// end asks the process to end, and waits until it has.
func (p *process) end() {
	if p.ended {
		return
	}
	p.ended = true
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	timer := time.AfterFunc(15*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // how it ended matters to no test here
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	p.ended = true
	_ = p.cmd.Process.Kill() // it may have ended by itself
	_ = p.cmd.Wait()         // killed is what it says
}

// code waits until the process has ended by itself, and returns its exit code.
func (p *process) code(within time.Duration) int {
	p.t.Helper()
	p.ended = true
	timer := time.AfterFunc(within, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // the code says it
	return p.cmd.ProcessState.ExitCode()
}

// wait waits until the process has ended by itself, which must be a success.
func (p *process) wait() {
	p.t.Helper()
	p.ended = true
	timer := time.AfterFunc(60*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%s: %v", filepath.Base(p.cmd.Path), err)
	}
}

// run runs a program to its end, which must be a success, and returns what it wrote to
// its standard output.
func run(t *testing.T, dir string, env []string, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, append(os.Environ(), env...), strings.NewReader(stdin)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := cmd.Run(); e != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), e, &out, &err)
	}
	return out.String()
}

// answers waits until a URL is answered, whatever the answer is.
func answers(t *testing.T, url string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		answer, err := http.Get(url)
		if err == nil {
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v", url, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// serveProgram starts the program as a gateway at an address.
func serveProgram(t *testing.T, addr string, args ...string) *process {
	t.Helper()
	p := start(t, t.TempDir(), nil, program(t), append([]string{"serve", "--addr", addr}, args...)...)
	answers(t, "http://"+addr+"/healthz")
	return p
}

// copyFile copies one file.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
