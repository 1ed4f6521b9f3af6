package redisbroker_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// foundWithin is the promise for a connection that lives and brings nothing.
const foundWithin = 10 * time.Second

// TestSilentPubSub loses every message on its way, on connections that answer: that is
// found, is not taken for well when the next connection is no better, and ends.
func TestSilentPubSub(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var silent atomic.Bool
	proxy := chaos.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", server.Port), chaos.Faults{SwallowMessage: func(string) bool { return silent.Load() }})
	broker, err := redisbroker.New(redisbroker.Options{URL: "redis://" + proxy.Addr + "/0", Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close(context.Background()) })
	confirmed := make(chan struct{}, 100)
	defer broker.Follow("logs:User.alice", func(event loglane.Event) {
		if event.Kind == loglane.Confirmed {
			confirmed <- struct{}{}
		}
	})()
	<-confirmed
	await := func(what string, within time.Duration, done func(error) bool) {
		t.Helper()
		for deadline := time.Now().Add(within); !done(broker.Healthy()); {
			if time.Now().After(deadline) {
				t.Fatalf("%s after %v: %v", what, within, broker.Healthy())
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	silent.Store(true)
	await("not found", foundWithin, func(err error) bool { return err != nil })
	<-confirmed
	for range 100 { // the new connection stands, and brings as little
		if broker.Healthy() == nil {
			t.Fatal("a connection is taken for well before it has brought a message")
		}
		<-time.After(20 * time.Millisecond)
	}
	silent.Store(false)
	await("not well", foundWithin, func(err error) bool { return err == nil })
}

// healedWithin is when an entry whose message was lost is reported at the latest.
const healedWithin = 5 * time.Second

// TestWhatOthersReadIsReported stores an entry without a message, and has it read by somebody who
// does not follow: those who do are told all the same.
func TestWhatOthersReadIsReported(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]loglane.From{
		"its place": loglane.Last(0), "it": loglane.Last(1), "all": loglane.Oldest(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			broker := openURL(t, server.URL(), redisbroker.Options{})
			events := followed(t, broker)
			server.MustDo("XADD", "stream:"+alice, "*", "data", "nobody rings")
			if page, err := broker.Read(t.Context(), alice, from, 10); err != nil || page.Tail.ID.IsZero() {
				t.Fatal(page, err)
			}
			awaitEvent(t, events, loglane.Broken, healedWithin)
			from := loglane.Oldest()
			from.Follower = true
			if _, err := broker.Read(t.Context(), alice, from, 10); err != nil {
				t.Fatal(err)
			}
			select {
			case event := <-events:
				t.Errorf("what the follower has read is reported: %+v", event)
			case <-time.After(healedWithin):
			}
		})
	}
}

// TestOneLostProbe loses one sign of life: the next one comes, and nobody is disturbed.
func TestOneLostProbe(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var seen atomic.Int64
	proxy := chaos.NewProxy(t, fmt.Sprintf("127.0.0.1:%d", server.Port), chaos.Faults{SwallowMessage: func(string) bool { return seen.Add(1) == 2 }})
	broker := openURL(t, "redis://"+proxy.Addr+"/0", redisbroker.Options{})
	events := followed(t, broker)
	eventually(t, foundWithin, "two probes come after it", func() bool { return seen.Load() >= 4 })
	select {
	case event := <-events:
		t.Errorf("one lost probe is told of: %+v", event)
	default:
	}
	if err := broker.Healthy(); err != nil {
		t.Error(err)
	}
}

// TestChannelsComeAndGo follows many channels and leaves them, before Redis is there and
// while it is: what nobody follows any more takes no memory.
func TestChannelsComeAndGo(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	b := open(t, server, redisbroker.Options{})
	churn := func() {
		for i := range 2000 {
			b.Follow(fmt.Sprint("logs:User.", i), func(loglane.Event) {})()
		}
	}
	churn()
	if n := redisbroker.Remembered(b); n > 0 {
		t.Errorf("%d channels are remembered that nobody follows", n)
	}
	server.Restart()
	followed(t, b)
	churn()
	var stops []func()
	confirmed := make(chan struct{}, 2000)
	for i := range 2000 {
		stops = append(stops, b.Follow(fmt.Sprint("logs:User.", i), func(event loglane.Event) {
			if event.Kind == loglane.Confirmed {
				confirmed <- struct{}{}
			}
		}))
	}
	for range 2000 {
		<-confirmed
	}
	for _, stop := range stops {
		stop()
	}
	eventually(t, 10*time.Second, "only one channel is left", func() bool { return redisbroker.Remembered(b) == 2 })
	eventually(t, 10*time.Second, "Redis has no other", func() bool {
		return server.MustDo("EVAL", "return #redis.call('PUBSUB', 'CHANNELS', 'logs:*')", "0") == "1"
	})
}

// TestLives holds the keys to how long they live, and the numbering of a channel that is
// followed to being renewed.
func TestLives(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	appendTo(t, b, loglane.Batch{Producer: "p", Lines: lines(1, 1)})
	if _, err := b.Append(t.Context(), loglane.GlobalChannel, loglane.Batch{Producer: "p", Lines: lines(1, 1)}); err != nil {
		t.Fatal(err)
	}
	life := func(key string) time.Duration {
		t.Helper()
		ms, err := strconv.ParseInt(server.MustDo("PTTL", key), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(ms) * time.Millisecond
	}
	for key, want := range map[string]time.Duration{
		aliceStream: time.Hour, "stream:" + loglane.GlobalChannel: 24 * time.Hour, aliceMeta: 7 * 24 * time.Hour,
	} {
		if got := life(key); got > want || got < want-time.Minute {
			t.Errorf("%s lives for %v, want %v", key, got, want)
		}
	}
	server.MustDo("EXPIRE", aliceMeta, "1000")
	followed(t, b)
	eventually(t, 10*time.Second, "the numbering is renewed", func() bool { return life(aliceMeta) > 6*24*time.Hour })
}
