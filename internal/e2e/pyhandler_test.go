package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// withDjangoFile is the environment in which Python finds the file to copy.
var withDjangoFile = []string{"PYTHONPATH=../../examples/django", "PYTHONDONTWRITEBYTECODE=1"}

// lines starts the program that writes lines with Django's handler.
func lines(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, ".", withDjangoFile, pythonPath(t), append([]string{"testdata/python/lines.py"}, args...)...)
}

func TestDjangoNames(t *testing.T) {
	t.Parallel()
	names := []string{
		"alice", "Al.ice_9-x@b:c/d*?[~", "a b", "a\x00\n\x1f\x7fb", "a\u0080\u0085\u009fb", "{a}%", "%20", "!\u00a0~",
		"e\u0301", "é", "\u212b", "😀", strings.Repeat("x", 200), "global", "", strings.Repeat("x", 201),
		strings.Repeat(" ", 67), strings.Repeat("é", 100) + "x", "\u0344", "ＡＢ", "i\u0307", "ß", "a\u2028b",
	}
	in, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	var got []*string
	if err := json.Unmarshal([]byte(run(t, ".", withDjangoFile, string(in), pythonPath(t), "testdata/python/names.py")), &got); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		want, err := loglane.EncodeName(name)
		switch {
		case err != nil && got[i] != nil:
			t.Errorf("%.30q: %.30q without an error", name, *got[i])
		case err == nil && (got[i] == nil || *got[i] != want):
			t.Errorf("%.30q: %.30v, want %.30q", name, got[i], want)
		}
	}
}

// TestDjangoHandlerOutage kills Redis under a handler: nothing is sent twice, nothing is lost.
func TestDjangoHandlerOutage(t *testing.T) {
	s := newScene(t, loglane.Retention{}, "--appendonly", "yes", "--appendfsync", "always")
	v := s.watch("")
	writer := lines(t, "--url", s.server.URL(), "--count", "900", "--rate", "300")
	for _, n := range []int{100, 300, 500} {
		v.awaitLine(t, n, 20*time.Second)
		s.server.Kill()
		s.server.Restart()
	}
	v.awaitLine(t, 900, 30*time.Second)
	writer.end()
	numbers := v.numbers()
	if fault := unbroken(numbers); fault != "" || len(numbers) != 900 {
		t.Errorf("%d lines: %s", len(numbers), fault)
	}
	if n := s.server.MustDo("XLEN", "stream:logs:User.alice"); n != "900" {
		t.Errorf("the stream has %s entries", n)
	}
}

// TestDjangoHandlerUnsure cuts answers: a transaction of which none came is not sent again.
func TestDjangoHandlerUnsure(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	v := s.watch("")
	proxy, lost := newLossy(t, fmt.Sprintf("127.0.0.1:%d", s.server.Port), 7)
	lines(t, "--url", "redis://"+proxy+"/0", "--count", "300", "--rate", "300").wait()
	v.awaitLine(t, 300, 20*time.Second)
	if fault := unbroken(v.numbers()); fault != "" || len(v.numbers()) != 300 || lost.Load() == 0 {
		t.Errorf("%d lines, %d answers cut: %s", len(v.numbers()), lost.Load(), fault)
	}
}

// TestDjangoHandlerDrops lets lines come faster than they can go.
func TestDjangoHandlerDrops(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	v := s.watch("")
	v.awaitCursor(t, "0-0", 10*time.Second)
	s.server.Kill()
	writer := lines(t, "--url", s.server.URL(), "--count", "1000", "--queue-lines", "100", "--patience", "4")
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(writer.output.String(), "wrote for") {
		if time.Now().After(deadline) {
			t.Fatal("the lines are not written")
		}
		<-time.After(20 * time.Millisecond)
	}
	var took float64
	text := writer.output.String()
	if _, err := fmt.Sscanf(text[strings.Index(text, "wrote for"):], "wrote for %f s", &took); err != nil || took > 2 {
		t.Errorf("the program waited for %v s, %v", took, err)
	}
	s.server.Restart()
	v.awaitText(t, "the last line")
	texts := v.texts()
	dropped := fmt.Sprintf("%d lines dropped: the queue was full (queue_lines)", 1000-100)
	if len(texts) != 102 || texts[0] != "line 1" || texts[99] != "line 100" || texts[100] != dropped || texts[101] != "the last line" {
		t.Errorf("%d lines, the last %q", len(texts), texts[max(len(texts)-4, 0):])
	}
	if n := strings.Count(writer.output.String(), "Redis takes no lines"); n != 1 {
		t.Errorf("the trouble is told %d times", n)
	}
}

func TestDjangoHandlerForks(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	v := s.watch("")
	lines(t, "--url", s.server.URL(), "--count", "100", "--children", "3").wait()
	v.await(t, "all lines", 20*time.Second, func(events []shown) bool { return len(events) >= 400 })
	seen := make(map[int]int)
	for _, n := range v.numbers() {
		seen[n]++
	}
	for n := 1; n <= 400; n++ {
		if seen[n] != 1 {
			t.Errorf("line %d is shown %d times", n, seen[n])
		}
	}
}

func TestCelerySignals(t *testing.T) {
	t.Parallel()
	var got struct {
		Headers  []*string
		Contexts []string
		Process  string
	}
	out := run(t, ".", withDjangoFile, "", pythonPath(t), "testdata/python/celery_signals.py")
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"alice", "bob", "", "", "alice"} {
		if name := got.Headers[i]; (name == nil) != (want == "") || name != nil && *name != want {
			t.Errorf("header %d is %v, want %q", i, name, want)
		}
	}
	c := got.Contexts
	if len(c) != 12 {
		t.Fatalf("lines in %q", c)
	}
	for i, want := range []string{"User.alice", "User.alice", "User.bob", "User.bob", c[4], c[4], c[6], c[6], "User.carol", "User.carol", "User.carol", got.Process} {
		if c[i] != want {
			t.Errorf("line %d is in %s, want %s", i, c[i], want)
		}
	}
	if !strings.HasPrefix(c[4], "job_") || !strings.HasPrefix(c[6], "job_") || c[4] == c[6] || c[4] == got.Process {
		t.Errorf("the jobs are %q, the process %q", c[4:8], got.Process)
	}
}
