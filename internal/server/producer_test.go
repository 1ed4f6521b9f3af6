package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// A troubled broker does what before and after say around each Append: an error of before
// keeps the batch away, one of after loses its acknowledgement.
type troubled struct {
	loglane.Broker
	before, after func(channel string, b loglane.Batch) error
}

func (b *troubled) Append(ctx context.Context, channel string, batch loglane.Batch) (loglane.Receipt, error) {
	if b.before != nil {
		if err := b.before(channel, batch); err != nil {
			return loglane.Receipt{}, err
		}
	}
	receipt, err := b.Broker.Append(ctx, channel, batch)
	if err == nil && b.after != nil {
		err = b.after(channel, batch)
	}
	return receipt, err
}

// A lossy broker can forget a channel, as Redis does that was restored.
type lossy struct {
	mu      sync.Mutex
	current map[string]*loglane.MemoryBroker
}

func (l *lossy) broker(channel string) *loglane.MemoryBroker {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current[channel] == nil {
		l.current[channel], _ = loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: keepAll, Global: keepAll}) // the settings are right
	}
	return l.current[channel]
}

var keepAll = loglane.Retention{Lines: 10_000, Bytes: 64 << 20}

func (l *lossy) forget(channel string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.current, channel)
}

func (l *lossy) Append(ctx context.Context, channel string, b loglane.Batch) (loglane.Receipt, error) {
	return l.broker(channel).Append(ctx, channel, b)
}

func (l *lossy) Read(ctx context.Context, channel string, from loglane.From, limit int) (loglane.Page, error) {
	return l.broker(channel).Read(ctx, channel, from, limit)
}

func (l *lossy) Follow(channel string, emit func(loglane.Event)) func() {
	return l.broker(channel).Follow(channel, emit)
}

func newLossy() *lossy { return &lossy{current: make(map[string]*loglane.MemoryBroker)} }

// numbered are the lines from first to last.
func numbered(first, last int) (lines []string) {
	for i := first; i <= last; i++ {
		lines = append(lines, fmt.Sprintf("line %d", i))
	}
	return lines
}

// sendNumbered sends them as a producer does.
func (g *gateway) sendNumbered(token string, first, last int, after string) answer {
	g.t.Helper()
	return g.post(token, "?user=alice", strings.Join(numbered(first, last), "\n"),
		"Producer", "run-1", "Producer-Seq", fmt.Sprint(first), "Producer-After", after)
}

// checkLines wants lines 1 to last in both channels, each once and in order.
func checkLines(t *testing.T, broker loglane.Broker, last int) {
	t.Helper()
	for _, channel := range []string{"logs:User.alice", "logs:global"} {
		checkChannel(t, broker, channel, numbered(1, last))
	}
}

func checkChannel(t *testing.T, broker loglane.Broker, channel string, want []string) {
	t.Helper()
	var got []string
	for _, record := range stored(t, broker, channel) {
		var r struct{ Message, Context string }
		must(t, json.Unmarshal([]byte(record), &r))
		if r.Context != "User.alice" {
			t.Errorf("%s has %s", channel, record)
		}
		got = append(got, r.Message)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s has %d lines: %q", channel, len(got), got)
	}
}

func TestARetryIsHarmless(t *testing.T) {
	broker := newLossy()
	g := newGateway(t, func(s *setup) { withKnownTokens(s); s.broker = broker })
	for _, c := range []struct {
		first, last int
		after, want string
	}{
		{1, 300, "", `{"accepted":300,"rejected":[],"duplicates":0,"after":"300,300"}`},
		{1, 300, "0,0", `{"accepted":300,"rejected":[],"duplicates":300,"after":"300,300"}`},
		{250, 350, "300,300", `{"accepted":101,"rejected":[],"duplicates":51,"after":"350,350"}`},
		{351, 350, "350,350", `{"accepted":0,"rejected":[],"duplicates":0,"after":"350,350"}`},
		{351, 351, " 350 , 350 ", `{"accepted":1,"rejected":[],"duplicates":0,"after":"351,351"}`},
		{10, 20, "5,5", `{"accepted":11,"rejected":[],"duplicates":11,"after":"351,351"}`},
	} {
		headers := []string{"Producer", "run-1", "Producer-Seq", fmt.Sprint(c.first)}
		if c.after != "" {
			headers = append(headers, "Producer-After", c.after)
		}
		a := g.post("alice", "?user=alice", strings.Join(numbered(c.first, c.last), "\n"), headers...)
		if a.code != http.StatusOK || strings.TrimSpace(a.body) != c.want {
			t.Errorf("%d to %d: %d %s", c.first, c.last, a.code, a.body)
		}
	}
	checkLines(t, broker, 351)
}

