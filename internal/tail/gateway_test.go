package tail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/internal/tail"
	"github.com/loglane/loglane/redisbroker"
)

const channel = "logs:User.alice"

// A gateway streams alice's channel to who has her token.
type gateway struct {
	t      *testing.T
	broker loglane.Broker
	addr   string
	hub    *loglane.Hub
	server *http.Server
	serves sync.WaitGroup
}

func startGateway(t *testing.T, broker loglane.Broker) *gateway {
	t.Helper()
	g := &gateway{t: t, broker: broker, addr: porttest.Addr(t)}
	g.start()
	t.Cleanup(g.kill)
	return g
}

// start listens where the gateway did before.
func (g *gateway) start() {
	g.t.Helper()
	listener, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.addr = listener.Addr().String()
	g.hub, err = loglane.NewHub(g.broker, &loglane.HubOptions{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		g.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/stream", g.hub.Stream(func(r *http.Request) (loglane.Grant, error) {
		if r.Header.Get("Authorization") != "Bearer llt_alice" {
			return loglane.Grant{}, &loglane.StatusError{Code: http.StatusUnauthorized, Message: "not signed in"}
		}
		return loglane.Grant{Channel: channel}, nil
	}, nil))
	g.server = &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	server := g.server
	g.serves.Go(func() { _ = server.Serve(listener) })
}

// stop drains, as SIGTERM does.
func (g *gateway) stop() {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := g.hub.Close(ctx); err != nil {
		g.t.Errorf("the hub: %v", err)
	}
	g.end()
}

// kill cuts every connection, as SIGKILL does.
func (g *gateway) kill() {
	if g.server == nil {
		return
	}
	_ = g.server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = g.hub.Close(ctx) // cut is what it says
	g.end()
}

func (g *gateway) end() {
	_ = g.server.Close()
	g.serves.Wait()
	g.server = nil
}

// A source publishes "line N" at a rate.
type source struct {
	t      *testing.T
	broker loglane.Broker
	k      uint64
}

// publish publishes the next n lines.
func (s *source) publish(n int) {
	s.t.Helper()
	for n > 0 {
		batch := loglane.Batch{Producer: "p"}
		for ; n > 0 && len(batch.Lines) < loglane.MaxBatchLines; n-- {
			s.k++
			batch.Lines = append(batch.Lines, loglane.Line{K: s.k, Record: fmt.Appendf(nil, `{"message":"line %d"}`, s.k)})
		}
		if _, err := s.broker.Append(s.t.Context(), channel, batch); err != nil {
			s.t.Error(err)
			return
		}
	}
}

// flow publishes at a rate until stop, which returns how many lines there are.
func (s *source) flow(rate int) (stop func() int) {
	const tick = 10 * time.Millisecond
	end := make(chan struct{})
	var flowing sync.WaitGroup
	flowing.Go(func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for begin := time.Now(); ; {
			s.publish(int(time.Since(begin)*time.Duration(rate)/time.Second) - int(s.k))
			select {
			case <-ticker.C:
			case <-end:
				return
			}
		}
	})
	once := sync.OnceFunc(func() { close(end); flowing.Wait() })
	s.t.Cleanup(once)
	return func() int { once(); return int(s.k) }
}

var keep = loglane.Retention{Lines: 100_000, Bytes: 64 << 20}

func memory(t *testing.T) loglane.Broker {
	t.Helper()
	broker, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: keep})
	if err != nil {
		t.Fatal(err)
	}
	return broker
}

