package loglane_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// wantBytes checks the exact bytes that came since the last call.
func (v *viewer) wantBytes(want string) {
	v.s.Helper()
	synctest.Wait()
	if got := string(v.w.bytes()); got != want {
		v.s.Errorf("the stream is\n%q\nwant\n%q", got, want)
	}
	v.w.reset()
}

func TestStreamBytes(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		one := s.append(`{"message":"one", "level":"info","_ll":"x","n":1e3}`)
		s.store("plain\r\ntext\rof\nlines")
		text := s.tail()
		two := s.append("two")
		v := s.open("")
		v.wantBytes("retry: 3000\n\n" +
			"id: " + one.String() + "\ndata: {\"message\":\"one\",\"level\":\"info\",\"n\":1e3}\n\n" +
			"id: " + text.String() + "\ndata: plain\ndata: text\ndata: of\ndata: lines\n\n" +
			"id: " + two.String() + "\ndata: {\"message\":\"two\"}\n\n")
		if want := fmt.Sprintf("%s.1.%s.%s", one.Epoch, one.ID, loglane.NewSrc("alpha", 1)); one.String() != want {
			t.Errorf("the first id is %v, want %v", one, want)
		}
		if want := fmt.Sprintf("%s.0.%s", one.Epoch, text.ID); text.String() != want {
			t.Errorf("the foreign line's id is %v, want %v", text, want)
		}
		three := s.append("three")
		v.wantBytes("id: " + three.String() + "\ndata: {\"message\":\"three\"}\n\n")
	})
}

func TestStreamHeaders(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		if v.w.status != http.StatusOK {
			t.Errorf("status %d", v.w.status)
		}
		for name, want := range map[string]string{
			"Content-Type":           "text/event-stream",
			"Cache-Control":          "private, no-cache, no-store, no-transform",
			"X-Accel-Buffering":      "no",
			"X-Content-Type-Options": "nosniff",
			"Content-Encoding":       "",
		} {
			if got := v.w.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
}

func TestStreamOfEmptyChannel(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.wantBytes("retry: 3000\n\nid: 0.0.0-0\n\n")
		bulk := s.open("replay=bulk")
		bulk.wantBytes("retry: 3000\n\nevent: bulk\nid: 0.0.0-0\ndata: []\n\n")
		one := s.append("one")
		for _, v := range []*viewer{v, bulk} {
			v.wantBytes("id: " + one.String() + "\ndata: {\"message\":\"one\"}\n\n")
		}
		// A stream that resumes after what an empty channel gave misses nothing.
		s.open("", "Last-Event-ID", "0.0.0-0").want("retry", "one#")
	})
}

func TestStreamBulk(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append(`{"message":"one"}`)
		s.store("te\"xt\r\nand\rmore\nlines")
		s.store("{\n \"message\": \"pretty\"\n}")
		three := s.append("three")
		s.open("replay=bulk").wantBytes("retry: 3000\n\nevent: bulk\nid: " + three.String() + "\ndata: " +
			`[{"message":"one"},{"message":"te\"xt\nand\nmore\nlines"},{"message":"pretty"},{"message":"three"}]` + "\n\n")
		s.open("replay=bulk&backlog=1").wantBytes("retry: 3000\n\nevent: bulk\nid: " + three.String() +
			"\ndata: [{\"message\":\"three\"}]\n\n")
		s.open("replay=bulk&backlog=0").wantBytes("retry: 3000\n\nevent: bulk\nid: " + three.String() + "\ndata: []\n\n")
		// With a cursor missed lines come as ordinary events.
		s.open("replay=bulk&last_event_id="+three.String()).want("retry", "#three")
		s.open("replay=bulk&last_event_id=0").want("retry", "one#", "te\"xt\nand\nmore\nlines#", "pretty#", "three#")
	})
}

func TestStreamSplitsPayloadsAtLineBreaks(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.forget()
		for _, c := range []struct{ payload, data string }{
			{"{\n\"message\":\r\"a\"\r\n}", "data: {\ndata: \"message\":\ndata: \"a\"\ndata: }\n"},
			{"{\"message\":\"a\u2028b\u2029c\u0085d\"}", "data: {\"message\":\"a\u2028b\u2029c␛Ed\"}\n"},
			{"a\u2028b", "data: a\u2028b\n"},
			{"", "data: \n"},
			{"\n", "data: \ndata: \n"},
			{" x\n y ", "data:  x\ndata:  y \n"},
			{"data: x\n\nevent: bye", "data: data: x\ndata: \ndata: event: bye\n"},
		} {
			s.both(c.payload)
			v.wantBytes("id: " + s.tail().String() + "\n" + c.data + "\n")
		}
	})
}