func TestTokensDoNotShareAProducer(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	for _, token := range []string{"alice", "all", "other"} {
		if a := g.sendNumbered(token, 1, 2, "0,0"); !strings.Contains(a.body, `"duplicates":0,"after":"2,2"`) {
			t.Errorf("%s: %d %s", token, a.code, a.body)
		}
	}
	a := g.post("all", "?user=bob", "x", "Producer", "run-1", "Producer-Seq", "1")
	if !strings.Contains(a.body, `"duplicates":0,"after":"1,1"`) {
		t.Errorf("another channel: %d %s", a.code, a.body)
	}
	if got := stored(t, g.broker, loglane.GlobalChannel); len(got) != 7 {
		t.Errorf("global has %q", got)
	}
}

func TestRejectedLinesCount(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	const body = `{"message":"line 1","user":"alice"}
17

{"message":"line 4","context":"User.alice"}
{"message":"line 5","user":"bob"}
{"message":"line 6","user":"alice"}`
	headers := append(ndjson, "Producer", "a", "Producer-Seq", "11")
	a := g.post("alice", "", body, headers...)
	if !strings.Contains(a.body, `"accepted":3,`) || !strings.Contains(a.body, `"duplicates":0,"after":"16,16"`) {
		t.Errorf("%d %s", a.code, a.body)
	}
	if a = g.post("alice", "", body, headers...); !strings.Contains(a.body, `"duplicates":3,"after":"16,16"`) {
		t.Errorf("again: %d %s", a.code, a.body)
	}
	checkChannel(t, g.broker, "logs:User.alice", []string{"line 1", "line 4", "line 6"})
	if a = g.post("alice", "", "17", append(headers, "Producer-After", "16,16")...); !strings.Contains(a.body, `"duplicates":0,"after":"16,16"`) {
		t.Errorf("none is left: %d %s", a.code, a.body)
	}
}

func TestWhatIsAfterWithoutACopy(t *testing.T) {
	off, alert := server.GlobalOff, loglane.LevelAlert
	for _, c := range []struct {
		global *loglane.Level
		query  string
		want   string
	}{
		{&off, "?user=alice", `"after":"2,0"`},
		{&alert, "?user=alice", `"after":"2,0"`},
		{nil, "?channel=global", `"after":"2,2"`},
		{&off, "?channel=global", `"after":"2,2"`},
	} {
		g := newGateway(t, func(s *setup) { withKnownTokens(s); s.Global = c.global })
		body := `{"message":"1","level":"info"}` + "\n" + `{"message":"2","level":"info"}`
		for range 2 {
			a := g.post("all", c.query, body, append(ndjson, "Producer", "a", "Producer-Seq", "1")...)
			if !strings.Contains(a.body, c.want) {
				t.Errorf("%v, %s: %d %s", c.global, c.query, a.code, a.body)
			}
		}
		if n := len(stored(t, g.broker, loglane.GlobalChannel)); (n == 2) != (c.query == "?channel=global") {
			t.Errorf("%v, %s: global has %d lines", c.global, c.query, n)
		}
	}
}

// Batches get lost, and so do acknowledgements of those that were stored: the sender sends
// the same lines until it is told that they are stored.
func TestLostAcknowledgements(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	kept := newLossy()
	trouble := func(string, loglane.Batch) error {
		if chance.IntN(4) == 0 {
			return fmt.Errorf("%w: cut", loglane.ErrUnavailable)
		}
		return nil
	}
	g := newGateway(t, func(s *setup) {
		withKnownTokens(s)
		s.broker = &troubled{Broker: kept, before: trouble, after: trouble}
	})
	after, troubles, last := "0,0", 0, 0
	for last < 2000 {
		next := min(last+1+chance.IntN(500), 2000)
		a := g.sendNumbered("all", last+1, next, after)
		switch a.code {
		case http.StatusOK:
			var got struct{ After string }
			must(t, json.Unmarshal([]byte(a.body), &got))
			after, last = got.After, next
		case http.StatusServiceUnavailable:
			if troubles++; a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "send the request again") {
				t.Fatalf("%v %s", a.header, a.body)
			}
		default:
			t.Fatalf("%d %s", a.code, a.body)
		}
	}
	if troubles < 5 {
		t.Errorf("only %d troubles", troubles)
	}
	checkLines(t, kept, 2000)
}

