package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
)

// A tab is a page whose connections are cut once it is open.
type tab struct {
	*scene
	page    *chaos.Page
	proxy   *chaos.Proxy
	cutting atomic.Bool
	flushed []time.Time
}

// browse opens the page through a proxy that can cut each connection within some random
// bytes, or within 3 to 15 s.
func (s *scene) browse() *tab {
	s.Helper()
	b := &tab{scene: s}
	b.proxy = chaos.NewProxy(s, s.gateway.Addr, chaos.Faults{CutAfter: func() (int64, time.Duration) {
		if !b.cutting.Load() {
			return -1, time.Hour
		}
		return 500 + rand.Int64N(300<<10), between(3*time.Second, 15*time.Second)
	}})
	token := strings.TrimPrefix(s.gateway.Header.Get("Authorization"), "Bearer ")
	b.page = chaos.OpenPage(s, "../../web", "http://"+b.proxy.Addr+"/", token)
	b.page.Shows(0, 30*time.Second)
	return b
}

func (b *tab) cut(from bool) {
	b.cutting.Store(from)
	b.proxy.CutAll()
}

// killRedis is a crash of a Redis that writes each line down before it acknowledges it.
func (b *tab) killRedis() {
	b.redis.Kill()
	pause(between(50*time.Millisecond, time.Second))
	b.redis.Restart()
}

func (b *tab) flush() {
	b.flushed = append(b.flushed, time.Now())
	b.redis.MustDo("FLUSHDB")
}

const (
	surelySentAgain = 7 * time.Second // producers keep their lines for 10 s
	surelyShown     = 5 * time.Second // of a stream that is open
)

// excused says which lines a gap may stand for: those that FLUSHDB took after their producers
// had let them go, and while the page was not there to read them before.
func (b *tab) excused(look chaos.Look) func(loglane.Src) bool {
	ackedAt := b.ledger.AckedAt()
	return func(src loglane.Src) bool {
		at := ackedAt[src]
		return slices.ContainsFunc(b.flushed, func(flushed time.Time) bool {
			return flushed.Sub(at) > surelySentAgain && !slices.ContainsFunc(look.Visits, func(v chaos.Visit) bool {
				return v.Within(at, flushed) > surelyShown
			})
		})
	}
}

func (b *tab) restartGateway() {
	b.gateway.End()
	b.gateway.Start()
}

func (b *tab) killGateway() {
	b.gateway.Kill()
	b.gateway.Start()
}

// caughtUp waits until the page has shown some lines, and returns all that it has shown.
func (b *tab) caughtUp(lines []loglane.Src, within time.Duration) []chaos.Sight {
	b.Helper()
	for began := time.Now(); ; pause(time.Second) {
		b.page.Save()
		sights := b.page.Sights()
		missing := slices.DeleteFunc(slices.Clone(lines), func(src loglane.Src) bool {
			return slices.ContainsFunc(sights, func(s chaos.Sight) bool { return s.Src == src })
		})
		if len(missing) == 0 {
			return sights
		}
		if time.Since(began) > within {
			b.Errorf("the page has not shown the last lines after %v: %+v", within, b.page.Look())
			return sights
		}
	}
}

// TestPage lets Chromium watch through every fault there is, and judges the lines that the
// page then has for its user.
func TestPage(t *testing.T) {
	kills, losses, restarts, rate := sized(3, 20), sized(1, 5), sized(1, 5), sized(100, 200)
	s := play(t, keepMuch, nil, "--appendonly", "yes", "--appendfsync", "always")
	b := s.browse()
	s.log(4, rate)
	b.page.Shows(1, 30*time.Second) // before its first line a page has no place that could be lost
	b.cut(true)
	faults := slices.Concat(
		slices.Repeat([]func(){b.killRedis}, kills),
		slices.Repeat([]func(){b.rollBack, b.flush}, losses),
		slices.Repeat([]func(){b.restartGateway, b.killGateway}, restarts),
	)
	rand.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for i, fault := range faults {
		pause(between(2*time.Second, 5*time.Second))
		fault()
		if i%5 == 4 { // before the page lets lines go
			b.page.Save()
		}
	}
	pause(3 * time.Second)
	b.cut(false) // who is cut so often waits ever longer: up to 30 s
	s.stop()
	s.logging.Wait()
	if s.failed != nil {
		t.Errorf("logging: %v", s.failed)
	}
	sights := b.caughtUp(s.ledger.Last(), time.Minute)
	look := b.page.Look()
	checker := chaos.NewChecker(s.ledger.Published())
	checker.Excused = b.excused(look)
	v := checker.Check(slices.Values(sights), true)
	if v.Wrong() {
		t.Errorf("%v\n%s\nvisits: %+v\nflushed: %v", v, strings.Join(v.Examples, "\n"), look.Visits, b.flushed)
	}
	if look.Lines != v.Lines || len(look.Complaints) > 0 {
		t.Errorf("the page counts %d lines and has %d; errors: %q", look.Lines, v.Lines, look.Complaints)
	}
	told := slices.ContainsFunc(sights, func(s chaos.Sight) bool { return s.Kind == chaos.Gap && s.Reason == chaos.Epoch })
	if v.Gaps > 2*losses || !told {
		t.Errorf("%d gaps, of %d losses; of FLUSHDB the page was told: %t; visits: %+v", v.Gaps, 2*losses, told, look.Visits)
	}
	if b.proxy.Cut() == 0 {
		t.Error("no connection was cut within its bytes")
	}
	s.report("all of these at once, the viewer is the page in Chromium",
		fmt.Sprintf("%d kill -9 of Redis (AOF always), %d rollbacks, %d FLUSHDB, %d restarts and %d kill -9 of the gateway, connections cut after 3–15 s or at random bytes, %d lines/s", kills, losses, losses, restarts, restarts, rate), v,
		fmt.Sprintf("%d connections, %d cut in the middle of their bytes", b.proxy.Accepted(), b.proxy.Cut()))
}
