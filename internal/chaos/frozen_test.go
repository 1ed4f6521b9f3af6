package chaos_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
)

const (
	frozenMemory  = 64 << 10
	frozenClosed  = 12 * time.Second
	frozenSlowing = 1.10
)

// freeze opens streams that nobody reads, with windows that are full at once.
func (s *scene) freeze(n int, cursor string) (conns []*net.TCPConn) {
	s.Helper()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		if err == nil {
			err = failed
		}
		return err
	}}
	request := fmt.Sprintf("GET /api/v1/stream HTTP/1.1\r\nLast-Event-ID: %s\r\nHost: %s\r\nAccept: text/event-stream\r\nAuthorization: %s\r\n\r\n", cursor, s.gateway.Addr, s.gateway.Header.Get("Authorization"))
	for range n {
		conn, err := dialer.DialContext(s.Context(), "tcp", s.gateway.Addr)
		if err != nil {
			s.Fatal(err)
		}
		s.Cleanup(func() { conn.Close() })
		if _, err := conn.Write([]byte(request)); err != nil {
			s.Fatal(err)
		}
		conns = append(conns, conn.(*net.TCPConn))
	}
	return conns
}

// unread is how many bytes wait in a connection that nobody reads.
func (s *scene) unread(conn *net.TCPConn) (n int) {
	s.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		s.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.SIOCINQ) }); err != nil || failed != nil {
		s.Fatal(err, failed)
	}
	return n
}

// stuck waits until none of the connections has taken anything for half a second, and returns
// since when.
func (s *scene) stuck(conns []*net.TCPConn) (since time.Time) {
	s.Helper()
	since = time.Now()
	had := make([]int, len(conns))
	for deadline := since.Add(frozenClosed); time.Since(since) < 500*time.Millisecond; pause(50 * time.Millisecond) {
		for i, conn := range conns {
			if n := s.unread(conn); n == 0 || n != had[i] {
				had[i], since = n, time.Now()
			}
		}
		if time.Now().After(deadline) {
			s.Fatal("the streams that nobody reads have still taken something")
		}
	}
	return since
}

// resident is how much memory the gateway has, in bytes.
func (s *scene) resident() int {
	s.Helper()
	return s.memory("VmRSS:")
}

// forgetMost lets mostResident begin anew, and returns how much memory the gateway has now.
func (s *scene) forgetMost() int {
	s.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.gateway.Pid()), []byte("5"), 0); err != nil {
		s.Fatal(err)
	}
	return s.resident()
}

// mostResident is how much it has had at most, in bytes.
func (s *scene) mostResident() int {
	s.Helper()
	return s.memory("VmHWM:")
}

func (s *scene) memory(of string) int {
	s.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.gateway.Pid()))
	if err != nil {
		s.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if text, found := strings.CutPrefix(string(line), of); found {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
			if err != nil {
				s.Fatal(err)
			}
			return kb << 10
		}
	}
	s.Fatalf("the kernel does not tell %s", of)
	return 0
}

// files is how many descriptors the gateway has open.
func (s *scene) files() int {
	s.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.gateway.Pid()))
	if err != nil {
		s.Fatal(err)
	}
	return len(all)
}

// shown waits until all viewers have been shown so many lines.
func (s *scene) shown(lines int) {
	s.Helper()
	for deadline := time.Now().Add(time.Minute); ; pause(50 * time.Millisecond) {
		behind := slices.IndexFunc(s.crowd.Viewers, func(v *chaos.Viewer) bool { return v.Noted() < lines })
		if behind < 0 {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("viewer %d has not got its %d lines within a minute", behind, lines)
		}
	}
}

// A freezing is one round of frozen viewers.
type freezing struct {
	calm, coming, frozen span
	open                 int           // how many there were
	closed               time.Duration // until all were gone again
	most                 int           // bytes that the gateway took more
}

// freezes times the lines for a while, lets frozen viewers come after a cursor, and waits until
// they are closed. It asks the kernel about the gateway only where that can tell something: to
// count thousands of descriptors is work for the processors that the viewers' lines wait for.
func (s *scene) freezes(n int, cursor string) (f freezing) {
	s.Helper()
	f.calm.from = time.Now()
	pause(sized(4*time.Second, 9*time.Second))
	f.calm.until = time.Now()
	files := s.files()
	before := s.forgetMost()
	f.coming.from = time.Now()
	conns := s.freeze(n, cursor)
	f.coming.until = s.stuck(conns)
	f.open = s.files() - files
	f.frozen.from = time.Now()
	pause(time.Until(f.coming.from.Add(frozenClosed - 2500*time.Millisecond)))
	for time.Since(f.coming.from) < frozenClosed+5*time.Second && s.files()-files >= n/100 {
		pause(100 * time.Millisecond)
	}
	f.frozen.until = time.Now()
	f.closed = f.frozen.until.Sub(f.coming.from)
	f.most = s.mostResident() - before
	for _, conn := range conns {
		conn.Close()
	}
	return f
}

// TestFrozenViewers lets viewers stop reading beside others that read. They come at once, and
// what their sockets take of the history is sent to them as to anybody; from when all are stuck
// until the last is closed it is timed how long the others' lines take. A round has too few lines
// for a 99th percentile: one slow line is more than one in a hundred.
func TestFrozenViewers(t *testing.T) {
	normal, frozen, rounds := sized(200, 1000), sized(200, 1000), sized(1, 10)
	s := playWith(t, keepMuch, nil, []string{"--max-replays", "4000"})
	batch := loglane.Batch{Producer: loglane.NewProducer()}
	for k := uint64(1); k <= 900; k++ {
		batch.Lines = []loglane.Line{{K: k, Record: fmt.Appendf(nil, `{"message":"%01000d"}`, k)}}
		if _, err := s.ledger.Through(s.broker).Append(t.Context(), alice, batch); err != nil {
			t.Fatal(err)
		}
	}
	page, err := s.broker.Read(t.Context(), alice, loglane.Oldest(), 1)
	if err != nil {
		t.Fatal(err)
	}
	first := page.Entries[0].Cursor.String()
	s.watch(normal)
	s.shown(900) // else the time alone has that in it
	s.log(2, 10)
	var calm, coming, stuck []span
	var closed time.Duration
	each := 0
	for range rounds {
		pause(2 * time.Second)
		f := s.freezes(frozen, first)
		calm, coming, stuck = append(calm, f.calm), append(coming, f.coming), append(stuck, f.frozen)
		closed, each = max(closed, f.closed), max(each, f.most/frozen)
		if f.open < frozen*9/10 {
			t.Errorf("%d of %d frozen streams were open", f.open, frozen)
		}
	}
	v := s.finish()
	b, came := s.besides(calm, stuck), s.besides(nil, coming)
	if closed > frozenClosed {
		t.Errorf("the frozen streams are closed after %v", closed)
	}
	if each > frozenMemory {
		t.Errorf("each frozen stream takes %d bytes", each)
	}
	// The short form has too few viewers for a ratio on a machine that has more to do.
	if b.ratio > frozenSlowing && *size == "long" {
		t.Errorf("p99 is %v beside the frozen and %v without: %.2f times", b.p99Attacked, b.p99Alone, b.ratio)
	}
	s.report("frozen viewers beside normal ones", fmt.Sprintf("%d frozen, %d normal, %d times", frozen, normal, rounds), v,
		"without them: "+chaos.Spread(b.alone), "beside them: "+chaos.Spread(b.attacked), "while they come: "+chaos.Spread(came.attacked),
		fmt.Sprintf("%d KiB for each frozen one, all closed after %v", each>>10, closed.Round(100*time.Millisecond)))
}
