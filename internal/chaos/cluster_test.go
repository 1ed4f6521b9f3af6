package chaos_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
)

// used are all slots in use, each with a name in it: of every key there is, and of what is
// only subscribed.
func (s *clustered) used() map[int]string {
	s.Helper()
	slots := map[int]string{s.site.Slot("ll:control"): "ll:control"}
	for _, w := range s.watched {
		slots[s.site.Slot(w.channel)] = w.channel
	}
	for addr, node := range s.others.Nodes() {
		keys, err := node.Do(s.Context(), node.B().Keys().Pattern("*").Build()).AsStrSlice()
		if err != nil {
			s.Fatalf("KEYS at %s: %v", addr, err)
		}
		for _, key := range keys {
			slots[s.site.Slot(key)] = key
		}
	}
	return slots
}

// migrate moves a slot key by key, and holds its move open once they have moved, as where a
// slot has a great many of others.
func (s *clustered) migrate(slot int, from, to *redistest.Server, hold time.Duration) error {
	if err := s.site.BeginMove(slot, from, to); err != nil {
		return err
	}
	pause(stepTime)
	for {
		keys, err := s.site.KeysIn(slot, from)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			break
		}
		if err := s.site.MoveKeys(from, to, keys[0]); err != nil {
			return err
		}
		pause(stepTime)
	}
	pause(hold)
	return s.site.EndMove(slot, from, to)
}

const (
	stepTime = 10 * time.Millisecond
	// heldOpen is longer than lines may take, so that who hears them only once the slot has
	// moved is found out.
	heldOpen = 3 * time.Second
	// heldEvery says of how many channels one has its slot's move held open.
	heldEvery = 6
)

// healedWithin is within what a channel must be live again.
const healedWithin = 2 * time.Second

// TestEverySlotMigrated moves every slot that is used to another master, under load.
func TestEverySlotMigrated(t *testing.T) {
	users, rate := sized(8, 40), 10
	s := playCluster(t, users)
	s.log(rate, 5)
	pause(2 * time.Second)
	slots := s.used()
	type span struct{ began, ended time.Time }
	spans := make(map[int]span)
	held := make(map[int]time.Duration)
	for i, w := range s.watched {
		if i%heldEvery == 2 { // of those that no other program writes to
			held[s.site.Slot(w.channel)] = heldOpen
		}
	}
	for _, slot := range slices.Sorted(maps.Keys(slots)) {
		from := s.site.Owner(slots[slot])
		masters := s.site.Masters()
		to := masters[rand.IntN(len(masters))]
		for to == from {
			to = masters[rand.IntN(len(masters))]
		}
		began := time.Now()
		if err := s.migrate(slot, from, to, held[slot]); err != nil {
			t.Fatal(err)
		}
		ended := time.Now()
		spans[slot] = span{began, ended}
		for _, w := range s.watched {
			if s.site.Slot(w.channel) == slot {
				for _, crowd := range w.crowds {
					crowd.Mark(ended)
				}
			}
		}
		pause(50 * time.Millisecond)
	}
	pause(2 * time.Second)
	v, ended := s.finish()
	var next, during []time.Duration
	for _, w := range s.watched {
		moved, known := spans[s.site.Slot(w.channel)]
		if !known {
			t.Errorf("%s has not moved", w.channel)
		}
		during = append(during, s.latencies(w, moved.began.Add(-100*time.Millisecond), moved.ended.Add(2*time.Second))...)
		for _, crowd := range w.crowds {
			next = append(next, crowd.Resumed()...)
		}
	}
	if want := len(s.watched) * len(s.gateways); len(next) != want {
		t.Errorf("%d of %d times a line came after a migration", len(next), want)
	}
	slices.Sort(next)
	slices.Sort(during)
	if slowest := chaos.Percentile(next, 100); slowest > healedWithin {
		t.Errorf("the next line came %v after a migration", slowest)
	}
	if slowest := chaos.Percentile(during, 100); slowest > healedWithin {
		t.Errorf("a line of a slot on its way took %v", slowest)
	}
	if v.Gaps > 0 {
		t.Errorf("%d gaps", v.Gaps)
	}
	s.report("Cluster: every used slot migrated under load", fmt.Sprintf("%d slots, %d of them held open for %v, %d users and global, %d lines/s, %d viewers", len(slots), len(held), heldOpen, users, users*rate, v.Viewers), v, ended,
		"the next line after a migration: "+chaos.Spread(next), "a line from its sending, during one and 2 s after: "+chaos.Spread(during))
}

// TestMasterOfClusterKilled kills a master under load; its replica takes over, and it comes
// back as a replica.
func TestMasterOfClusterKilled(t *testing.T) {
	kills, users, rate := sized(1, 6), sized(8, 30), 10
	s := playCluster(t, users, "--cluster-node-timeout", "1000")
	s.log(rate, 0)
	var away []time.Duration
	for i := range kills {
		pause(between(2*time.Second, 3*time.Second))
		key := s.watched[1+i%users].channel
		dead := s.site.Owner(key)
		dead.Kill()
		killed := time.Now()
		s.site.Owner(key)
		up := time.Now()
		away = append(away, up.Sub(killed))
		for crowd := range s.crowds {
			if crowd != s.signedIn {
				crowd.Mark(up)
			}
		}
		pause(3 * time.Second)
		dead.Restart()
		s.site.AwaitWell()
	}
	pause(sized(3*time.Second, 12*time.Second)) // the long one until all is settled that was acknowledged
	v, ended := s.finish()
	var next []time.Duration
	dropped := 0
	for _, w := range s.watched {
		for _, crowd := range w.crowds {
			next = append(next, crowd.Resumed()...)
			dropped += crowd.Tally().Dropped
		}
	}
	slices.Sort(next)
	if want := kills * len(s.watched) * len(s.gateways); len(next) != want {
		t.Errorf("%d of %d times a viewer was live again", len(next), want)
	}
	if slowest := chaos.Percentile(next, 100); slowest > healedWithin {
		t.Errorf("live lines came back %v after the new master answered", slowest)
	}
	s.report("Cluster: a master killed, its replica takes over", fmt.Sprintf("%d times, node timeout 1 s, %d users and global, %d lines/s, %d viewers", kills, users, users*rate, v.Viewers), v, ended,
		fmt.Sprintf("%d lines that came again dropped by src", dropped), "until the new master answers: "+chaos.Spread(sorted(away)),
		"the next line after that: "+chaos.Spread(next))
}
