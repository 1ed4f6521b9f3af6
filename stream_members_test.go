package loglane_test

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// hiding are lines that hold CANARY wherever a viewer with hidden may see nothing.
var hiding = []string{
	`{"message":"one","level":"info","secret":"CANARY","attrs":{"order":1,"card":"CANARY"},"context":"CANARY"}`,
	`{"m\u0065ssage":"two","l\u0065vel":"warn","s\u0065cret":"CANARY","attrs":{"order":2},"attrs":{"c\u0061rd":"CANARY","order":3}}`,
	`{"message":"CANARY below the floor","level":"debug","attrs":{"order":4}}`,
	`{"secret":"CANARY, and nothing else"}`,
	`{"message":"CANARY of a level that nobody knows","level":"verbose"}`,
	`{"message":"three","body":"CANARY","event":{"a":"CANARY"}}`,
}

func hidden(t testing.TB) loglane.Grant {
	floor := loglane.LevelInfo
	return loglane.Grant{Channel: aliceChannel, Floor: &floor, Members: mustMembers(t, "message", "level", "attrs.order")}
}

// Whatever a viewer asks for and in whatever format, nothing of what is hidden comes, live,
// replayed or stored.
func TestHiddenMembersNeverLeave(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.grant = hidden(t)
		publish := func() {
			s.append(hiding...)
			s.store(`{"message":"stored by another program","secret":"CANARY"}`)
			s.both(`{"message":"four","_ll":"CANARY","secret":"CANARY"}`)
			s.publish(`{"message":"five","level":"info","secret":"CANARY"}`) // goes out without an id
			s.publish(`{"message":"CANARY","level":"trace"}`)
			s.both(`a line of text`)
			s.both(`{"message":"an object that does not close","secret":"CANARY"`)
			s.both(`{"secret":"CANARY` + strings.Repeat("x", 70<<10) + `"}`) // is cut, and so no object
			time.Sleep(time.Second)
		}
		publish()
		queries := []string{"", "replay=bulk", "level=trace", "backlog=3", "last_event_id=0", "follow=0", "q=e", "q=/./"}
		var viewers []*viewer
		for _, query := range queries {
			for _, accept := range []string{"text/event-stream", "application/x-ndjson", "text/plain"} {
				viewers = append(viewers, s.open(query, "Accept", accept))
			}
		}
		publish()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for n, v := range viewers {
			body := string(v.w.bytes())
			if strings.Contains(body, "CANARY") || !strings.Contains(body, "three") {
				t.Errorf("viewer %d of %q:\n%s", n, queries[n/3], body)
			}
		}
		for _, query := range []string{"", "format=text", "format=csv", "level=trace", "after=0", "since=1h", "q=e", "q=/./"} {
			if body := s.history(query).body; strings.Contains(body, "CANARY") || !strings.Contains(body, "three") {
				t.Errorf("history?%s:\n%s", query, body)
			}
		}
		all := s.openAs(loglane.Grant{Channel: aliceChannel}, "")
		if n := bytes.Count(all.w.bytes(), []byte("CANARY")); n < 20 {
			t.Errorf("who may see all sees %d canaries", n)
		}
	})
}

// What is hidden cannot be found by searching for it, nor counted beyond what ids tell.
func TestHiddenMembersAreNoOracle(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.grant = hidden(t)
		s.append(hiding...)
		for _, query := range []string{"q=CANARY", "q=" + url.QueryEscape("/CANARY|nothing else/"), "q=canary", "q=card", "q=debug"} {
			got := s.history(query)
			got.want(t, "end")
			if n := got.header.Get("Loglane-Scanned"); n != "3" {
				t.Errorf("%s: %s lines are said to have been looked through, 3 may be seen", query, n)
			}
			if !strings.Contains(got.body, `"scanned":3`) {
				t.Errorf("%s: %s", query, got.body)
			}
			s.open(query).want("retry", "#"+textOf([]byte(hiding[len(hiding)-1])))
		}
		// The level is one of the members: where it is hidden, no filter finds it.
		s.grant.Members = mustMembers(t, "message")
		s.history("level=warn").want(t, "one", "two", "three", "end")
		s.history("level=fatal").want(t, "one", "two", "three", "end")
		// How the pages are cut tells no more than ids do.
		first := s.history("after=0&limit=1")
		first.want(t, "one", "end")
		if first.link(t, "next") == "" {
			t.Error("no next page")
		}
	})
}

