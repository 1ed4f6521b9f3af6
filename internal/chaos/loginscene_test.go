package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/redisbroker"
)

const (
	endWithin  = time.Second      // of what ended a login
	netWithin  = 30 * time.Second // where no notice comes
	loginsRate = 4                // lines/s to each user
)

// A login is a session or an API token, and the viewers that came with it.
type login struct {
	of      *person
	header  http.Header
	viewers []*chaos.Viewer
	at      map[*chaos.Viewer]int // gateways
}

// on are the viewers at some gateways.
func (l *login) on(gateways ...int) (some []*chaos.Viewer) {
	for _, v := range l.viewers {
		if slices.Contains(gateways, l.at[v]) {
			some = append(some, v)
		}
	}
	return some
}

// A person has two sessions and an API token, and programs log for each.
type person struct {
	name         string
	first, other login // sessions
	token        login
	tokenID      string
	ledger       *chaos.Ledger
	crowd        chaos.Crowd
}

func (p *person) logins() []*login { return []*login{&p.first, &p.other, &p.token} }

// A loginScene is three gateways that share an auth file and a Redis, and people whose
// streams are spread over the three.
type loginScene struct {
	*testing.T
	gateways []*chaos.Program
	accounts *chaos.Accounts
	people   map[string]*person
	names    []string
	broker   *redisbroker.Broker
	each     int // streams of a login at one gateway
	stop     context.CancelFunc
	logging  sync.WaitGroup
	mu       sync.Mutex
	failed   error
}

// gather signs everybody in; expiring is whose token ends soon, after how long.
func (s *loginScene) gather(expiring string, after time.Duration) (ends time.Time) {
	s.Helper()
	s.people = make(map[string]*person)
	for _, name := range s.names {
		s.accounts.Add(name)
		s.people[name] = &person{name: name, ledger: chaos.NewLedger("logs:User." + name)}
	}
	for _, name := range s.names {
		p := s.people[name]
		p.first.header, p.other.header = s.signIn(0, name), s.signIn(1, name)
		var more []string
		if name == expiring {
			ends = time.Now().Add(after).Truncate(time.Second)
			more = []string{"--expires", ends.UTC().Format(time.RFC3339)}
		}
		p.tokenID, p.token.header = s.accounts.Token(name, more...)
	}
	return ends
}

// signIn waits until the gateway knows who was just added.
func (s *loginScene) signIn(gateway int, name string) http.Header {
	s.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; pause(200 * time.Millisecond) {
		header, err := s.gateways[gateway].SignInAs(name)
		if err == nil {
			return header
		}
		if time.Now().After(deadline) {
			s.Fatal(err)
		}
	}
}

