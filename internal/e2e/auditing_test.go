package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestAuditOverTheProgram lets an admin watch alice on one of two gateways, while her page is
// on the other: she is told, and the file has who it was, through a rotation by SIGHUP.
func TestAuditOverTheProgram(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	s := newSite(t, 2, "--audit-log", file, "--audit-required", "--show-watchers")
	alice := newViewer(s.url(1) + "api/v1/stream")
	alice.header.Set("Authorization", "Bearer "+s.reads("alice"))
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { alice.watch(ctx) })
	defer watching.Wait()
	defer cancel()
	alice.awaitCursor(t, "0-0", 10*time.Second)

	root := newBrowser(t)
	if answer := enter(t, root, s.url(0), "root"); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("signing in: %s", answer.Status)
	}
	told := func(want string) {
		t.Helper()
		alice.await(t, want, 10*time.Second, func(events []shown) bool {
			last := ""
			for _, e := range events {
				if e.event == "watch" {
					last = e.data
				}
			}
			return last == want
		})
	}
	for round := range 2 {
		r, leave := read(t, root, s.url(0)+"api/v1/stream?user=alice")
		if r.answer.StatusCode != http.StatusOK {
			t.Fatalf("the admin: %s", r.answer.Status)
		}
		told(`{"watchers":1}`)
		leave()
		told(`{"watchers":0}`)
		if round > 0 {
			break
		}
		if err := os.Rename(file, file+".1"); err != nil {
			t.Fatal(err)
		}
		for _, gateway := range s.gateways {
			if err := gateway.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			for begun := time.Now(); !strings.Contains(gateway.output.String(), "opened again"); <-time.After(10 * time.Millisecond) {
				if time.Since(begun) > 10*time.Second {
					t.Fatal("the gateway does not say that it opens the log again")
				}
			}
		}
	}
	for path, want := range map[string]string{file + ".1": "sign-in allowed, stream allowed, stream ended", file: "stream allowed, stream ended"} {
		var all []string
		deadline := time.Now().Add(10 * time.Second)
		for {
			all = nil
			text, err := os.ReadFile(path)
			if err != nil && time.Now().After(deadline) {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				var e struct{ Action, Outcome, Who, Channel string }
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				if e.Action == "enter" {
					continue // a token that a gateway did not know yet
				}
				if e.Who != "root" || e.Action == "stream" && e.Channel != "logs:User.alice" {
					t.Errorf("a line is %s", line)
				}
				all = append(all, e.Action+" "+e.Outcome)
			}
			if strings.Join(all, ", ") == want {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s has %v, want %s", path, all, want)
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	for _, gateway := range s.gateways {
		if log := gateway.output.String(); strings.Contains(log, "msg=audit") {
			t.Errorf("the gateway's own log has the audit as well:\n%s", log)
		}
	}
}