func TestStreamEscapePolicy(t *testing.T) {
	const text, record = "\x1b[31mred\x1b[0m\x1b[2J", `{"message":"\u001b[31mred\u001b[0m\u001b[2J\rx"}`
	for policy, want := range map[string][2]string{
		"":      {"\x1b[31mred\x1b[0m␛[2J", `{"message":"\u001b[31mred\u001b[0m␛[2J␍x"}`},
		"sgr":   {"\x1b[31mred\x1b[0m␛[2J", `{"message":"\u001b[31mred\u001b[0m␛[2J␍x"}`},
		"strip": {"red␛[2J", `{"message":"red␛[2J␍x"}`},
		"none":  {text, record},
	} {
		onStage(t, stageOptions{hub: loglane.HubOptions{EscapePolicy: policy}}, func(s *stage) {
			live := s.open("")
			live.forget()
			s.both(text)
			place := s.tail().String()
			s.both(record)
			lines := "id: " + place + "\ndata: " + want[0] + "\n\nid: " + s.tail().String() + "\ndata: " + want[1] + "\n\n"
			live.wantBytes(lines)
			s.open("").wantBytes("retry: 3000\n\n" + lines)
		})
	}
}

func TestStreamKeepalive(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.forget()
		last, seen := time.Now(), 0
		var intervals []time.Duration
		for range 200 * 10 {
			time.Sleep(100 * time.Millisecond)
			if n := strings.Count(string(v.w.bytes()), ": keepalive\n\n"); n > seen {
				intervals = append(intervals, time.Since(last))
				last, seen = time.Now(), n
			}
		}
		if got := string(v.w.bytes()); got != strings.Repeat(": keepalive\n\n", seen) {
			t.Errorf("silence sounds like %q", got)
		}
		for _, interval := range intervals {
			if interval < 11900*time.Millisecond || interval > 18100*time.Millisecond {
				t.Errorf("%v between two keepalives, want 15 s ± 20 %%", interval)
			}
		}
		if len(intervals) < 10 {
			t.Errorf("%d keepalives in 200 s", len(intervals))
		}
		// A line moves the next one.
		s.append("line")
		v.forget()
		for range 20 {
			time.Sleep(11 * time.Second)
			s.append("line")
		}
		if strings.Contains(string(v.w.bytes()), "keepalive") {
			t.Error("a keepalive came though lines did")
		}
	})
}

func TestStreamPing(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("ping=2")
		v.forget()
		begin := time.Now()
		time.Sleep(5 * time.Second)
		v.wantBytes(fmt.Sprintf("event: ping\ndata: {\"t\":%d}\n\nevent: ping\ndata: {\"t\":%d}\n\n",
			begin.Add(2*time.Second).UnixMilli(), begin.Add(4*time.Second).UnixMilli()))
	})
}

func TestStreamEndsWithItsReason(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.grant.Tag = "alice"
		v := s.open("")
		v.forget()
		if n := s.hub.End(func(tag any) bool { return tag == "alice" }, "logout"); n != 1 {
			t.Errorf("%d streams ended, want 1", n)
		}
		v.wantBytes("event: auth\ndata: {\"reason\":\"logout\"}\n\n")
		if !v.ended() {
			t.Error("the stream goes on after auth")
		}
	})
}

func TestStreamStatusBytes(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.forget()
		s.broker.leave()
		v.wantBytes("event: status\ndata: {\"upstream\":\"down\"}\n\n")
		s.broker.come()
		v.wantBytes("event: status\ndata: {\"upstream\":\"up\"}\n\n")
	})
}

func TestStreamGapBytes(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 3}}, func(s *stage) {
		var cursors []loglane.Cursor
		for _, text := range numbered("line", 1, 8) {
			cursors = append(cursors, s.append(text))
		}
		v := s.open("", "Last-Event-ID", cursors[1].String())
		floor := cursors[4]
		floor.Src = loglane.Src{}
		want := "retry: 3000\n\nevent: gap\nid: " + floor.String() + "\ndata: {\"reason\":\"trimmed\",\"missed\":3}\n\n"
		for n, c := range cursors[5:] {
			want += fmt.Sprintf("id: %v\ndata: {\"message\":\"line %d\"}\n\n", c, n+6)
		}
		v.wantBytes(want)
		s.store("foreign")
		v = s.open("", "Last-Event-ID", cursors[1].String())
		want = "retry: 3000\n\nevent: gap\nid: " + cursors[0].Epoch + ".6." + cursors[5].ID.String() + "\ndata: {\"reason\":\"trimmed\",\"missed\":null}\n\n"
		if got := string(v.w.bytes()); !strings.HasPrefix(got, want) {
			t.Errorf("the stream is\n%q\nwant it to begin\n%q", got, want)
		}
	})
}
