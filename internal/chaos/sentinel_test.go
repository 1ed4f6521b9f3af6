package chaos_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
)

const (
	replicaLag = 2 * time.Second
	// lookBack is how much of a history is looked at after a failover: more than is lost.
	lookBack = 8 * time.Second
	// probed is how many of the lost places of a failover are come back to, and controls how
	// many of those before them.
	probed, controls = 100, 20
)

// A sentinelScene is a scene with two gateways, whose Redis is watched by Sentinels and has
// replicas that are behind.
type sentinelScene struct {
	*scene
	site      *redistest.Sentinel
	fronts    map[*redistest.Server]*chaos.Proxy
	gateways  [2]*chaos.Program
	door      *chaos.Proxy // of the viewers that are cut
	staying   chaos.Crowd
	rate      int
	failovers []chaos.Failover
	lost      []int // acknowledged lines that a new master had not
	spans     []time.Duration
	again     int // of these, found stored again
	rewritten int // places of theirs that were answered so
	asked     int
	standing  int // places before them that still stood
}

// playSentinels starts them all, with a proxy before each server that keeps data: Sentinels,
// replicas and clients know only that.
func playSentinels(t *testing.T, rate int) *sentinelScene {
	t.Helper()
	fault(t)
	s := &sentinelScene{scene: &scene{T: t, ledger: chaos.NewLedger(alice)}, fronts: make(map[*redistest.Server]*chaos.Proxy), rate: rate}
	s.site = redistest.StartSentinelBehind(t, func(server *redistest.Server) int {
		front := chaos.NewProxy(t, net.JoinHostPort("127.0.0.1", server.PortText()), chaos.Faults{ReplicaLag: replicaLag})
		s.fronts[server] = front
		_, port, err := net.SplitHostPort(front.Addr)
		number, err2 := strconv.Atoi(port)
		if err != nil || err2 != nil {
			t.Fatalf("%s: %v, %v", front.Addr, err, err2)
		}
		return number
	})
	keep := loglane.Retention{Lines: 20_000, Bytes: 64 << 20}.WithDefaults(loglane.DefaultHistoryTTL)
	kept := []string{"--history-lines", fmt.Sprint(keep.Lines), "--history-bytes", fmt.Sprint(keep.Bytes)}
	s.gateway = chaos.Serve(t, s.site.URL(), kept...)
	s.gateways = [2]*chaos.Program{s.gateway, s.gateway.Beside(s.site.URL(), kept...)}
	s.door = chaos.NewProxy(t, s.gateways[1].Addr, chaos.Faults{})
	s.broker = openBroker(t, s.site.URL(), keep)
	return s
}

// watchAll lets viewers watch through both gateways; a tenth of them is cut at each failover,
// and comes back with cursors.
func (s *sentinelScene) watchAll(viewers int) {
	s.Helper()
	cut := viewers / 10
	one := (viewers - cut) / 2
	s.crowd = chaos.Gather(s.Context(), one, s.gateways[0].Stream(), s.gateway.Header, nil)
	s.Cleanup(s.crowd.Leave)
	s.crowd.Join(s.Context(), viewers-cut-one, s.gateways[1].Stream(), s.gateway.Header, nil)
	s.staying.Viewers = s.crowd.Viewers[:len(s.crowd.Viewers):len(s.crowd.Viewers)]
	s.crowd.Join(s.Context(), cut, "http://"+s.door.Addr+"/api/v1/stream", s.gateway.Header, nil)
	if err := s.crowd.Opened(30 * time.Second); err != nil {
		s.Fatal(err)
	}
}

// A fall is a way in which a master goes, and how it comes back, to be made a replica.
type fall struct {
	name       string
	fall, back func(*sentinelScene, *redistest.Server)
}

// manual is the one in which the old master goes on for a while.
const manual = "SENTINEL FAILOVER"

var falls = []fall{
	{manual, func(s *sentinelScene, _ *redistest.Server) { s.site.BeginFailover() }, func(*sentinelScene, *redistest.Server) {}},
	{"kill -9", func(_ *sentinelScene, m *redistest.Server) { m.Kill() }, func(_ *sentinelScene, m *redistest.Server) { m.Restart() }},
	{"cut off", func(s *sentinelScene, m *redistest.Server) { s.fronts[m].BlackHole(true) }, func(s *sentinelScene, m *redistest.Server) { s.fronts[m].BlackHole(false) }},
	{"kill -9", func(_ *sentinelScene, m *redistest.Server) { m.Kill() }, func(_ *sentinelScene, m *redistest.Server) { m.Restart() }},
}

