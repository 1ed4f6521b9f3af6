package chaos

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// A Table has what faults were tried and what came of it.
type Table struct {
	mu   sync.Mutex
	rows []string
}

// Add adds a row: the fault, what was run, and what was found.
func (t *Table) Add(fault, run, found string, kept bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	verdict := "kept"
	if !kept {
		verdict = "**missed**"
	}
	t.rows = append(t.rows, fmt.Sprintf("| %s | %s | %s | %s |", fault, run, found, verdict))
}

// Write writes the table as Markdown.
func (t *Table) Write(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "| fault | run | found | promise |\n|---|---|---|---|\n%s\n", strings.Join(t.rows, "\n"))
	return err
}

// Spread writes times as their percentiles.
func Spread(times []time.Duration) string {
	return fmt.Sprintf("p50 %s, p99 %s, max %s", round(Percentile(times, 50)), round(Percentile(times, 99)), round(Percentile(times, 100)))
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Microsecond)
}
