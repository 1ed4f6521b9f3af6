package auth_test

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
	if left := leftGoroutines(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left after the tests:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines waits up to two seconds for all goroutines of this package's code to end
// and returns the stacks of those that did not.
func leftGoroutines() string {
	deadline := time.After(2 * time.Second)
	for {
		left := ownStacks()
		if left == "" {
			return ""
		}
		select {
		case <-deadline:
			return left
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func ownStacks() string {
	buffer := make([]byte, 1<<20)
	stacks := strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n")
	var own []string
	for _, stack := range stacks[1:] { // the first is this one
		if strings.Contains(stack, "loglane/internal/auth") {
			own = append(own, stack)
		}
	}
	return strings.Join(own, "\n\n")
}
