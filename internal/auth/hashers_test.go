//go:build unix

package auth_test

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/loglane/loglane/internal/auth"
)

const hasherWord = "serve-hashes"

// TestHasherItself is no test: it is what the tests below let compare passwords.
func TestHasherItself(t *testing.T) {
	if flag.Arg(0) != hasherWord {
		t.Skip("started by other tests")
	}
	if err := auth.ServeHashes(os.Stdin, os.Stdout); err != nil {
		t.Fatal(err)
	}
}

func newHashers(t testing.TB, log *slog.Logger, command ...string) *auth.Hashers {
	t.Helper()
	if command == nil {
		command = []string{os.Args[0], "-test.run=^TestHasherItself$", hasherWord}
	}
	h := auth.NewHashers(command, log)
	t.Cleanup(h.Close)
	return h
}

func hashOf(t testing.TB, password string) string {
	t.Helper()
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 2, SaltLength: 16, KeyLength: 32})
	must(t, err)
	return hash
}

func wantMatch(t testing.TB, h *auth.Hashers, password, hash string, want bool) {
	t.Helper()
	if got, err := h.Compare(password, hash); err != nil || got != want {
		t.Errorf("%q: got %v, %v", password, got, err)
	}
}

func TestHashersCompare(t *testing.T) {
	h := newHashers(t, nil)
	odd := "\xff\x00\nnot text"
	for _, password := range []string{password, odd, strings.Repeat("x", auth.MaxPasswordBytes)} {
		hash := hashOf(t, password)
		wantMatch(t, h, password, hash, true)
		wantMatch(t, h, password+"x", hash, false)
	}
	wantMatch(t, h, "\uFFFD\x00\nnot text", hashOf(t, odd), false)
	if _, err := h.Compare(password, "no hash"); err == nil {
		t.Error("what is no hash has been compared with")
	}
	if n := len(auth.HasherPids(h)); n != 1 {
		t.Errorf("%d processes have done it, want 1", n)
	}
	var at sync.WaitGroup
	hash := hashOf(t, password)
	for range 4 {
		at.Go(func() {
			for range 20 {
				wantMatch(t, h, password, hash, true)
			}
		})
	}
	at.Wait()
	if n := len(auth.HasherPids(h)); n < 1 || n > 4 {
		t.Errorf("%d processes for 4 at once", n)
	}
}

// Who may sign in is found out with them as without.
func TestUsersAreVerifiedByHashers(t *testing.T) {
	file := newFile(t)
	h := newHashers(t, nil)
	users, err := auth.OpenUsers(file.Path, file.Template, &auth.UsersOptions{Compare: h.Compare})
	must(t, err)
	if user, err := users.Verify(t.Context(), "olga", password); err != nil || user.Role != auth.Operator {
		t.Errorf("got %+v, %v", user, err)
	}
	for _, name := range []string{"olga", "nobody"} {
		if _, err := users.Verify(t.Context(), name, "wrong horse"); err != auth.ErrCredentials {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(auth.HasherPids(h)) != 1 {
		t.Error("no process has done it")
	}
}

// A process that compares passwords gives way to the one that streams, and gets none of its
// secrets.
func TestHashersGiveWayAndKnowNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	t.Setenv("LOGLANE_REDIS_URL", "redis://:secret@127.0.0.1/")
	h := newHashers(t, nil)
	wantMatch(t, h, password, hashOf(t, password), true)
	proc := fmt.Sprintf("/proc/%d/", auth.HasherPids(h)[0])
	environment, err := os.ReadFile(proc + "environ")
	must(t, err)
	if bytes.Contains(environment, []byte("secret")) {
		t.Errorf("its environment is %q", environment)
	}
	threads, err := os.ReadDir(proc + "task")
	must(t, err)
	own := nice(t, "/proc/self/stat")
	for _, thread := range threads {
		if got := nice(t, proc+"task/"+thread.Name()+"/stat"); got != min(own+10, 19) {
			t.Errorf("a thread has the nice value %d beside %d", got, own)
		}
	}
}

func nice(t testing.TB, stat string) int {
	t.Helper()
	text, err := os.ReadFile(stat)
	must(t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	n, err := strconv.Atoi(fields[16])
	must(t, err)
	return n
}

func TestHashersAreReplaced(t *testing.T) {
	var log logBuffer
	h := newHashers(t, slog.New(slog.NewTextHandler(&log, nil)))
	hash := hashOf(t, password)
	for range 3 {
		wantMatch(t, h, password, hash, true)
		pids := auth.HasherPids(h)
		must(t, syscall.Kill(pids[0], syscall.SIGKILL))
		wantMatch(t, h, password, hash, true)
		wantMatch(t, h, "wrong horse", hash, false)
		if slices.Contains(auth.HasherPids(h), pids[0]) {
			t.Fatal("a process that was killed is kept")
		}
	}
	if got := strings.Count(log.String(), "has failed"); got != 3 {
		t.Errorf("told %d times:\n%s", got, log.String())
	}
	if strings.Contains(log.String(), password) || strings.Contains(log.String(), "argon2") {
		t.Errorf("the log has what is secret:\n%s", log.String())
	}
}

// Where there can be no process, people sign in all the same, and it is told once.
func TestHashersThatCannotBe(t *testing.T) {
	hash := hashOf(t, password)
	for name, command := range map[string][]string{
		"no program": {"/nowhere/loglane"},
		"silent":     {"sleep", "1000"},
		"ends":       {"true"},
		"talks":      {"yes"},
	} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			h := newHashers(t, slog.New(slog.NewTextHandler(&log, nil)), command...)
			auth.SetHasherTimes(h, time.Minute, 200*time.Millisecond)
			for range 2 {
				wantMatch(t, h, password, hash, true)
				wantMatch(t, h, "wrong horse", hash, false)
			}
			told := strings.Count(log.String(), "\n")
			if name == "no program" && told != 1 || told == 0 {
				t.Errorf("told %d times:\n%s", told, log.String())
			}
		})
	}
}

