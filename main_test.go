package loglane_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if leaked := leftGoroutines(); code == 0 && leaked != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left over:\n\n%s\n", leaked)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines returns the stacks of goroutines that have not ended a while after the
// tests have.
func leftGoroutines() string {
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		leaked := strings.Join(foreignStacks(), "\n\n")
		if leaked == "" {
			return ""
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			return leaked
		}
	}
}

func foreignStacks() (stacks []string) {
	buf := make([]byte, 1<<20)
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "loglane_test.TestMain(") || strings.Contains(stack, "os/signal.") ||
			strings.Contains(stack, "internal/fuzz.") || !strings.Contains(stack, "\n") {
			continue
		}
		stacks = append(stacks, stack)
	}
	return stacks
}
