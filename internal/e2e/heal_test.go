package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/redisbroker"
)

// TestLostPublishes stores lines of a program that may not publish, on a channel that is
// never quiet: they are shown all the same, while more come.
func TestLostPublishes(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	s.server.MustDo("ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "resetchannels")
	mute, err := redisbroker.New(redisbroker.Options{URL: fmt.Sprintf("redis://mute:secret@127.0.0.1:%d/0", s.server.Port), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close(t.Context())
	v := s.watch("")
	for n := uint64(1); n <= 200; n++ {
		if err := insist(t.Context(), mute, "logs:User.alice", "p", n); err != nil {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
	if n := len(v.numbers()); n < 100 {
		t.Errorf("after 10 s of 200 lines the viewer has %d", n)
	}
	v.awaitLine(t, 200, 6*time.Second)
	if fault := unbroken(v.numbers()); fault != "" || len(gaps(v.all())) > 0 {
		t.Errorf("%s, gaps %v", fault, gaps(v.all()))
	}
}

// TestOneBadKey follows a channel whose stream is something else: others are watched as before.
func TestOneBadKey(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	s.server.MustDo("SET", "stream:logs:User.bad", "x")
	bad := newViewer(strings.Replace(s.url, "alice", "bad", 1))
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() { bad.watch(ctx) })
	v := s.watch("")
	s.append(1, 0)
	v.awaitLine(t, 1, 10*time.Second)
	s.server.MustDo("XADD", "stream:logs:User.alice", "*", "data", `{"message":"line 2"}`) // nobody rings
	v.awaitLine(t, 2, 6*time.Second)
}

// TestAQueryHidesNothing stores a line without a message, and asks for the history before anybody
// has found it: those who watch are shown it all the same.
func TestAQueryHidesNothing(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	grant := func(*http.Request) (loglane.Grant, error) { return loglane.Grant{Channel: "logs:User.alice"}, nil }
	history := s.hub.History(grant, nil)
	v := s.watch("")
	s.append(1, 0)
	v.awaitLine(t, 1, 10*time.Second)
	for n := 2; n <= 4; n++ {
		s.server.MustDo("XADD", "stream:logs:User.alice", "*", "data", fmt.Sprintf(`{"message":"line %d"}`, n))
		page := httptest.NewRecorder()
		history.ServeHTTP(page, httptest.NewRequest("GET", "/api/v1/logs", nil))
		if text := page.Body.String(); !strings.Contains(text, fmt.Sprintf("line %d", n)) {
			t.Fatalf("%d: %s", page.Code, text)
		}
		v.awaitLine(t, n, 6*time.Second)
	}
	if fault := unbroken(v.numbers()); fault != "" {
		t.Error(fault)
	}
}

// TestForeignPlaces lets a foreign program choose places that are no times.
func TestForeignPlaces(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	v := s.watch("") // its feed may read the first lines before their payloads come
	const script = `redis.call('XADD', KEYS[1], ARGV[1], 'data', ARGV[2]) redis.call('PUBLISH', ARGV[3], ARGV[2]) return 1`
	for n := 1; n <= 30; n++ {
		s.server.MustDo("EVAL", script, "1", "stream:logs:User.alice", strconv.Itoa(n)+"-1", fmt.Sprintf(`{"message":"line %d"}`, n), "logs:User.alice")
	}
	v.awaitLine(t, 30, 10*time.Second)
	<-time.After(300 * time.Millisecond) // a payload without an entry would go out after 100 ms
	if got := v.numbers(); len(got) > 30 || unbroken(got) != "" {
		t.Errorf("%d lines: %s", len(got), unbroken(got))
	}
}

// TestRewoundHistory takes the newest entry away, as a failover does: who stayed is told,
// and gets nothing again.
func TestRewoundHistory(t *testing.T) {
	for _, c := range []struct {
		name          string
		keep          loglane.Retention
		lines, weight int
	}{
		{"more than is kept in memory", loglane.Retention{}, 1000, 1700},
		{"more than is remembered", loglane.Retention{Lines: 10000, Bytes: 16 << 20}, 6000, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, c.keep)
			s.append(c.lines, c.weight)
			v := s.watch("&last_event_id=0")
			v.awaitLine(t, c.lines, 20*time.Second)
			newest := strings.Split(v.cursor, ".")[2]
			s.server.MustDo("XDEL", "stream:logs:User.alice", newest)
			s.append(1, 0)
			v.awaitLine(t, c.lines+1, 10*time.Second)
			if g := gaps(v.all()); len(g) != 1 || g[0] != `{"reason":"rewritten","missed":null}` {
				t.Errorf("gaps %v", g)
			}
			if fault := unbroken(v.numbers()); fault != "" || v.dropped > 0 {
				t.Errorf("%s, %d lines came again", fault, v.dropped)
			}
		})
	}
}

// TestRewrittenByAnEarlierClock makes a replica Redis that is further behind than a gateway
// remembers, and by a clock that is behind, too: what comes then gets places before those of
// lines that are lost, and is new to who stayed.
func TestRewrittenByAnEarlierClock(t *testing.T) {
	s := newScene(t, loglane.Retention{Lines: 10000, Bytes: 16 << 20})
	s.append(6000, 0)
	v := s.watch("&last_event_id=0")
	v.awaitLine(t, 6000, 20*time.Second)
	const script = `local stream, meta = KEYS[1], KEYS[2]
for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
  if tonumber(entry[2][4]) > 1000 then redis.call('XDEL', stream, entry[1]) end
end
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1][1]
redis.call('XSETID', stream, last)
for n = 1001, 1005 do
  local ms, seq = string.match(last, '^(%d+)-(%d+)$')
  last = redis.call('XADD', stream, ms .. '-' .. (seq + 1), 'data', '{"message":"line ' .. (n + 5000) .. '"}', 'n', n, 'p', last, 's', 'other:' .. n)
end
redis.call('HSET', meta, 'n', '1005', 'l', last, 'p:p', '1000 ' .. redis.call('TIME')[1])
redis.call('PUBLISH', ARGV[1], 'ring')
return last`
	s.server.MustDo("EVAL", script, "2", "stream:logs:User.alice", "loglane:meta:{logs:User.alice}", "logs:User.alice")
	v.awaitLine(t, 6005, 10*time.Second)
	if g := gaps(v.all()); len(g) != 1 || g[0] != `{"reason":"rewritten","missed":null}` {
		t.Errorf("gaps %v", g)
	}
	if fault := unbroken(v.numbers()); fault != "" {
		t.Error(fault)
	}
}

// TestEmptiedStream empties a history: viewers behind it are told once, and the broker is
// not asked over and over.
func TestEmptiedStream(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	s.watch("").awaitLineAfter(t, func() { s.append(1400, 0) }, 1400)
	all := newViewer(s.url + "&last_event_id=0")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	cut, endCut := context.WithCancel(ctx)
	watching.Go(func() { _ = all.once(cut) })
	all.await(t, "a line", 10*time.Second, func(events []shown) bool { return len(events) > 0 })
	endCut()
	s.server.MustDo("XTRIM", "stream:logs:User.alice", "MAXLEN", "0")
	oldest := all.all()[0].id

	late := newViewer(s.url + "&last_event_id=" + oldest)
	reads := s.hub.Stats().Reads
	watching.Go(func() { late.watch(ctx) })
	late.await(t, "a gap", 10*time.Second, func(events []shown) bool { return len(gaps(events)) > 0 })
	s.append(1, 0)
	late.awaitLine(t, 1401, 10*time.Second)
	if g := gaps(late.all()); len(g) != 1 {
		t.Errorf("%d gaps: %.3v", len(g), g)
	}
	if n := s.hub.Stats().Reads - reads; n > 10 {
		t.Errorf("%d reads for one viewer", n)
	}
}

// TestEarlierClock loses all data, and the clock of the Redis that follows is behind: what
// it stores has earlier places than all that viewers have had, and is new to them.
func TestEarlierClock(t *testing.T) {
	s := newScene(t, loglane.Retention{})
	v := s.watch("")
	s.append(3, 0)
	v.awaitLine(t, 3, 10*time.Second)
	earlier := cursorTime(t, v.cursor).Add(-10 * time.Second).UnixMilli()
	const script = `redis.call('FLUSHDB')
local id = redis.call('XADD', KEYS[1], ARGV[1], 'data', ARGV[2], 'n', '1', 'p', '0-0', 's', 'other:1')
redis.call('HSET', KEYS[2], 'e', 'AAAAAAAAAAA', 'n', '1', 'l', id)
redis.call('PUBLISH', ARGV[3], 'ring')
return id`
	s.server.MustDo("EVAL", script, "2", "stream:logs:User.alice", "loglane:meta:{logs:User.alice}",
		fmt.Sprintf("%d-1", earlier), `{"message":"line 4"}`, "logs:User.alice")
	v.awaitLine(t, 4, 10*time.Second)
	if g := gaps(v.all()); len(g) != 1 || g[0] != `{"reason":"epoch","missed":null}` {
		t.Errorf("gaps %v", g)
	}
}
