// Package leaktest fails a package's tests when a goroutine is left that some test
// started:
//
//	func TestMain(m *testing.M) { leaktest.Main(m) }
package leaktest

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines may take to end after the last test.
const patience = 5 * time.Second

// Main runs the tests, then what puts away after all of them, and ends the process.
func Main(m *testing.M, after ...func()) {
	code := m.Run()
	for _, f := range after {
		f()
	}
	http.DefaultClient.CloseIdleConnections()
	if left := left(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left after the tests:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// left returns the stacks of goroutines that have not ended a while after the tests have.
func left() string {
	deadline := time.After(patience)
	for {
		stacks := strays()
		if len(stacks) == 0 {
			return ""
		}
		select {
		case <-deadline:
			return strings.Join(stacks, "\n\n")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// strays leaves out this goroutine and what the runtime, signals and fuzzing keep.
func strays() (stacks []string) {
	buffer := make([]byte, 1<<20)
	all := strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n")
	for _, stack := range all[1:] { // the first is this one
		if strings.Contains(stack, "os/signal.") || strings.Contains(stack, "internal/fuzz.") || !strings.Contains(stack, "\n") {
			continue
		}
		stacks = append(stacks, stack)
	}
	return stacks
}