// failOver lets the master go, and looks at what became of the history. After the last one
// nobody waits for the old master, which was killed and misleads no gateway.
func (s *sentinelScene) failOver(f fall, last bool) {
	s.Helper()
	before := s.site.Master()
	page, err := s.broker.Read(s.Context(), alice, loglane.Last(s.rate*int(lookBack/time.Second)), 1<<20)
	if err != nil || len(page.Entries) == 0 {
		s.Fatalf("%d lines before a failover, %v", len(page.Entries), err)
	}
	fell := time.Now()
	f.fall(s, before)
	s.door.CutAll()
	s.site.AwaitMaster(before)
	named := time.Now()
	s.door.CutAll()
	f.back(s, before)
	if !last {
		s.site.AwaitWell()
	}
	acked := make(map[loglane.Src]bool)
	for _, src := range s.ledger.AckedSince(fell.Add(-2*lookBack), named) {
		acked[src] = true
	}
	s.compare(f.name, page.Entries, acked, fell, named)
}

// compare finds what the new master had not, and waits until all of it is stored again.
func (s *sentinelScene) compare(name string, old []loglane.Entry, acked map[loglane.Src]bool, fell, named time.Time) {
	s.Helper()
	var gone, still []loglane.Entry
	failover := chaos.Failover{Named: named}
	missing := len(old)
	for deadline := time.Now().Add(15 * time.Second); missing > 0 && time.Now().Before(deadline); pause(200 * time.Millisecond) {
		now, err := s.from(old[0])
		if err != nil {
			s.Logf("%s: %v", name, err)
			continue
		}
		kept, stored := make(map[chaos.Place]bool), make(map[loglane.Src]int)
		for _, entry := range now {
			kept[placeOf(entry)] = true
			stored[entry.Cursor.Src]++
		}
		gone, still, missing = nil, nil, 0
		for _, entry := range old {
			is := acked[entry.Cursor.Src]
			switch {
			case kept[placeOf(entry)]:
				still = append(still, entry)
			case is:
				gone = append(gone, entry)
			}
			if is && stored[entry.Cursor.Src] == 0 {
				missing++
			}
		}
		failover.Kept = slices.Collect(maps.Keys(kept))
		for src, n := range stored {
			if n > 1 {
				s.Errorf("%s: the line with the src %v is stored %d times", name, src, n)
			}
		}
	}
	if len(gone) == 0 || len(still) == 0 {
		s.Fatalf("%s: of %d lines before it %d were lost: this is no failover to a replica that is behind", name, len(old), len(gone))
	}
	for _, entry := range gone {
		failover.Lost = append(failover.Lost, placeOf(entry))
	}
	span := fell.Sub(gone[0].Cursor.ID.Time()).Round(time.Millisecond)
	s.Logf("%s: %d acknowledged lines of the last %v were not at the new master, known after %v; %d were not sent again",
		name, len(gone), span, named.Sub(fell).Round(time.Millisecond), missing)
	s.failovers, s.lost, s.spans = append(s.failovers, failover), append(s.lost, len(gone)), append(s.spans, span)
	s.again += len(gone) - missing
	for _, gateway := range s.gateways {
		if _, err := gateway.AwaitReady(http.StatusOK, 10*time.Second); err != nil {
			s.Fatal(err)
		}
	}
	s.probe(name, gone, still)
}

func placeOf(entry loglane.Entry) chaos.Place {
	return chaos.Place{ID: entry.Cursor.ID, Src: entry.Cursor.Src}
}

// from returns what the history has from an entry on.
func (s *sentinelScene) from(entry loglane.Entry) ([]loglane.Entry, error) {
	all := []loglane.Entry{entry}
	for {
		page, err := s.broker.Read(s.Context(), alice, loglane.After(all[len(all)-1].Cursor), 1000)
		if err != nil || page.Status != loglane.OK {
			return nil, fmt.Errorf("reading after %v: status %v, %v", all[len(all)-1].Cursor, page.Status, err)
		}
		if all = append(all, page.Entries...); !page.More {
			return all, nil
		}
	}
}