func TestHiddenLinesMoveOnWhoMaySeeNoMember(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.grant.Members = mustMembers(t, "attrs.public")
		v := s.open("")
		v.wantMore("retry", "#start")
		last := s.append(`{"message":"hidden"}`, `{"message":"hidden too","attrs":{"x":1}}`)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if v.wantMore("#hidden too"); t.Failed() {
			return
		}
		s.append(`{"message":"x","attrs":{"public":1,"x":2}}`)
		synctest.Wait()
		if got := string(v.w.bytes()); !strings.HasSuffix(got, "\ndata: {\"attrs\":{\"public\":1}}\n\n") || !strings.HasPrefix(got, "id: ") {
			t.Errorf("got %q", got)
		}
		resumed := s.open("", "Last-Event-ID", last.String())
		if got := string(resumed.w.bytes()); !strings.HasSuffix(got, "\ndata: {\"attrs\":{\"public\":1}}\n\n") {
			t.Errorf("resumed: %q", got)
		}
	})
}

// What a gap counts are the lines that are missing, whoever might have seen them.
func TestGapsCountHiddenLinesToo(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 2}}, func(s *stage) {
		s.grant.Members = mustMembers(t, "message")
		first := s.append(`{"message":"first"}`)
		s.append(`{"secret":"1"}`, `{"secret":"2"}`, `{"message":"lost"}`, `{"secret":"3"}`, `{"message":"kept"}`)
		told := s.open("", "Last-Event-ID", first.String()).told()
		if len(told) != 3 || !strings.HasPrefix(told[1], `gap{"reason":"trimmed","missed":3}`) || told[2] != "kept#" {
			t.Errorf("told %q", told)
		}
	})
}

// A floor does not know lines without a level: they count as INFO.
func TestFloorAndLinesWithoutALevel(t *testing.T) {
	for floor, want := range map[loglane.Level][]string{
		loglane.LevelDebug: {"none", "null", "text", "info", "error"},
		loglane.LevelInfo:  {"none", "null", "text", "info", "error"},
		loglane.LevelWarn:  {"error"},
	} {
		onStage(t, stageOptions{}, func(s *stage) {
			s.grant.Floor = &floor
			s.append(`{"message":"none"}`, `{"message":"null","level":null}`, "text", `{"message":"info","level":"info"}`,
				`{"message":"unknown","level":"verbose"}`, `{"message":"no level","level":{}}`, `{"message":"nested","log":{"level":"fine"}}`,
				`{"message":"error","level":"x","severity":"error"}`)
			if got := s.open("").lines(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("floor %d: %q, want %q", floor, got, want)
			}
		})
	}
}

// However many viewers may see some members only, a line is encoded once for them, and what
// that takes is counted with the rings.
func TestOneEncodingForAllOfAView(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.open("")
		views := [][]string{{"message"}, {"message", "level"}, {"level", "message"}}
		var viewers []*viewer
		for n := range 30 {
			grant := s.grant
			grant.Members = mustMembers(t, views[n%len(views)]...)
			viewers = append(viewers, s.openAs(grant, ""))
		}
		filler := strings.Repeat("x", 500)
		before := s.hub.Stats().RingCost
		s.append(fmt.Sprintf(`{"message":%q,"level":"info","secret":"s"}`, filler))
		synctest.Wait()
		firsts, writes := make(map[*byte]int), make(map[int]int)
		for _, v := range viewers {
			for first, n := range v.w.firsts {
				firsts[first] += n
			}
		}
		for _, n := range firsts {
			writes[n]++
		}
		if writes[10] != 1 || writes[20] != 1 { // of the viewers of one view, and of those of the other
			t.Errorf("frames by how often they were written: %v", writes)
		}
		if cost := s.hub.Stats().RingCost - before; cost < 3*500 || cost > 3*500+2000 {
			t.Errorf("a line of 500 bytes in 2 views costs %d bytes", cost)
		}
		for n, v := range viewers {
			if body := string(v.w.bytes()); !strings.Contains(body, filler) || strings.Contains(body, "secret") || strings.Contains(body, "level") != (n%3 > 0) {
				t.Errorf("viewer %d got %s", n, body)
			}
		}
		// What leaves the ring is not counted any more: it holds 1,000 lines at most.
		for n := range 3000 {
			s.append(fmt.Sprintf(`{"message":"%d","level":"info","secret":"s"}`, n))
			if n%50 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if cost := s.hub.Stats().RingCost; cost > 1000*3*350+(100<<10) {
			t.Errorf("a full ring with 2 views costs %d bytes", cost)
		}
		time.Sleep(2 * time.Minute) // an idle channel has no ring
		synctest.Wait()
		if cost := s.hub.Stats().RingCost; cost > 5000 || cost < 0 {
			t.Errorf("%d bytes are left", cost)
		}
	})
}
