package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func TestContainerMemory(t *testing.T) {
	for text, want := range map[string]int{
		"536870912\n": 512 << 20, "max\n": 0, "9223372036854771712\n": 0, "": 0, "x": 0,
	} {
		name := filepath.Join(t.TempDir(), "memory.max")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := containerMemory([]string{name + ".none", name}); got != want {
			t.Errorf("%q is %d bytes, want %d", text, got, want)
		}
	}
}

// At 90 % nothing more is taken, at 95 % the newest streams end; below neither.
func TestMemoryIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var used, shed atomic.Int64
		used.Store(80)
		h := &headroom{limit: 100, read: func() float64 { return float64(used.Load()) }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- h.watch(ctx, func(n int) { shed.Add(int64(n)) }, func() int { return 1000 })
		}()
		for _, step := range []struct {
			used    int64
			crowded bool
			shed    int64
		}{{80, false, 0}, {91, true, 0}, {96, true, 20}, {50, false, 20}} {
			used.Store(step.used)
			time.Sleep(shedEvery)
			synctest.Wait()
			err := h.crowded()
			var status *loglane.StatusError
			if errors.As(err, &status) != step.crowded || shed.Load() != step.shed || step.crowded && (status.Code != 503 || status.Limit != "memory-limit") {
				t.Errorf("at %v %%: %v, %d streams are shed", step.used, err, shed.Load())
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := (&headroom{read: func() float64 { return 1e18 }}).crowded(); err != nil {
			t.Errorf("without a limit: %v", err)
		}
	})
}

func TestMemoryUsedIsPlausible(t *testing.T) {
	if used := memoryUsed(); used < 1<<20 || used > 1<<34 {
		t.Errorf("%v bytes are used", used)
	}
}