// probe comes back at places that were lost, and at some that were not.
func (s *sentinelScene) probe(name string, gone, still []loglane.Entry) {
	s.Helper()
	var working sync.WaitGroup
	var mu sync.Mutex
	turns := make(chan struct{}, 4)
	ask := func(entry loglane.Entry, n int, want string, right *int) {
		turns <- struct{}{}
		working.Go(func() {
			defer func() { <-turns }()
			ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
			defer cancel()
			got, err := resume(ctx, s.gateways[n%2].Stream(), s.gateway.Header, entry.Cursor.String())
			mu.Lock()
			defer mu.Unlock()
			if err != nil || got.reason != want {
				s.Errorf("%s: back at %v: the gap %q, %v, want %q", name, entry.Cursor, got.reason, err, want)
				return
			}
			*right++
		})
	}
	n := min(probed, len(gone))
	s.asked += n
	for i := range n {
		ask(gone[i*len(gone)/n], i, "rewritten", &s.rewritten)
	}
	for i := range min(controls, len(still)) {
		ask(still[len(still)-1-i], i, "", &s.standing)
	}
	working.Wait()
}

// TestSentinelFailover lets Sentinels promote a replica that is 2 s behind, so that what was
// acknowledged is really lost, again and again.
func TestSentinelFailover(t *testing.T) {
	times, rate, viewers := sized(2, 20), sized(200, 500), sized(20, 100)
	s := playSentinels(t, rate)
	s.watchAll(viewers)
	s.log(8, rate)
	pause(replicaLag)
	for n := range times {
		pause(replicaLag + between(0, time.Second))
		s.failOver(falls[n%len(falls)], n == times-1)
	}
	pause(2 * time.Second)
	opened := (&chaos.Crowd{Viewers: s.crowd.Viewers[len(s.staying.Viewers):]}).Tally().Opened
	ended := s.staying.Tally().Ended
	v := s.finish()
	account, tally := s.crowd.Audit(s.failovers), s.crowd.Tally()
	stayed, told := s.staying.Audit(s.failovers), s.staying.Tally()
	lost, least, kinds := 0, s.lost[0], make(map[string]int)
	for i, n := range s.lost {
		lost, least = lost+n, min(least, n)
		kind := falls[i%len(falls)].name
		kinds[kind]++
		if kind != manual && s.spans[i] < replicaLag*9/10 {
			t.Errorf("%s %d: only %v were lost", kind, i, s.spans[i])
		}
	}
	if s.again != lost || v.Covered > 0 {
		t.Errorf("of %d acknowledged lines that were lost %d were stored again, %d were not shown", lost, s.again, v.Covered)
	}
	if account.Silent > 0 || account.Told != account.Owed || account.Owed < times*viewers*9/10 || len(account.Resumed) != account.Told {
		t.Errorf("%d times a viewer had lines of a place that was lost, %d were told, %d were not, %d went on", account.Owed, account.Told, account.Silent, len(account.Resumed))
	}
	// Who comes back at such a place, or was behind there, is sent all that is kept, and its oldest
	// lines, which it had, may be trimmed away meanwhile.
	if told.Gaps[chaos.Rewritten] == 0 || tally.Gaps[chaos.Rewritten]+tally.Gaps[chaos.Trimmed] != v.Gaps {
		t.Errorf("gaps for other reasons: %v, and of those who stayed %v", tally.Gaps, told.Gaps)
	}
	if s.rewritten != s.asked || ended > 0 {
		t.Errorf("%d of %d lost places were called rewritten; %d streams ended that nobody cut", s.rewritten, s.asked, ended)
	}
	s.report("Sentinel failover to a replica 2 s behind",
		fmt.Sprintf("%d failovers (%d by kill -9 of the master, %d with it cut off, %d by %s), %d lines/s, %d viewers, 2 gateways",
			times, kinds["kill -9"], kinds["cut off"], kinds[manual], manual, rate, viewers), v,
		fmt.Sprintf("%d acknowledged lines really lost by Redis, at least %d a failover, %d sent again", lost, least, s.again),
		fmt.Sprintf("%d lines that came again dropped by src", tally.Dropped),
		fmt.Sprintf("%d of %d viewers' rewritten cursors reported, %d of %d asked for, and %d that stood let be", account.Told, account.Owed, s.rewritten, s.asked, s.standing),
		fmt.Sprintf("%d streams ended beside those that were cut, which came again %d times", ended, opened-(viewers-len(s.staying.Viewers))),
		fmt.Sprintf("%d of the gaps for oldest lines trimmed while they were sent again", tally.Gaps[chaos.Trimmed]),
		"new lines of those not cut after Sentinels named the new master: "+chaos.Spread(stayed.Resumed))
}
