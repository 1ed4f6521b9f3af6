package redisbroker_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/brokertest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

func openURL(t *testing.T, url string, opts redisbroker.Options) *redisbroker.Broker {
	t.Helper()
	opts.URL, opts.Logger = url, quiet()
	b, err := redisbroker.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// followed follows alice's channel, and returns its events once the first has come.
func followed(t *testing.T, b *redisbroker.Broker) <-chan loglane.Event {
	t.Helper()
	events := make(chan loglane.Event, 10000)
	t.Cleanup(b.Follow(alice, func(event loglane.Event) { events <- event }))
	awaitEvent(t, events, loglane.Confirmed, 10*time.Second)
	return events
}

// eventually waits for what nothing tells of.
func eventually(t *testing.T, within time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// stored appends a line as soon as it is taken, and returns how long that took.
func stored(t *testing.T, b *redisbroker.Broker, k uint64) time.Duration {
	t.Helper()
	began := time.Now()
	eventually(t, 30*time.Second, "a line is stored", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := b.Append(ctx, alice, loglane.Batch{Producer: "p", Lines: lines(k, k)})
		return err == nil
	})
	return time.Since(began)
}

// The contract holds where Sentinels watch, for a user with the smallest rule.
func TestBrokerBySentinels(t *testing.T) {
	site := redistest.StartSentinel(t)
	for _, server := range site.Servers {
		server.MustDo(append([]string{"ACL", "SETUSER", "loglane", "reset", "on", ">pass"}, strings.Fields(redisbroker.ACL())...)...)
	}
	url := site.UserURL("loglane", "pass")
	brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
		b := openURL(t, url, redisbroker.Options{Retention: opts.Retention})
		return subject{Broker: b, t: t, server: site.Servers[0]}
	})
}

// A killed master, then a switch while all is well: publisher and follower go along.
func TestSentinelFailover(t *testing.T) {
	site := redistest.StartSentinel(t, "--requirepass", "right")
	b := openURL(t, site.URL(), redisbroker.Options{})
	if err := b.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := followed(t, b)
	stored(t, b, 1)
	awaitEvent(t, events, loglane.Lines, 5*time.Second)

	before := site.Master()
	before.Kill()
	master := site.AwaitMaster(before)
	promoted := time.Now()
	took := stored(t, b, 2)
	awaitEvent(t, events, loglane.Confirmed, 10*time.Second)
	t.Logf("after Sentinels named the new master: stored in %v, live again in %v", took, time.Since(promoted))
	if live := time.Since(promoted); live > 3*time.Second {
		t.Errorf("live lines came back %v after the Sentinels named the new master", live)
	}
	if n := master.MustDo("XLEN", aliceStream); n == "0" {
		t.Error("the line is not at the new master")
	}

	before.Restart()
	eventually(t, 20*time.Second, "the old master is a replica", func() bool {
		role, err := before.Do("INFO", "replication")
		return err == nil && strings.Contains(role, "role:slave")
	})
	site.Failover()
	stored(t, b, 3)
	awaitEvent(t, events, loglane.Confirmed, 10*time.Second)
	eventually(t, 5*time.Second, "the new connection has brought a message", func() bool { return b.Healthy() == nil })
}

// clients are the connections of brokers at a server.
func clients(server *redistest.Server) int {
	list, err := server.Do("CLIENT", "LIST")
	if err != nil {
		return -1
	}
	return strings.Count(list, " name=loglane ")
}

// Sentinels name another master, and the old one neither ends nor drops a connection: no
// connection may stay there.
func TestNothingStaysOnADemotedMaster(t *testing.T) {
	site := redistest.StartSentinel(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	events := followed(t, b)
	stored(t, b, 1)
	old, next := site.Servers[0], site.Servers[1]
	next.MustDo("REPLICAOF", "NO", "ONE")
	for _, sentinel := range site.Sentinels {
		sentinel.MustDo("SENTINEL", "REMOVE", redistest.MasterName)
	}
	for _, sentinel := range site.Sentinels {
		sentinel.MustDo("SENTINEL", "MONITOR", redistest.MasterName, "127.0.0.1", next.PortText(), "2")
	}
	began := time.Now()
	eventually(t, 5*time.Second, "all connections have left the old master", func() bool { return clients(old) == 0 })
	awaitEvent(t, events, loglane.Confirmed, 5*time.Second)
	t.Logf("left in %v", time.Since(began))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the switch took %v", took)
	}
	eventually(t, 5*time.Second, "notices go out", func() bool { return b.Notices().Notify(t.Context(), []byte("a notice")) == nil })
}