// tailing reads until stop, which wants that nothing but the end ended it.
func tailing(t *testing.T, addr string, opts tail.Options) (r *recorder, stop func()) {
	t.Helper()
	opts.URL, opts.Token = "http://"+addr, "llt_alice"
	reader, err := tail.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	r = newRecorder()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		if err := reader.Read(ctx, r); !errors.Is(err, enough) {
			t.Errorf("reading ended with %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(enough); reading.Wait() })
	t.Cleanup(stop)
	return r, stop
}

// rate is how many lines a test publishes in a second.
func rate() int {
	if raceEnabled {
		return 300
	}
	return 1000
}

func TestRestartedGatewayLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	broker := memory(t)
	g := startGateway(t, broker)
	r, stop := tailing(t, g.addr, tail.Options{MaxRetries: -1, Start: tail.Start{All: true}})
	flowed := (&source{t: t, broker: broker}).flow(rate())
	for i, restart := range []func(){
		func() { g.kill(); g.start() },
		func() { g.stop(); g.start() },
		func() { g.stop(); r.awaitNotices(t, "connection refused", 1); g.start() },
	} {
		r.await(t, r.count()+rate(), 30*time.Second)
		restart()
		r.awaitNotices(t, "nothing lost", i+1)
	}
	r.await(t, r.count()+rate(), 30*time.Second)
	n := flowed()
	r.await(t, n, 30*time.Second)
	stop()
	r.inOrder(t, n)
	if told := r.noticed(); strings.Count(told, ", nothing lost") != 3 {
		t.Errorf("told %s", told)
	}
}

func TestCutsAtAnyByteLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	broker := memory(t)
	g := startGateway(t, broker)
	p := startProxy(t, func() string { return g.addr }, func() int64 { return rand.Int64N(50_000) }, 5)
	r, stop := tailing(t, p.addr, tail.Options{MaxRetries: -1, Start: tail.Start{All: true}})
	flowed := (&source{t: t, broker: broker}).flow(rate())
	p.awaitWhole(t, 60*time.Second)
	n := flowed()
	r.await(t, n, 30*time.Second)
	stop()
	r.inOrder(t, n)
}

func TestAnotherGatewayOverRedisGoesOn(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	open := func() loglane.Broker {
		broker, err := redisbroker.New(redisbroker.Options{URL: redis.URL(), Retention: keep, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := broker.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return broker
	}
	gateways := []*gateway{startGateway(t, open()), startGateway(t, open())}
	var mu sync.Mutex
	to := 0
	p := startProxy(t, func() string {
		mu.Lock()
		defer mu.Unlock()
		return gateways[to].addr
	}, nil, 0)
	r, stop := tailing(t, p.addr, tail.Options{MaxRetries: -1, Start: tail.Start{All: true}})
	flowed := (&source{t: t, broker: open()}).flow(rate())
	for i := range 3 {
		r.await(t, r.count()+rate(), 30*time.Second)
		mu.Lock()
		old := gateways[to]
		to = 1 - to
		mu.Unlock()
		old.kill()
		r.awaitNotices(t, "nothing lost", i+1)
		old.start()
	}
	r.await(t, r.count()+rate(), 30*time.Second)
	n := flowed()
	r.await(t, n, 30*time.Second)
	stop()
	r.inOrder(t, n)
}

func TestALossIsTold(t *testing.T) {
	t.Parallel()
	broker, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: loglane.Retention{Lines: 10}})
	if err != nil {
		t.Fatal(err)
	}
	g := startGateway(t, broker)
	lines := &source{t: t, broker: broker}
	lines.publish(1)
	r, stop := tailing(t, g.addr, tail.Options{MaxRetries: -1, Start: tail.Start{Lines: 1}})
	r.await(t, 1, 10*time.Second)
	g.kill()
	lines.publish(30)
	g.start()
	r.await(t, 12, 30*time.Second)
	stop()
	if r.told[1] != "gap trimmed 20" || r.told[2] != "line 22" || r.told[11] != "line 31" {
		t.Errorf("shown: %q", r.told)
	}
}

func TestLastLinesAndToken(t *testing.T) {
	t.Parallel()
	broker := memory(t)
	g := startGateway(t, broker)
	(&source{t: t, broker: broker}).publish(50)
	r, stop := tailing(t, g.addr, tail.Options{MaxRetries: -1, Start: tail.Start{Lines: 3}})
	r.await(t, 3, 10*time.Second)
	stop()
	if r.all() != "line 48|line 49|line 50" {
		t.Errorf("shown: %s", r.all())
	}
	reader, err := tail.New(tail.Options{URL: "http://" + g.addr, Token: "llt_bob"})
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Read(t.Context(), newRecorder()); !errors.Is(err, tail.ErrNotAuthenticated) {
		t.Errorf("another's token: %v", err)
	}
}
