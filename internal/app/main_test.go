package app_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails the run when a goroutine is left.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if left := leaked(5 * time.Second); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, "goroutines are left:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// leaked returns the stacks of goroutines that are not the test's own, once they have
// had time to end.
func leaked(patience time.Duration) string {
	deadline := time.After(patience)
	for {
		buffer := make([]byte, 1<<20)
		var ours []string
		for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
			if !strings.Contains(stack, "app_test.TestMain") && !strings.Contains(stack, "os/signal.") {
				ours = append(ours, stack)
			}
		}
		if len(ours) == 0 {
			return ""
		}
		select {
		case <-deadline:
			return strings.Join(ours, "\n\n")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
