package chaos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const attackOrder = "LOGLANE_ATTACK"

// unleash runs a test of this program that is an attack, see ordered, in a process of its own,
// so that it takes nothing from the viewers whose lines are timed, and returns once it is over.
func unleash[Order, Outcome any](t *testing.T, attack string, order Order) (out Outcome) {
	t.Helper()
	text, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+attack+"$", "-test.v", "-test.timeout=30m")
	cmd.Env = append(os.Environ(), attackOrder+"="+string(text))
	// Those who attack have machines of their own: here they only get what is left of this one.
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Start()
	if err == nil {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, 19) // where that is not allowed, it goes on as it is
		err = cmd.Wait()
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", attack, err, &said)
	}
	t.Logf("%s took %v of the processor", attack, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	_, answer, _ := strings.Cut(said.String(), "\noutcome ")
	answer, _, _ = strings.Cut(answer, "\n")
	if err := json.Unmarshal([]byte(answer), &out); err != nil {
		t.Fatalf("%s: %v\n%s", attack, err, &said)
	}
	return out
}

// ordered is what unleash has started a test for; one that nobody has is skipped.
func ordered[Order any](t *testing.T) (order Order) {
	t.Helper()
	text := os.Getenv(attackOrder)
	if text == "" {
		t.Skip("an attack, which other tests start")
	}
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		t.Fatal(err)
	}
	return order
}

// tell answers unleash.
func tell(t *testing.T, outcome any) {
	t.Helper()
	text, err := json.Marshal(outcome)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\noutcome %s\n", text)
}
