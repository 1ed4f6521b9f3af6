package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/logship"
	"github.com/loglane/loglane/redisbroker"
)

// A clustered scene is a cluster of 3 masters and 3 replicas, two gateways, and programs
// that log as many users, each with viewers at both gateways.
type clustered struct {
	*testing.T
	site     *redistest.Cluster
	gateways []*chaos.Program
	broker   *redisbroker.Broker
	others   rueidis.Client // as other programs have it
	watched  []*watched     // the global channel is the first
	signedIn *chaos.Crowd   // alice, by a cookie

	stop    context.CancelFunc
	logging sync.WaitGroup
	mu      sync.Mutex
	faults  []error
}

// A watched is a channel with what was sent to it and who watches it.
type watched struct {
	channel string
	ledger  *chaos.Ledger
	crowds  []*chaos.Crowd // one at each gateway

	mu      sync.Mutex
	foreign []chaos.Sent
}

func playCluster(t *testing.T, users int, settings ...string) *clustered {
	t.Helper()
	fault(t)
	s := &clustered{T: t, site: redistest.StartCluster(t, settings...)}
	keep := []string{"--history-lines", fmt.Sprint(keepMuch.Lines), "--history-bytes", fmt.Sprint(keepMuch.Bytes), "--global-history-ttl", "1h"}
	first := chaos.Serve(t, s.site.URL(), keep...)
	s.gateways = []*chaos.Program{first, first.Beside(s.site.URL(), keep...)}
	retention := keepMuch.WithDefaults(loglane.DefaultHistoryTTL)
	broker, err := redisbroker.New(redisbroker.Options{URL: s.site.URL(), Retention: retention, Global: retention, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close(context.Background()) })
	s.broker = broker
	var addrs []string
	for _, node := range s.site.Nodes[:3] {
		addrs = append(addrs, "127.0.0.1:"+node.PortText())
	}
	if s.others, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs, ShuffleInit: true, DisableCache: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.others.Close)
	s.watched = append(s.watched, &watched{channel: loglane.GlobalChannel})
	for i := range users {
		s.watched = append(s.watched, &watched{channel: fmt.Sprintf("logs:User.u%d", i*7919)})
	}
	s.watch()
	return s
}

func (s *clustered) watch() {
	s.Helper()
	admin := s.gateways[0].Admin()
	for _, g := range s.gateways {
		for began := time.Now(); ; pause(20 * time.Millisecond) {
			if code, err := g.GetAs(admin, "api/v1/me"); err == nil && code == http.StatusOK {
				break
			} else if time.Since(began) > 20*time.Second {
				s.Fatalf("the admin's token: %d, %v", code, err)
			}
		}
	}
	for _, w := range s.watched {
		w.ledger = chaos.NewLedger(w.channel)
		for _, g := range s.gateways {
			crowd := chaos.Gather(s.Context(), 1, g.Stream()+"?channel="+loglane.ContextOf(w.channel), admin, nil)
			s.Cleanup(crowd.Leave)
			w.crowds = append(w.crowds, crowd)
		}
	}
	cookie, err := s.gateways[0].SignIn()
	if err != nil {
		s.Fatal(err)
	}
	s.signedIn = chaos.Gather(s.Context(), 1, s.gateways[1].Stream(), cookie, nil)
	s.Cleanup(s.signedIn.Leave)
	for crowd := range s.crowds {
		if err := crowd.Opened(30 * time.Second); err != nil {
			s.Fatal(err)
		}
	}
}

// crowds are the viewers of all channels, and who has signed in.
func (s *clustered) crowds(yield func(*chaos.Crowd) bool) {
	for _, w := range s.watched {
		for _, crowd := range w.crowds {
			if !yield(crowd) {
				return
			}
		}
	}
	yield(s.signedIn)
}

func (s *clustered) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, err)
}

// log lets a program log as each user, rate lines a second each; all goes to the global
// channel too. Where foreign is not 0, another program writes to every third user's channel
// at that rate.
func (s *clustered) log(rate, foreign int) {
	ctx, cancel := context.WithCancel(s.Context())
	s.stop = cancel
	s.Cleanup(func() { cancel(); s.logging.Wait() })
	sink := logship.Sink(s.broker)
	for _, w := range s.watched {
		sink = w.ledger.Through(sink)
	}
	for i, w := range s.watched[1:] {
		s.logging.Go(func() { s.logAs(ctx, sink, w.channel, rate) })
		if foreign > 0 && i%3 == 0 {
			s.logging.Go(func() { s.logForeign(ctx, w, foreign) })
		}
	}
}

