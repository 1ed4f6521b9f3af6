package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/audit"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lines are the entries of a file; one that is no JSON object fails the test.
func lines(t *testing.T, path string) (all []audit.Entry) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

func eventually(t *testing.T, true func() bool) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-deadline:
			t.Fatal("it does not come true")
		case <-tick.C:
		}
	}
}

func entry(who string) audit.Entry {
	return audit.Entry{Action: "history", Outcome: audit.Allowed, Who: who, Role: "admin", Channel: "logs:User.alice", From: "192.0.2.1"}
}

func TestLinesAreAppended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for range 2 {
		l, err := audit.Open(audit.Options{Path: path})
		must(t, err)
		l.Note(entry("adam"))
		must(t, l.Commit(t.Context(), entry("a\nb\"\u2028")))
		must(t, l.Close())
		l.Note(entry("late")) // nobody writes it any more
		if s := l.Stats(); s.Written != 2 || s.Lost != 1 {
			t.Errorf("%+v", s)
		}
	}
	got := lines(t, path)
	if len(got) != 4 || got[0].Who != "adam" || got[3].Who != "a\nb\"\u2028" || got[0].Time.IsZero() || got[0].Time.Location() != time.UTC {
		t.Errorf("%+v", got)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v", info.Mode())
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	for path, want := range map[string]string{dir: "no regular file", fifo: "no regular file", filepath.Join(dir, "a", "b"): "no such file"} {
		l, err := audit.Open(audit.Options{Path: path})
		if l != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWithoutAFileTheLinesAreTheLogs(t *testing.T) {
	var log bytes.Buffer
	l, err := audit.Open(audit.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	seconds, count := 1.5, int64(7)
	must(t, l.Commit(t.Context(), audit.Entry{Action: "stream", Outcome: audit.Ended, Who: "adam", Seconds: &seconds, Lines: &count, Reason: "gone"}))
	must(t, l.Close())
	if !strings.Contains(log.String(), "level=INFO msg=audit action=stream outcome=ended who=adam reason=gone seconds=1.5 lines=7") {
		t.Errorf("%s", &log)
	}
	var stderr bytes.Buffer
	l, err = audit.Open(audit.Options{Path: "-", Stderr: &stderr})
	must(t, err)
	l.Note(entry("adam"))
	must(t, l.Close())
	if !json.Valid(stderr.Bytes()) || !strings.Contains(stderr.String(), `"who":"adam"`) {
		t.Errorf("%s", &stderr)
	}
}

// A file is rotated by renaming it, by copying and truncating it, and with a signal: no line
// is lost or torn.
func TestRotation(t *testing.T) {
	for name, rotate := range map[string]func(t *testing.T, l *audit.Log, path string) (old string){
		"rename": func(t *testing.T, _ *audit.Log, path string) string {
			must(t, os.Rename(path, path+".1"))
			return path + ".1"
		},
		"rename and make": func(t *testing.T, _ *audit.Log, path string) string {
			must(t, os.Rename(path, path+".1"))
			must(t, os.WriteFile(path, nil, 0o640))
			return path + ".1"
		},
		"rename and signal": func(t *testing.T, l *audit.Log, path string) string {
			must(t, os.Rename(path, path+".1"))
			l.Reopen()
			return path + ".1"
		},
		"copytruncate": func(t *testing.T, _ *audit.Log, path string) string {
			text, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path+".1", text, 0o600))
			must(t, os.Truncate(path, 0))
			return path + ".1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			l, err := audit.Open(audit.Options{Path: path})
			must(t, err)
			defer func() { must(t, l.Close()) }()
			written := 0
			write := func() {
				must(t, l.Commit(t.Context(), entry("adam")))
				written++
			}
			write()
			write()
			old := rotate(t, l, path)
			eventually(t, func() bool { // it looks once a second
				write()
				info, err := os.Stat(path)
				return err == nil && info.Size() > 0
			})
			write()
			if before, after := lines(t, old), lines(t, path); len(before)+len(after) != written || len(before) < 2 || len(after) < 2 {
				t.Errorf("%d and %d lines of %d", len(before), len(after), written)
			}
		})
	}
}

