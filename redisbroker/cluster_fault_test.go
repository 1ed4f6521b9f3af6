package redisbroker_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// A slot is moved there and back under load: nothing is lost or stored twice, and the
// follower is told of what it may have missed.
func TestASlotIsMigratedUnderLoad(t *testing.T) {
	site := redistest.StartCluster(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	events := followed(t, b)
	stored(t, b, 1)
	owner, slot := site.Owner(alice), site.Slot(alice)
	other := site.Nodes[0]
	if other == owner {
		other = site.Nodes[1]
	}
	var writing sync.WaitGroup
	done := make(chan struct{})
	k := uint64(1)
	writing.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			k++
			stored(t, b, k)
		}
	})
	for _, way := range [][2]*redistest.Server{{owner, other}, {other, owner}} {
		for len(events) > 0 { // what came before is no answer to this
			<-events
		}
		began := time.Now()
		if err := site.MigrateSlot(slot, way[0], way[1]); err != nil {
			t.Error(err)
			break
		}
		awaitEvent(t, events, loglane.Broken, 10*time.Second)
		awaitEvent(t, events, loglane.Confirmed, 10*time.Second)
		awaitEvent(t, events, loglane.Lines, 10*time.Second)
		t.Logf("live again %v after the slot began to move", time.Since(began))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("live lines came back %v after the slot began to move", took)
		}
	}
	close(done)
	writing.Wait()
	checkNumbers(t, b, k)
}

// checkNumbers holds the history to the producer's lines, each once and in order.
func checkNumbers(t *testing.T, b *redisbroker.Broker, last uint64) {
	t.Helper()
	entries := readAll(t, b).Entries
	if len(entries) == 0 || entries[len(entries)-1].Cursor.N != last {
		t.Fatalf("%d entries for %d lines", len(entries), last)
	}
	for i := 1; i < len(entries); i++ {
		if entries[i].Prev != entries[i-1].Cursor.ID || entries[i].Cursor.N != entries[i-1].Cursor.N+1 {
			t.Fatalf("%+v after %+v", entries[i], entries[i-1])
		}
	}
}

// A master is killed: its replica takes over, and so do publisher and follower.
func TestAMasterOfAClusterIsKilled(t *testing.T) {
	site := redistest.StartCluster(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	events := followed(t, b)
	stored(t, b, 1)
	site.Failover(site.Owner(alice))
	began := time.Now()
	stored(t, b, 2)
	awaitEvent(t, events, loglane.Confirmed, 10*time.Second)
	took := time.Since(began)
	t.Logf("live again %v after the cluster was well", took)
	if took > 3*time.Second {
		t.Errorf("live lines came back %v after the cluster was well", took)
	}
	stored(t, b, 3)
	awaitEvent(t, events, loglane.Lines, 5*time.Second)
	if err := b.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// inStep says whether a master's replica has acknowledged all that the master has written.
func inStep(replication string) bool {
	_, offset, _ := strings.Cut(replication, "master_repl_offset:")
	offset, _, _ = strings.Cut(offset, "\r")
	return strings.Contains(replication, "offset="+offset+",")
}

// An append that begins while a slot has no master is done as soon as it has one: who calls
// is not told of what a few seconds mend.
func TestAnAppendOutlastsAFailover(t *testing.T) {
	site := redistest.StartCluster(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	stored(t, b, 1)
	// The replica is to have what was stored: this is about the append that comes next.
	owner, deadline := site.Owner(alice), time.Now().Add(5*time.Second)
	for !inStep(owner.MustDo("INFO", "replication")) {
		if time.Now().After(deadline) {
			t.Fatal("the replica is not in step")
		}
	}
	owner.Kill()
	type outcome struct {
		err error
		at  time.Time
	}
	done := make(chan outcome, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := b.Append(ctx, alice, loglane.Batch{Producer: "p", Lines: lines(2, 2)})
		done <- outcome{err, time.Now()}
	}()
	site.Owner(alice)
	up := time.Now()
	end := <-done
	if end.err != nil {
		t.Fatalf("Append: %v", end.err)
	}
	t.Logf("stored %v after the new master answered", end.at.Sub(up))
	if took := end.at.Sub(up); took > 2*time.Second {
		t.Errorf("it was stored %v after the new master answered", took)
	}
	checkNumbers(t, b, 2)
}
