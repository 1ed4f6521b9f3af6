package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/leaktest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

var (
	size  = flag.String("chaos", "", "run the faults: `short` (within 5 minutes) or long (as promised)")
	table chaos.Table
)

func TestMain(m *testing.M) {
	leaktest.Main(m, chaos.RemoveBuilt, func() { _ = table.Write(os.Stdout) })
}

// fault begins a test of a fault, which only runs when it is asked for.
func fault(t *testing.T) {
	t.Helper()
	switch *size {
	case "short", "long":
	case "":
		t.Skip("faults are run by make chaos")
	default:
		t.Fatalf("-chaos=%s: take short or long", *size)
	}
}

// sized returns the short form's number or the long one's.
func sized[T any](short, long T) T {
	if *size == "long" {
		return long
	}
	return short
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func openBroker(t *testing.T, url string, keep loglane.Retention) *redisbroker.Broker {
	t.Helper()
	broker, err := redisbroker.New(redisbroker.Options{URL: url, Retention: keep, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close(context.Background()) })
	return broker
}

// A scene is a Redis, a gateway of its own process, programs that log as alice and viewers.
type scene struct {
	*testing.T
	redis   *redistest.Server
	gateway *chaos.Program
	broker  *redisbroker.Broker
	ledger  *chaos.Ledger
	crowd   *chaos.Crowd

	stop    context.CancelFunc
	logging sync.WaitGroup
	failed  error
}

const alice = "logs:User.alice"

// play starts a Redis with further settings, and a gateway on it, or on what stands before
// it where through is not nil.
func play(t *testing.T, keep loglane.Retention, through func(*redistest.Server) (url string), settings ...string) *scene {
	t.Helper()
	return playWith(t, keep, through, nil, settings...)
}

// playWith is play with further settings of the gateway.
func playWith(t *testing.T, keep loglane.Retention, through func(*redistest.Server) (url string), args []string, settings ...string) *scene {
	t.Helper()
	fault(t)
	s := &scene{T: t, redis: redistest.Start(t, settings...), ledger: chaos.NewLedger(alice)}
	url := s.redis.URL()
	if through != nil {
		url = through(s.redis)
	}
	keep = keep.WithDefaults(loglane.DefaultHistoryTTL)
	s.gateway = chaos.Serve(t, url, append([]string{"--history-lines", fmt.Sprint(keep.Lines), "--history-bytes", fmt.Sprint(keep.Bytes)}, args...)...)
	s.broker = openBroker(t, s.redis.URL(), keep)
	return s
}

// watch lets viewers watch through the gateway.
func (s *scene) watch(n int) {
	s.Helper()
	s.crowd = chaos.Gather(s.Context(), n, s.gateway.Stream(), s.gateway.Header, nil)
	s.Cleanup(s.crowd.Leave)
	if err := s.crowd.Opened(30 * time.Second); err != nil {
		s.Fatal(err)
	}
}

// log lets programs log until finish.
func (s *scene) log(producers, rate int) {
	ctx, cancel := context.WithCancel(s.Context())
	s.stop = cancel
	load := chaos.Load{User: "alice", Producers: producers, Rate: rate}
	s.logging.Go(func() { s.failed = load.Run(ctx, s.ledger.Through(s.broker)) })
	s.Cleanup(func() { cancel(); s.logging.Wait() })
}

// pause waits for a time.
func pause(d time.Duration) { <-time.After(d) }

func sorted(times []time.Duration) []time.Duration {
	slices.Sort(times)
	return times
}

func between(least, most time.Duration) time.Duration { return least + rand.N(most-least) }

// finish ends the load, waits for the viewers and judges.
func (s *scene) finish() chaos.Verdict {
	s.Helper()
	s.stop()
	s.logging.Wait()
	if s.failed != nil {
		s.Errorf("logging: %v", s.failed)
	}
	if late := s.crowd.Finish(s.ledger.Last(), 30*time.Second); late > 0 {
		s.Errorf("%d viewers have not got the last lines within 30 s", late)
	}
	v := s.crowd.Check(s.ledger.Published())
	for _, viewer := range s.crowd.Viewers {
		v.Strange += len(viewer.Unplaced())
	}
	if v.Wrong() {
		s.Errorf("%v\n%s", v, strings.Join(v.Examples, "\n"))
	}
	return v
}

// report adds the row of the table.
func (s *scene) report(fault, run string, v chaos.Verdict, further ...string) {
	found := append([]string{v.String()}, further...)
	table.Add(fault, run, strings.Join(found, "; "), !s.Failed())
	s.Logf("%s: %s", run, strings.Join(found, "; "))
}