// watch opens the streams of everybody, and lets programs log until the end.
func (s *loginScene) watch() {
	s.Helper()
	s.settle()
	for _, name := range s.names {
		p := s.people[name]
		for _, l := range p.logins() {
			l.of, l.at = p, make(map[*chaos.Viewer]int)
			for i, g := range s.gateways {
				for _, v := range p.crowd.Join(s.Context(), s.each, g.Stream(), l.header, nil) {
					l.viewers, l.at[v] = append(l.viewers, v), i
				}
			}
		}
		s.Cleanup(p.crowd.Leave)
		if err := p.crowd.Opened(60 * time.Second); err != nil {
			s.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(s.Context())
	s.stop = cancel
	for _, name := range s.names {
		load := chaos.Load{User: name, Producers: 1, Rate: loginsRate}
		s.logging.Go(func() {
			err := load.Run(ctx, s.people[name].ledger.Through(s.broker))
			s.mu.Lock()
			defer s.mu.Unlock()
			if err != nil {
				s.failed = err
			}
		})
	}
	s.Cleanup(func() { cancel(); s.logging.Wait() })
	pause(2 * time.Second)
}

// settle waits until every gateway knows every token.
func (s *loginScene) settle() {
	s.Helper()
	for _, name := range s.names {
		for _, g := range s.gateways {
			for deadline := time.Now().Add(10 * time.Second); ; pause(50 * time.Millisecond) {
				code, err := g.GetAs(s.people[name].token.header, "api/v1/me")
				if code == http.StatusOK {
					break
				}
				if time.Now().After(deadline) {
					s.Fatalf("%s's token: %d, %v", name, code, err)
				}
			}
		}
	}
}

// streams is how many are open at the start.
func (s *loginScene) streams() int { return len(s.names) * 3 * len(s.gateways) * s.each }

// An ending is what some logins' end came to.
type ending struct {
	what    string
	viewers []*chaos.Viewer
	limit   time.Time       // after it no line may come
	closed  []time.Duration // after it was acknowledged
}

func (e ending) String() string { return "closed after " + chaos.Spread(e.closed) }

// ended waits until viewers' streams have ended, and their next tries were refused.
func (s *loginScene) ended(what string, viewers []*chaos.Viewer, at time.Time, within time.Duration, reason string) ending {
	s.Helper()
	e := s.closed(what, viewers, at, within, reason)
	s.refused(e, 10*time.Second)
	return e
}

// closed waits until viewers' streams have ended, and judges how: within a time after at, by
// the gateway with an auth event before, and nothing after that.
func (s *loginScene) closed(what string, viewers []*chaos.Viewer, at time.Time, within time.Duration, reason string) ending {
	s.Helper()
	e := ending{what: what, viewers: viewers, limit: at.Add(within)}
	wrong := make(map[string]int)
	for _, v := range viewers {
		finishes, _ := v.Finishes()
		for ; len(finishes) == 0 && time.Since(e.limit) < 5*time.Second; finishes, _ = v.Finishes() {
			pause(10 * time.Millisecond)
		}
		if len(finishes) != 1 {
			wrong[fmt.Sprintf("%d streams have ended", len(finishes))]++
			continue
		}
		f := finishes[0]
		if f.Reason != `{"reason":"`+reason+`"}` || !f.Clean || f.After > 0 {
			wrong[fmt.Sprintf("auth event %q, a clean end: %v, %d events after it", f.Reason, f.Clean, f.After)]++
		}
		after := max(f.At.Sub(at), 0)
		if after > within {
			wrong[fmt.Sprintf("closed later than after %v", within)]++
		}
		e.closed = append(e.closed, after)
	}
	e.closed = sorted(e.closed)
	s.blame(e, wrong)
	s.Logf("%s: %d streams %v", what, len(viewers), e)
	return e
}

// refused waits until viewers were answered 401, and looks for lines after the end.
func (s *loginScene) refused(e ending, within time.Duration) {
	s.Helper()
	wrong := make(map[string]int)
	deadline := time.Now().Add(within)
	for _, v := range e.viewers {
		_, refused := v.Finishes()
		for ; refused.IsZero() && time.Now().Before(deadline); _, refused = v.Finishes() {
			pause(10 * time.Millisecond)
		}
		if refused.IsZero() {
			wrong["not refused at the next try"]++
		} else if late := v.LinesSince(e.limit); late > 0 {
			wrong["with late lines"]++
		}
	}
	s.blame(e, wrong)
}

func (s *loginScene) blame(e ending, wrong map[string]int) {
	s.Helper()
	for fault, n := range wrong {
		s.Errorf("%s: %d of %d viewers: %s", e.what, n, len(e.viewers), fault)
	}
}

// stay fails where any of some logins' streams has ended.
func (s *loginScene) stay(what string, logins ...*login) {
	s.Helper()
	gone := 0
	for _, l := range logins {
		for _, v := range l.viewers {
			if finishes, refused := v.Finishes(); len(finishes) > 0 || !refused.IsZero() {
				gone++
			}
		}
	}
	if gone > 0 {
		s.Errorf("%s: %d streams of others ended too", what, gone)
	}
}

// A snapshot is what was sent to somebody by a moment.
type snapshot struct {
	published chaos.Published
	viewers   []*chaos.Viewer
}

// caughtUp waits until the viewers of some logins have all that was sent so far.
func (s *loginScene) caughtUp(within time.Duration, logins ...*login) (all []snapshot) {
	s.Helper()
	for _, l := range logins {
		shot := snapshot{published: l.of.ledger.Published(), viewers: l.viewers}
		last := l.of.ledger.Last()
		for _, v := range l.viewers {
			v.Expect(last)
		}
		all = append(all, shot)
	}
	late, deadline := 0, time.Now().Add(within)
	for _, l := range logins {
		for _, v := range l.viewers {
			select {
			case <-v.CaughtUp():
			case <-time.After(max(time.Until(deadline), 0)):
				late++
			}
		}
	}
	if late > 0 {
		s.Errorf("%d viewers have not all lines after %v", late, within)
	}
	return all
}

// judge checks what the viewers of snapshots were shown; they have stopped watching.
func (s *loginScene) judge(all []snapshot) (v chaos.Verdict) {
	s.Helper()
	for _, shot := range all {
		checker, only := chaos.NewChecker(shot.published), shot.published.Only()
		for _, viewer := range shot.viewers {
			v.Add(checker.Check(only(viewer.Sights()), true))
		}
	}
	if v.Wrong() || v.Gaps > 0 {
		s.Errorf("%v\n%s", v, strings.Join(v.Examples, "\n"))
	}
	return v
}

// leave ends everything.
func (s *loginScene) leave() {
	s.Helper()
	s.stop()
	s.logging.Wait()
	if s.failed != nil {
		s.Errorf("logging: %v", s.failed)
	}
	for _, p := range s.people {
		p.crowd.Leave()
	}
}

// report adds the row of the table.
func (s *loginScene) report(fault, run string, found ...string) {
	table.Add(fault, run, strings.Join(found, "; "), !s.Failed())
	s.Logf("%s: %s", run, strings.Join(found, "; "))
}

// three starts gateways, each on its own address of Redis, with what only some have.
func three(t *testing.T, urls [3]string, broker string, more ...string) *loginScene {
	t.Helper()
	keep := []string{"--history-lines", "20000"}
	first := chaos.Serve(t, urls[0], keep...)
	return &loginScene{
		T:        t,
		gateways: []*chaos.Program{first, first.Beside(urls[1], keep...), first.Beside(urls[2], append(keep, more...)...)},
		accounts: first.Accounts(),
		broker:   openBroker(t, broker, loglane.Retention{Lines: 20_000}),
	}
}
