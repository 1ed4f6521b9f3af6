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

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
)

const (
	frozenMemory  = 64 << 10
	frozenClosed  = 12 * time.Second
	frozenSlowing = 1.10
)

// freeze opens streams that nobody reads, with windows that are full at once.
func (s *scene) freeze(n int) {
	s.Helper()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		if err == nil {
			err = failed
		}
		return err
	}}
	request := fmt.Sprintf("GET /api/v1/stream HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nAuthorization: %s\r\n\r\n", s.gateway.Addr, s.gateway.Header.Get("Authorization"))
	for range n {
		conn, err := dialer.DialContext(s.Context(), "tcp", s.gateway.Addr)
		if err != nil {
			s.Fatal(err)
		}
		s.Cleanup(func() { conn.Close() })
		if _, err := conn.Write([]byte(request)); err != nil {
			s.Fatal(err)
		}
	}
}

// resident is how much memory the gateway has, in bytes.
func (s *scene) resident() int {
	s.Helper()
	return s.memory("VmRSS:")
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

// TestFrozenViewers lets viewers stop reading beside others that read.
func TestFrozenViewers(t *testing.T) {
	normal, frozen := sized(200, 1000), sized(200, 1000)
	// They all come at once: what is measured is how long the gateway keeps them, not how it lets
	// them in one after the other.
	s := playWith(t, keepMuch, nil, []string{"--max-replays", "4000"})
	batch := loglane.Batch{Producer: loglane.NewProducer()}
	for k := uint64(1); k <= 900; k++ {
		batch.Lines = []loglane.Line{{K: k, Record: fmt.Appendf(nil, `{"message":"%01000d"}`, k)}}
		if _, err := s.ledger.Through(s.broker).Append(t.Context(), alice, batch); err != nil {
			t.Fatal(err)
		}
	}
	s.watch(normal)
	s.shown(900) // else the time alone has that in it
	s.log(2, 10)
	pause(2 * time.Second)
	calm := time.Now()
	pause(9 * time.Second)
	calmEnd, before, files := time.Now(), s.resident(), s.files()
	s.freeze(frozen)
	began, most, open := time.Now(), 0, 0
	for open = s.files(); time.Since(began) < frozenClosed+5*time.Second; pause(50 * time.Millisecond) {
		most = max(most, s.resident())
		if open = max(open, s.files()); s.files() < files+frozen/100 && open > files+frozen/2 {
			break
		}
	}
	closed := time.Since(began)
	v := s.finish()
	b := s.besides([]span{{calm, calmEnd}}, []span{{began.Add(time.Second), began.Add(9 * time.Second)}})
	each := max(most-before, 0) / frozen
	if open < files+frozen*9/10 {
		t.Errorf("%d of %d frozen streams were open", open-files, frozen)
	}
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
	s.report("frozen viewers beside normal ones", fmt.Sprintf("%d frozen, %d normal", frozen, normal), v,
		"without them: "+chaos.Spread(b.alone), "beside them: "+chaos.Spread(b.attacked),
		fmt.Sprintf("%d KiB for each frozen one, all closed after %v", each>>10, closed.Round(100*time.Millisecond)))
}