func (s *clustered) logAs(ctx context.Context, sink logship.Sink, channel string, rate int) {
	handler := logship.NewHandler(sink, &logship.Options{QueueLines: 1 << 16, QueueBytes: 64 << 20, ErrorLog: slog.New(slog.DiscardHandler)})
	log := slog.New(handler)
	user := logship.WithUser(context.Background(), strings.TrimPrefix(channel, "logs:User."))
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			log.InfoContext(user, "order is on its way", "n", n)
		}
	}
	ending, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := handler.Shutdown(ending); err != nil {
		s.fail(err)
	}
	if stats := handler.Stats(); stats.Dropped > 0 {
		s.fail(fmt.Errorf("%s: %d lines dropped", channel, stats.Dropped))
	}
}

// logForeign stores and publishes as a program does that does not know us.
func (s *clustered) logForeign(ctx context.Context, w *watched, rate int) {
	key := "stream:{" + w.channel + "}"
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		text := fmt.Sprintf("foreign %d", n)
		stored, err := s.others.Do(context.Background(), s.others.B().Xadd().Key(key).Id("*").FieldValue().FieldValue("data", text).Build()).ToString()
		if err != nil {
			s.fail(fmt.Errorf("XADD: %w", err))
			return
		}
		id, err := loglane.ParseID(stored)
		if err != nil {
			s.fail(err)
			return
		}
		w.mu.Lock()
		w.foreign = append(w.foreign, chaos.Sent{K: chaos.ForeignK(id), Sum: chaos.SumOf([]byte(text)), Acked: true})
		w.mu.Unlock()
		if err := s.others.Do(context.Background(), s.others.B().Spublish().Channel(w.channel).Message(text).Build()).Error(); err != nil {
			s.fail(fmt.Errorf("SPUBLISH: %w", err))
			return
		}
	}
}

// finish ends the load, waits for the viewers and judges.
func (s *clustered) finish() (v chaos.Verdict, ended int) {
	s.Helper()
	s.stop()
	s.logging.Wait()
	if len(s.faults) > 0 {
		s.Errorf("logging: %v", errors.Join(s.faults...))
	}
	if n := s.signedIn.Tally().Ended; n > 0 {
		ended += n
		s.Errorf("the signed-in viewer's stream ended: %v", s.signedIn.Tally().Ends)
	}
	s.signedIn.Leave()
	for _, w := range s.watched {
		published := w.ledger.Published()
		last := w.ledger.Last()
		if n := len(w.foreign); n > 0 {
			published[chaos.Foreign] = w.foreign
			last = append(last, loglane.NewSrc(chaos.Foreign, w.foreign[n-1].K))
		}
		for i, crowd := range w.crowds {
			if late := crowd.Finish(last, 30*time.Second); late > 0 {
				s.Errorf("the viewer of %s at gateway %d has not got the last lines within 30 s", w.channel, i)
			}
			tally := crowd.Tally()
			ended += tally.Ended - len(crowd.Viewers)
			one := crowd.Check(published)
			for _, viewer := range crowd.Viewers {
				one.Strange += len(viewer.Unplaced())
			}
			v.Add(one)
		}
	}
	if v.Wrong() || v.Covered > 0 || ended > 0 {
		s.Errorf("%v; %d streams ended\n%s", v, ended, strings.Join(v.Examples, "\n"))
	}
	return v, ended
}

// latencies are how long lines of some channels took from their first sending, of those sent between
// two times. It may be called once finish has been.
func (s *clustered) latencies(w *watched, from, until time.Time) (all []time.Duration) {
	sentAt := w.ledger.SentAt()
	for _, crowd := range w.crowds {
		for _, viewer := range crowd.Viewers {
			all = viewer.Latencies(all, sentAt, from, until)
		}
	}
	return all
}

func (s *clustered) report(fault, run string, v chaos.Verdict, ended int, further ...string) {
	found := append([]string{v.String(), fmt.Sprintf("%d streams ended", ended)}, further...)
	table.Add(fault, run, strings.Join(found, "; "), !s.Failed())
	s.Logf("%s: %s", run, strings.Join(found, "; "))
}
