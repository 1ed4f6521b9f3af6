package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/logship"
)

// A moody sink is a Redis whose next call fails, before or after it has stored the batch.
type moody struct {
	loglane.Broker
	mood   atomic.Pointer[func() (stored bool)] // of the next call
	failed chan struct{}
}

var errMood = errors.New("the answer was lost")

func (m *moody) Append(ctx context.Context, channel string, b loglane.Batch) (receipt loglane.Receipt, err error) {
	mood := m.mood.Swap(nil)
	if mood == nil {
		return m.Broker.Append(ctx, channel, b)
	}
	defer close(m.failed)
	if (*mood)() {
		receipt, err = m.Broker.Append(ctx, channel, b)
		return receipt, errors.Join(err, errMood)
	}
	return receipt, errMood
}

// What happens to a producer's channel at the side of Redis.
var producerEvents = []struct {
	name, script string
	lost         bool // the history of before is not there any more, and is not to be
}{
	{"nothing", `return 1`, false},
	{"the numbering is evicted", `return redis.call('DEL', KEYS[2])`, false},
	{"the producer is forgotten", `for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  if string.sub(field, 1, 2) == 'p:' then redis.call('HDEL', KEYS[2], field) end
end return 1`, false},
	{"the producer was silent for 15 minutes", `for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  if string.sub(field, 1, 2) == 'p:' then
    redis.call('HSET', KEYS[2], field, string.match(redis.call('HGET', KEYS[2], field), '^%d+') .. ' ' .. (redis.call('TIME')[1] - 1000))
  end
end return 1`, false},
	{"everything is lost", `return redis.call('DEL', KEYS[1], KEYS[2])`, false},
	{"the history is evicted", `return redis.call('DEL', KEYS[1])`, true},
	{"the last lines are lost by a failover", `local tail = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 4)
for i = 1, 3 do redis.call('XDEL', KEYS[1], tail[i][1]) end
local s = tail[4][2][8]
redis.call('XSETID', KEYS[1], tail[4][1])
redis.call('HSET', KEYS[2], 'n', tail[4][2][4], 'l', tail[4][1], 'p:' .. string.match(s, '^([^:]+)'), string.match(s, '(%d+)$') .. ' ' .. redis.call('TIME')[1])
return 1`, false},
}

// What a producer is doing when it happens.
var producerMoments = []struct {
	name string
	last string // of the call that fails: stored, unstored, "" for none
	wait int    // lines that wait behind it
}{
	{"while its lines are kept", "", 0},
	{"while a batch is stored whose answer is lost", "stored", 0},
	{"while a batch is on its way that is not stored", "unstored", 0},
	{"while lines wait behind a batch that is stored", "stored", 300},
	{"while lines wait behind a batch that is not", "unstored", 300},
}

// TestProducersGoOn lets Redis forget, lose and refuse at every moment of a producer: it
// goes on, and each line is there once and in its order.
func TestProducersGoOn(t *testing.T) {
	server := redistest.Start(t)
	broker := openRedis(t, server, loglane.Retention{Lines: 10_000})
	n := 0
	for _, event := range producerEvents {
		for _, moment := range producerMoments {
			n++
			user := fmt.Sprint("user", n)
			t.Run(event.name+" "+moment.name, func(t *testing.T) {
				t.Parallel()
				sink := &moody{Broker: broker, failed: make(chan struct{})}
				h := logship.NewHandler(sink, &logship.Options{Global: logship.GlobalOff, ErrorLog: quiet()})
				p := &talker{t: t, h: h, ctx: logship.WithUser(t.Context(), user)}
				happen := func() {
					server.MustDo("EVAL", event.script, "2", "stream:logs:User."+user, "loglane:meta:{logs:User."+user+"}")
				}
				for range 5 { // so many batches
					p.say(1)
					p.flush()
				}
				before := p.said
				if moment.last == "" {
					happen()
				} else {
					stores := func() bool { return moment.last == "stored" }
					sink.mood.Store(&stores)
					p.say(1)
					<-sink.failed
					happen() // before it is sent again, or just after: both may be
					p.say(moment.wait)
				}
				p.say(3)
				p.flush()
				p.say(1)
				p.flush()
				if err := h.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				got := storedNumbers(t, broker, "logs:User."+user)
				want := make([]int, p.said)
				for i := range want {
					want[i] = i + 1
				}
				if event.lost { // with what was there just then
					if len(got) == 0 || got[0] > before+2 {
						t.Fatalf("lines %v after the loss of %d", got, before)
					}
					want = want[got[0]-1:]
				}
				if !slices.Equal(got, want) {
					t.Errorf("lines %v, want %d", got, p.said)
				}
				if s := h.Stats(); s.Lost+s.Dropped+s.Rejected > 0 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

// A talker logs numbered lines.
type talker struct {
	t    *testing.T
	h    *logship.Handler
	ctx  context.Context
	said int
}

func (p *talker) say(n int) {
	for range n {
		p.said++
		slog.New(p.h).InfoContext(p.ctx, fmt.Sprint("line ", p.said))
	}
}

func (p *talker) flush() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 20*time.Second)
	defer cancel()
	if err := p.h.Flush(ctx); err != nil {
		p.t.Fatalf("stuck: %v, %+v", err, p.h.Stats())
	}
}

// storedNumbers are the numbers of a channel's lines.
func storedNumbers(t *testing.T, broker loglane.Broker, channel string) (numbers []int) {
	t.Helper()
	page, err := broker.Read(t.Context(), channel, loglane.Oldest(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range page.Entries {
		n, ok := numberOf(shown{event: "message", data: string(entry.Data)})
		if !ok {
			t.Fatalf("a line that nobody logged: %s", entry.Data)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// TestProducersStartAgain ends a program with lines on their way, as a crash does, and
// starts it again: it begins at once, under another name.
func TestProducersStartAgain(t *testing.T) {
	server := redistest.Start(t)
	broker := openRedis(t, server, loglane.Retention{})
	said := 0
	for range 5 {
		sink := &moody{Broker: broker, failed: make(chan struct{})}
		h := logship.NewHandler(sink, &logship.Options{Global: logship.GlobalOff, ErrorLog: quiet()})
		p := &talker{t: t, h: h, ctx: logship.WithUser(t.Context(), "alice"), said: said}
		p.say(2)
		p.flush()
		stores := func() bool { return true }
		sink.mood.Store(&stores)
		p.say(1)
		<-sink.failed
		crash, cancel := context.WithCancel(t.Context())
		cancel()
		_ = h.Shutdown(crash) // lines are given up: nobody knows that the last is stored
		if s := h.Stats(); s.Refused > 0 || s.Lost > 0 {
			t.Errorf("%+v", s)
		}
		said = p.said
	}
	got := storedNumbers(t, broker, "logs:User.alice")
	if fault := unbroken(got); fault != "" || len(got) != said {
		t.Errorf("%d of %d lines: %s", len(got), said, fault)
	}
	if names := server.MustDo("HLEN", "loglane:meta:{logs:User.alice}"); names != "8" { // e, n, l and five producers
		t.Errorf("meta has %s fields", names)
	}
}