// A channel that lost lines says so, and takes them again.
func TestALossIsToldAndHealed(t *testing.T) {
	for _, c := range []struct {
		forgets string
		want    string // of the refusal
	}{
		{"logs:User.alice", `"channel":"User.alice","after":0`},
		{"logs:global", `"channel":"global","after":0`},
	} {
		broker := newLossy()
		g := newGateway(t, func(s *setup) { withKnownTokens(s); s.broker = broker })
		g.sendNumbered("all", 1, 200, "0,0")
		broker.forget(c.forgets)
		a := g.sendNumbered("all", 201, 202, "200,200")
		if a.code != http.StatusConflict || !strings.Contains(a.body, c.want) || !strings.Contains(a.body, `{"error":"`) {
			t.Errorf("%s: %d %s", c.forgets, a.code, a.body)
		}
		if a = g.sendNumbered("all", 1, 202, "0,0"); a.code != http.StatusOK || !strings.Contains(a.body, `"after":"202,202"`) {
			t.Errorf("%s: %d %s", c.forgets, a.code, a.body)
		}
		checkLines(t, broker, 202)
		// A request without lines asks whether all is there still.
		broker.forget(c.forgets)
		if a = g.sendNumbered("all", 203, 202, "202,202"); a.code != http.StatusConflict || !strings.Contains(a.body, c.want) {
			t.Errorf("%s, without lines: %d %s", c.forgets, a.code, a.body)
		}
	}
}

// What was stored of a request may be lost before the request is through.
func TestALossWithinARequest(t *testing.T) {
	for _, forgets := range []string{"logs:User.alice", "logs:global"} {
		broker, calls := newLossy(), 0
		g := newGateway(t, func(s *setup) {
			withKnownTokens(s)
			s.broker = &troubled{Broker: broker, after: func(string, loglane.Batch) error {
				if calls++; calls == 2 { // both have the first batch
					broker.forget(forgets)
				}
				return nil
			}}
		})
		a := g.sendNumbered("all", 1, 300, "0,0")
		if a.code != http.StatusConflict || !strings.Contains(a.body, `"channel":"`+loglane.ContextOf(forgets)+`","after":0`) {
			t.Errorf("%s: %d %s", forgets, a.code, a.body)
		}
		if a = g.sendNumbered("all", 1, 300, "0,0"); a.code != http.StatusOK {
			t.Errorf("%s: %d %s", forgets, a.code, a.body)
		}
		checkLines(t, broker, 300)
		calls = 0
		a = g.post("all", "?user=alice", strings.Join(numbered(1, 300), "\n"))
		if a.code != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s, without a producer: %d %s", forgets, a.code, a.body)
		}
	}
}

// A broker remembers each producer for a while, so requests that name none must not be
// one each; nor may one be used again whose batch may still be on its way.
func TestRequestsWithoutAProducerShareFew(t *testing.T) {
	var producers []string
	var fails bool
	broker := newLossy()
	g := newGateway(t, func(s *setup) {
		withKnownTokens(s)
		s.broker = &troubled{Broker: broker, before: func(channel string, b loglane.Batch) error {
			if channel == "logs:User.alice" {
				producers = append(producers, b.Producer)
			}
			if fails {
				return loglane.ErrUnavailable
			}
			return nil
		}}
	})
	for i := range 4 {
		fails = i == 2
		want := http.StatusOK
		if fails {
			want = http.StatusServiceUnavailable
		}
		if a := g.post("all", "?user=alice", "x"); a.code != want {
			t.Fatalf("%d %s", a.code, a.body)
		}
	}
	if len(producers) != 4 || producers[0] != producers[1] || producers[1] != producers[2] || producers[2] == producers[3] {
		t.Errorf("the producers are %q", producers)
	}
	if got := stored(t, broker, "logs:User.alice"); len(got) != 3 {
		t.Errorf("alice has %q", got)
	}
}
