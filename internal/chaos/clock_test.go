package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
)

// misset makes a redis-server whose clock is off by as many seconds as set was last told.
func misset(t *testing.T) (set func(seconds int)) {
	t.Helper()
	dir := t.TempDir()
	library, offset := filepath.Join(dir, "clock.so"), filepath.Join(dir, "offset")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-O2", "-o", library, "testdata/clock.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	real, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing: install it (Debian: apt-get install redis-server), or run make test")
	}
	script := fmt.Sprintf("#!/bin/sh\nCLOCK_OFFSET=$(cat %s) LD_PRELOAD=%s exec %s \"$@\"\n", offset, library, real)
	if err := os.WriteFile(filepath.Join(dir, "redis-server"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func(seconds int) {
		t.Helper()
		if err := os.WriteFile(offset, []byte(strconv.Itoa(seconds)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClocksApart restarts Redis with clocks that are 5 s ahead of the gateway's and 5 s
// behind, with its data and without.
func TestClocksApart(t *testing.T) {
	fault(t)
	for _, c := range []struct {
		name     string
		settings []string
		gaps     bool
	}{
		{"with its data", []string{"--appendonly", "yes", "--appendfsync", "always"}, false},
		{"without its data", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := misset(t)
			set(5)
			times, rate, viewers := sized(2, 10), sized(500, 1000), sized(20, 100)
			s := play(t, keepMuch, nil, c.settings...)
			if ahead := s.ahead(s.redis); ahead < 4*time.Second {
				t.Fatalf("Redis' clock is %v ahead", ahead)
			}
			s.watch(viewers)
			s.log(4, rate)
			for n := range times {
				pause(between(time.Second, 4*time.Second))
				s.redis.Kill()
				set([]int{-5, 5}[n%2])
				s.redis.Restart()
				s.crowd.Mark(time.Now())
			}
			pause(5 * time.Second)
			v := s.finish()
			tally := s.crowd.Tally()
			if v.Covered > 0 || (v.Gaps > 0) != c.gaps {
				t.Errorf("%d lines missing at %d gaps %v", v.Covered, v.Gaps, tally.Gaps)
			}
			s.report("Redis' clock 5 s ahead, then 5 s behind, and so on; each time restarted "+c.name,
				fmt.Sprintf("%d restarts, %d lines/s, %d viewers", times, rate, viewers), v,
				"to resume after Redis answers: "+chaos.Spread(s.crowd.Resumed()))
		})
	}
}

// clocks are how far those of a master and its two replicas are ahead, in seconds.
var clocks = [3]int{5, -5, -5}

// TestReplicasClocksApart lets replicas take over whose clocks are up to 10 s behind the master's
// or ahead of it, and up to 5 s of the gateway's: the history's places go on after those that the
// master gave.
func TestReplicasClocksApart(t *testing.T) {
	fault(t)
	set := misset(t)
	set(clocks[0])
	times, rate, viewers := sized(2, 10), sized(300, 500), sized(20, 100)
	s := &scene{T: t, ledger: chaos.NewLedger(alice)}
	clockOf := make(map[*redistest.Server]int)
	site := redistest.StartSentinelBehind(t, func(server *redistest.Server) int {
		clockOf[server] = clocks[len(clockOf)]
		set(append(clocks[:], 0)[len(clockOf)]) // of the next one; Sentinels have the right one
		return server.Port
	}, "--appendonly", "yes", "--appendfsync", "always")
	for server, want := range clockOf {
		if ahead := s.ahead(server); (ahead - time.Duration(want)*time.Second).Abs() > 2*time.Second {
			t.Fatalf("a clock is %v ahead, it is to be %d s", ahead, want)
		}
	}
	s.gateway = chaos.Serve(t, site.URL(), "--history-lines", fmt.Sprint(keepMuch.Lines), "--history-bytes", fmt.Sprint(keepMuch.Bytes))
	s.broker = openBroker(t, site.URL(), keepMuch.WithDefaults(loglane.DefaultHistoryTTL))
	s.watch(viewers)
	s.log(4, rate)
	var jumps []int
	for n := range times {
		pause(between(time.Second, 4*time.Second))
		before := site.Master()
		if n%2 == 0 {
			before.Kill()
		} else {
			site.BeginFailover()
		}
		master := site.AwaitMaster(before)
		s.crowd.Mark(time.Now())
		jumps = append(jumps, clockOf[master]-clockOf[before])
		if n%2 == 0 {
			set(clockOf[before])
			before.Restart()
		}
		site.AwaitWell()
	}
	pause(5 * time.Second)
	v := s.finish()
	tally := s.crowd.Tally()
	if v.Covered > 0 {
		t.Errorf("%d lines missing at %d gaps %v", v.Covered, v.Gaps, tally.Gaps)
	}
	if tally.Ended > viewers {
		t.Errorf("%d streams ended early", tally.Ended-viewers)
	}
	s.report("a master with its clock 5 s ahead, two replicas with theirs 5 s behind, one takes over, and so on",
		fmt.Sprintf("%d failovers, every second by kill -9 of the master, %d lines/s, %d viewers", times, rate, viewers), v,
		fmt.Sprintf("the master's clock went by %v s", jumps),
		"to the next line after Sentinels named the new master: "+chaos.Spread(s.crowd.Resumed()))
}

// ahead is how far a Redis' clock is ahead of this one.
func (s *scene) ahead(redis *redistest.Server) time.Duration {
	s.Helper()
	seconds, err := strconv.ParseInt(redis.MustDo("EVAL", "return redis.call('TIME')[1]", "0"), 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return time.Until(time.Unix(seconds, 0))
}