// A disk can be full, and can be slow.
type disk struct {
	w io.Writer

	mu   sync.Mutex
	free int // bytes; below 0 is without end
	hold chan struct{}
}

func (d *disk) Write(b []byte) (int, error) {
	d.mu.Lock()
	free, hold := d.free, d.hold
	d.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if free < 0 || free >= len(b) {
		return d.w.Write(b)
	}
	n, err := d.w.Write(b[:free])
	if err == nil {
		err = syscall.ENOSPC
	}
	d.mu.Lock()
	d.free = 0
	d.mu.Unlock()
	return n, err
}

func (d *disk) set(free int, hold chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free, d.hold = free, hold
}

func TestAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	var log lockedBuffer
	d := &disk{free: -1}
	l, err := audit.OpenOn(audit.Options{Path: path, Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(w io.Writer) io.Writer {
		d.w = w
		return d
	})
	must(t, err)
	must(t, l.Commit(t.Context(), entry("before")))
	d.set(10, nil) // the next line breaks off
	if err := l.Commit(t.Context(), entry("torn")); !errors.Is(err, audit.ErrUnwritten) {
		t.Errorf("on a full disk: %v", err)
	}
	begin := time.Now()
	for range audit.MaxWaiting + 100 {
		l.Note(entry("waits"))
	}
	if err := l.Commit(t.Context(), entry("refused")); !errors.Is(err, audit.ErrUnwritten) {
		t.Errorf("on a full disk: %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("on a full disk notes wait: %v", took)
	}
	if s := l.Stats(); s.Lost != 101 || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "audit-log") {
		t.Errorf("%+v\n%s", s, &log)
	}
	d.set(-1, nil)
	eventually(t, func() bool { return l.Stats().Written >= audit.MaxWaiting+2 })
	must(t, l.Commit(t.Context(), entry("after")))
	must(t, l.Close())
	text, err := os.ReadFile(path)
	must(t, err)
	var waits, lost, torn int
	for line := range strings.Lines(string(text)) {
		var e audit.Entry
		if json.Unmarshal([]byte(line), &e) != nil {
			torn++
			continue
		}
		if e.Who == "waits" {
			waits++
		}
		lost += int(e.Lost)
	}
	if waits != audit.MaxWaiting || lost != 101 || torn != 1 || !strings.Contains(string(text), `"who":"torn"`) || !strings.Contains(log.String(), "written again") {
		t.Errorf("%d lines, %d lost, %d torn\n%s", waits, lost, torn, &log)
	}
}

func TestASlowDiskHoldsNobodyUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	hold := make(chan struct{})
	d := &disk{free: -1, hold: hold}
	l, err := audit.OpenOn(audit.Options{Path: path, Logger: slog.New(slog.DiscardHandler)}, func(w io.Writer) io.Writer {
		d.w = w
		return d
	})
	must(t, err)
	begin := time.Now()
	for range 2 * audit.MaxWaiting {
		l.Note(entry("adam"))
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("notes wait for the disk: %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Commit(ctx, entry("adam")); !errors.Is(err, audit.ErrUnwritten) {
		t.Errorf("who must be written: %v", err)
	}
	close(hold)
	must(t, l.Close())
	if s := l.Stats(); s.Written < audit.MaxWaiting || s.Written+s.Lost != 2*audit.MaxWaiting+1 {
		t.Errorf("%+v", s)
	}
}

// Anybody can be refused, as often as they like.
func TestRefusalsDoNotFillTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := audit.Open(audit.Options{Path: path})
	must(t, err)
	begin := time.Now()
	for range 3000 {
		l.Note(audit.Entry{Action: "enter", Outcome: audit.Refused})
	}
	most := 201 + int(time.Since(begin)/(50*time.Millisecond))
	must(t, l.Commit(t.Context(), entry("adam")))
	must(t, l.Close())
	got := lines(t, path)
	muted := int64(0)
	for _, e := range got {
		muted += e.Muted
	}
	if len(got) > most+1 || len(got) < 201 || int64(len(got)-1)+muted != 3000 || got[len(got)-1].Who != "adam" {
		t.Errorf("%d lines, %d muted, at most %d", len(got), muted, most)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
