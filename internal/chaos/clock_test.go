package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
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
			if ahead := s.ahead(); ahead < 4*time.Second {
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

// ahead is how far Redis' clock is ahead of this one.
func (s *scene) ahead() time.Duration {
	s.Helper()
	seconds, err := strconv.ParseInt(s.redis.MustDo("EVAL", "return redis.call('TIME')[1]", "0"), 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return time.Until(time.Unix(seconds, 0))
}