// A server that has become a replica is left, also where the Sentinels do not know yet.
func TestAReplicaIsLeft(t *testing.T) {
	site := redistest.StartSentinel(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	events := followed(t, b)
	for _, sentinel := range site.Sentinels { // they tell what they last knew
		sentinel.MustDo("SENTINEL", "SET", redistest.MasterName, "down-after-milliseconds", "600000")
	}
	site.Servers[0].MustDo("REPLICAOF", "127.0.0.1", site.Servers[1].PortText())
	awaitEvent(t, events, loglane.Broken, 5*time.Second)
	site.Servers[0].MustDo("REPLICAOF", "NO", "ONE")
	awaitEvent(t, events, loglane.Confirmed, 15*time.Second)
	stored(t, b, 1)
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Without Sentinels the master is still used; without both nothing spins, and all comes
// back by itself.
func TestAnOutageOfAllSentinelsSpinsNothing(t *testing.T) {
	site := redistest.StartSentinel(t)
	b := openURL(t, site.URL(), redisbroker.Options{})
	events := followed(t, b)
	stored(t, b, 1)
	for _, sentinel := range site.Sentinels {
		sentinel.Kill()
	}
	const span = 3 * time.Second
	for _, c := range []struct {
		name string
		act  func()
	}{
		{"the master is there", func() {}},
		{"the master is away, too", site.Servers[0].Kill},
	} {
		c.act()
		before := cpuTime(t)
		deadline := time.After(span)
		for waiting := true; waiting; {
			select {
			case <-deadline:
				waiting = false
			case <-time.After(200 * time.Millisecond): // a publisher that tries on
				_, err := b.Append(t.Context(), alice, loglane.Batch{Producer: "p", Lines: lines(2, 2)})
				if err != nil && !errors.Is(err, loglane.ErrUnavailable) {
					t.Errorf("%s: %v", c.name, err)
				}
			}
		}
		used := cpuTime(t) - before
		t.Logf("%s: %v of CPU time in %v", c.name, used, span)
		if used > span/4 {
			t.Errorf("%s: %v of CPU time in %v", c.name, used, span)
		}
	}
	site.Servers[0].Restart()
	for _, sentinel := range site.Sentinels {
		sentinel.Restart()
	}
	stored(t, b, 3)
	awaitEvent(t, events, loglane.Confirmed, 15*time.Second)
}

func TestSentinelsThatCannotServe(t *testing.T) {
	site := redistest.StartSentinel(t)
	known := site.URL()
	for _, c := range []struct{ name, url, want string }{
		{"another name", strings.Replace(known, "master_set="+redistest.MasterName, "master_set=other", 1), "knows no master named other"},
		{"no Sentinels", "redis://127.0.0.1:" + site.Servers[0].PortText() + "?master_set=" + redistest.MasterName, "is no Sentinel"},
		{"not as Sentinels", strings.Split(known, "?")[0], "it is a Sentinel (add ?master_set=NAME"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := openURL(t, c.url, redisbroker.Options{})
			err := b.Ping(t.Context())
			if !errors.As(err, new(*redisbroker.RejectedError)) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	t.Run("a check", func(t *testing.T) {
		if r := examine(t, known, 0); told(r) != "" || r.Trip <= 0 {
			t.Errorf("%+v\n%s", r, told(r))
		}
	})
	t.Run("a check of a Sentinel itself", func(t *testing.T) {
		if problems := told(examine(t, strings.Split(known, "?")[0], 0)); !strings.Contains(problems, "redis true: it is a Sentinel, which keeps no lines (add ?master_set=NAME") {
			t.Error(problems)
		}
	})
	t.Run("a password of their own", func(t *testing.T) {
		for _, sentinel := range site.Sentinels {
			sentinel.MustDo("ACL", "SETUSER", "watcher", "on", ">hush/@", "-@all", "+ping", "+sentinel|master", "+sentinel|get-master-addr-by-name")
			sentinel.MustDo("ACL", "SETUSER", "default", "resetpass", "-@all", "+auth", "+hello", "+ping", "+info", "+subscribe", "+publish", "+sentinel")
		}
		login := "&sentinel_username=watcher&sentinel_password="
		if err := openURL(t, known+login+"wrong", redisbroker.Options{}).Ping(t.Context()); !errors.As(err, new(*redisbroker.RejectedError)) ||
			!strings.Contains(err.Error(), "sentinel_password=") || strings.Contains(err.Error(), "wrong ") {
			t.Errorf("%v", err)
		}
		if err := openURL(t, known+login+"hush%2F%40", redisbroker.Options{}).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