// Signals that a terminal or a service manager sends to all processes are the gateway's.
func TestHashersHeedNoSignal(t *testing.T) {
	h := newHashers(t, nil)
	hash := hashOf(t, password)
	wantMatch(t, h, password, hash, true)
	pids := auth.HasherPids(h)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		must(t, syscall.Kill(pids[0], signal))
	}
	wantMatch(t, h, password, hash, true)
	if !slices.Equal(auth.HasherPids(h), pids) {
		t.Error("another process has answered")
	}
}

func TestHashersEnd(t *testing.T) {
	hash := hashOf(t, password)
	ends := func(t *testing.T, pid int) {
		t.Helper()
		deadline := time.Now().Add(10 * time.Second)
		for syscall.Kill(pid, 0) == nil {
			if time.Now().After(deadline) {
				t.Fatal("the process is still there")
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	t.Run("idle", func(t *testing.T) {
		h := newHashers(t, nil)
		auth.SetHasherTimes(h, 10*time.Millisecond, time.Minute)
		wantMatch(t, h, password, hash, true)
		for _, pid := range auth.HasherPids(h) {
			ends(t, pid)
		}
		wantMatch(t, h, password, hash, true)
	})
	t.Run("closed", func(t *testing.T) {
		h := newHashers(t, nil)
		wantMatch(t, h, password, hash, true)
		pid := auth.HasherPids(h)[0]
		h.Close()
		ends(t, pid)
		wantMatch(t, h, password, hash, true)
		if len(auth.HasherPids(h)) != 0 {
			t.Error("a process was started after the end")
		}
	})
}

func TestHashersRefuseWhatIsNoQuestion(t *testing.T) {
	var out bytes.Buffer
	if err := auth.AnswerHashes(strings.NewReader("{\"Password\": 7}\n"), &out); err == nil || out.Len() > 0 {
		t.Errorf("got %v, %q", err, &out)
	}
}

// BenchmarkHashing is what others notice on the core where passwords are compared one after
// the other with hashes of the usual cost: how much later than they should they go on after a
// millisecond, and what the collector is given to do.
func BenchmarkHashing(b *testing.B) {
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	must(b, err)
	for name, compare := range map[string]func(password, hash string) (bool, error){
		"here":   argon2id.ComparePasswordAndHash,
		"beside": newHashers(b, nil).Compare,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			done := make(chan struct{})
			var late []time.Duration
			var others sync.WaitGroup
			others.Go(func() {
				for {
					began := time.Now()
					select {
					case <-time.After(time.Millisecond):
						late = append(late, time.Since(began)-time.Millisecond)
					case <-done:
						return
					}
				}
			})
			for b.Loop() {
				if _, err := compare("wrong horse", hash); err != nil {
					b.Fatal(err)
				}
			}
			close(done)
			others.Wait()
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "µs-late-p99")
			b.ReportMetric(float64(late[len(late)-1].Microseconds()), "µs-late-max")
		})
	}
}
