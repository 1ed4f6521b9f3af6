package chaos_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	bodiesMemory = 64 << 20 // --ingest-memory
	// The collector may let the heap grow to twice of what is held; as much again is for the
	// batches that are on their way to Redis, and for the pages that the system has not taken
	// back.
	bodiesGrowth = 3 * bodiesMemory
)

// TestBodies sends 24 honest bodies of 8 MiB at once, each with a token of its own: all are
// stored, and the gateway grows by no more than follows from --ingest-memory.
func TestBodies(t *testing.T) {
	const bodies, lines = 24, 8 << 10
	s := stage(t, "--ingest-memory", fmt.Sprint(bodiesMemory))
	var senders []*sender
	for range bodies {
		senders = append(senders, newSender(s.gateway.Base, s.gateway.Writer("*")))
	}
	body := strings.Repeat(strings.Repeat("x", 1023)+"\n", lines)
	pause(2 * time.Second) // until the gateway has read the tokens
	idle := s.resident()
	began := time.Now()
	var sending sync.WaitGroup
	for i, sender := range senders {
		sending.Go(func() {
			for {
				code, accepted, wait, limit, err := sender.post(t.Context(), fmt.Sprint("?channel=body", i), "text/plain", strings.NewReader(body))
				switch {
				case err != nil:
					t.Errorf("body %d: %v", i, err)
					return
				case code == http.StatusOK:
					if accepted != lines {
						t.Errorf("of body %d %d lines are taken", i, accepted)
					}
					return
				case limit != "ingest-memory" && limit != "max-ingest-requests":
					t.Errorf("body %d: %d %s", i, code, limit)
					return
				}
				pause(max(wait, 100*time.Millisecond))
			}
		})
	}
	sending.Wait()
	took, most := time.Since(began), s.mostResident()
	if most-idle > bodiesGrowth {
		t.Errorf("the gateway grows from %d MiB to %d MiB", idle>>20, most>>20)
	}
	found := fmt.Sprintf("from %d to at most %d MiB resident; all stored after %v", idle>>20, most>>20, took.Round(100*time.Millisecond))
	table.Add("bodies at once", fmt.Sprintf("%d of 8 MiB, --ingest-memory %d MiB", bodies, bodiesMemory>>20), found, !t.Failed())
	t.Log(found)
}
