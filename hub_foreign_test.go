package loglane_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// In each case other programs publish and store in some order; a viewer who was there
// and one who comes at the end see each line once.
func TestForeignLines(t *testing.T) {
	const pause = 90 * time.Millisecond
	cases := []struct {
		name   string
		play   func(*stage)
		viewer []string // after retry and #start
		later  []string // after retry
	}{
		{"stored, then published", func(s *stage) { s.store("a"); s.publish("a") },
			[]string{"a#"}, []string{"a#"}},
		{"stored, a pause, published", func(s *stage) { s.store("a"); time.Sleep(pause); s.publish("a") },
			[]string{"a#"}, []string{"a#"}},
		{"published, then stored", func(s *stage) { s.publish("a"); s.store("a") },
			[]string{"a#"}, []string{"a#"}},
		{"published, a pause, stored", func(s *stage) { s.publish("a"); time.Sleep(pause); s.store("a") },
			[]string{"a#"}, []string{"a#"}},
		{"published only", func(s *stage) { s.publish("a") },
			[]string{"a"}, []string{"a", "#start"}},
		{"one of two stored", func(s *stage) { s.publish("a"); s.store("a"); s.publish("a") },
			[]string{"a#", "a"}, []string{"a#", "a"}},
		{"identical ones", func(s *stage) { s.both("a"); s.both("a"); s.publish("a"); s.store("a"); s.both("a") },
			[]string{"a#", "a#", "a#", "a#"}, []string{"a#", "a#", "a#", "a#"}},
		{"identical ones, all published first", func(s *stage) {
			s.publish("a")
			s.publish("a")
			s.publish("a")
			time.Sleep(pause)
			s.store("a")
			s.store("a")
			s.store("a")
		}, []string{"a#", "a#", "a#"}, []string{"a#", "a#", "a#"}},
		{"in the stream's order", func(s *stage) { s.publish("a"); s.publish("b"); s.store("b"); s.store("a") },
			[]string{"b#", "a#"}, []string{"b#", "a#"}},
		{"between ours", func(s *stage) {
			s.append("x")
			s.both("a")
			s.append("y")
			s.publish("b")
			s.append("z")
			s.store("b")
		},
			[]string{"x#", "a#", "y#", "z#", "b#"}, []string{"x#", "a#", "y#", "z#", "b#"}},
		{"stored only, then one of ours", func(s *stage) { s.store("a"); s.append("x") },
			[]string{"a#", "x#"}, []string{"a#", "x#"}},
		{"an entry without data", func(s *stage) {
			s.append("x")
			s.names[s.broker.StoreForeign(aliceChannel, nil)] = "nothing"
			s.append("y")
		},
			[]string{"x#", "#nothing", "y#"}, []string{"x#", "#nothing", "y#"}},
		{"pretty JSON over lines", func(s *stage) { s.both("{\n \"message\":\"a\",\n \"pod\": null\n}") },
			[]string{"a#"}, []string{"a#"}},
		{"empty", func(s *stage) { s.both("") }, []string{"#"}, []string{"#"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onStage(t, stageOptions{}, func(s *stage) {
				v := s.open("")
				c.play(s)
				time.Sleep(time.Second)
				v.want(append([]string{"retry", "#start"}, c.viewer...)...)
				s.open("").want(append([]string{"retry"}, c.later...)...)
				time.Sleep(time.Minute)
				if got := len(v.lines()); got != len(slices.DeleteFunc(slices.Clone(c.viewer), func(text string) bool { return text == "#nothing" })) {
					t.Errorf("a minute later: %d lines", got)
				}
			})
		})
	}
}

func TestUnstoredPayloadWaits100ms(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		v := s.open("")
		v.forget()
		s.publish("a")
		time.Sleep(99 * time.Millisecond)
		v.wantMore()
		time.Sleep(2 * time.Millisecond)
		v.wantMore("a")
		// Its entry shows up: who had it gets its place, others the line.
		time.Sleep(5 * time.Second)
		w := s.open("last_event_id=" + s.tail().String())
		w.want("retry", "#one")
		s.store("a")
		s.append("two")
		v.want("#a", "two#")
		w.want("retry", "#one", "a#", "two#")
		s.open("").want("retry", "one#", "a", "#a", "two#")
	})
}

func TestEntryAfterTenSecondsIsALineOfItsOwn(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		v := s.open("")
		v.forget()
		s.publish("a")
		time.Sleep(11 * time.Second)
		s.store("a")
		s.append("two")
		v.want("a", "a#", "two#")
		// An entry settles a payload of the next 10 s only.
		v.forget()
		s.store("b")
		s.append("three")
		time.Sleep(11 * time.Second)
		s.publish("b")
		time.Sleep(time.Second)
		v.want("b#", "three#", "b")
	})
}

func TestChannelThatIsNeverStoredDoesNotWait(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.forget()
		s.publish("a")
		time.Sleep(time.Second)
		v.wantMore("a")
		s.publish("b")
		v.wantMore() // the first has not stayed without an entry for 10 s
		time.Sleep(12 * time.Second)
		v.wantMore("b")
		before := s.broker.readCount()
		for _, text := range numbered("c", 1, 20) {
			s.publish(text)
			v.wantMore(text)
		}
		if reads := s.broker.readCount() - before; reads != 0 {
			t.Errorf("%d reads for payloads of a channel that is never stored", reads)
		}
		// Once there is a stream, payloads wait for it again.
		s.append("ours")
		v.wantMore("ours#")
		s.publish("d")
		v.wantMore()
		time.Sleep(time.Second)
		v.wantMore("d")
	})
}

func TestLaterJoinersGetUnstoredLinesWithTheirReplay(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		first := s.append("one")
		s.open("")
		s.publish("a")
		time.Sleep(time.Second)
		s.append("two")
		s.publish("b")
		time.Sleep(time.Second)
		s.open("").want("retry", "one#", "a", "two#", "b")
		s.open("backlog=2").want("retry", "two#", "b")
		s.open("replay=bulk").want("retry", `bulk[{"message":"one"},{"message":"a"},{"message":"two"},{"message":"b"}]#two`)
		// Whoever brings a cursor may have had them: at most once.
		s.open("last_event_id="+first.String()).want("retry", "two#")
	})
}

func TestPayloadsThatLookLikeFrames(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		v := s.open("")
		v.forget()
		place := s.tail()
		after := place
		after.ID.Seq += 5
		frame := func(epoch string, prev loglane.ID, text string) string {
			c := loglane.Cursor{Epoch: epoch, N: 9, ID: after.ID}
			entry := loglane.Entry{Cursor: c, Prev: prev, Data: fmt.Appendf(nil, `{"message":%q}`, text)}
			return string(loglane.Frame{Entry: entry, Producer: "mallory", K: 1}.Append(nil))
		}
		other := frame("AAAAAAAAAAA", place.ID, "of another epoch")
		s.both(other)
		v.wantMore("of another epoch#")
		s.publish(other)
		time.Sleep(time.Second)
		v.wantMore("of another epoch")
		// A frame of the followed epoch that does not chain is never shown as text.
		s.publish(frame(place.Epoch, loglane.ID{Ms: 1}, "does not chain"))
		time.Sleep(15 * time.Second)
		v.wantMore()
		for _, odd := range []string{`{"_ll":"1 `, `{"_ll":"1 x","message":"x"}`, `{"id":"1-0","prev":"0-0"}`, `[1]`, `null`, `{`, "{}"} {
			s.both(odd)
			v.wantMore(textOf([]byte(odd)) + "#")
			s.publish(odd)
			time.Sleep(time.Second)
			v.wantMore(textOf([]byte(odd)))
		}
		s.append("two")
		v.want("two#")
	})
}

func TestForeignLineIsMadeFitToLeave(t *testing.T) {
	onStage(t, stageOptions{hub: loglane.HubOptions{MaxLine: 1024}}, func(s *stage) {
		v := s.open("")
		v.forget()
		s.both("bad \xff\xfe bytes")
		if lines := v.lines(); len(lines) != 1 || lines[0] != "bad \uFFFD bytes" && lines[0] != "bad \uFFFD\uFFFD bytes" {
			t.Errorf("lines %q", lines)
		}
		v.forget()
		long := `{"message":"`
		for len(long) < 5000 {
			long += "ü"
		}
		s.both(long + `"}`)
		lines := v.lines()
		if len(lines) != 1 || len(lines[0]) > 1024 || lines[0][:12] != `{"message":"` {
			t.Fatalf("lines %.100q", lines)
		}
		if want := fmt.Sprintf("… [cut, the line had %d bytes]", len(long)+2); lines[0][len(lines[0])-len(want):] != want {
			t.Errorf("the cut line ends %q", lines[0][len(lines[0])-60:])
		}
		// As one of its kind that fits is.
		v.forget()
		s.both(`{"_ll":"kept","message":"x"}`)
		if got := string(v.events()[0].Data); got != `{"_ll":"kept","message":"x"}` {
			t.Errorf("data %q", got)
		}
	})
}

// Payloads without entries and entries without payloads are remembered in bounds. What is
// stored is shown whole; what is not is so at most once, for a ring holds 1 MiB.
func TestForeignMemoryIsBounded(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 100_000, Bytes: 1 << 30}}, func(s *stage) {
		v := s.open("")
		v.forget()
		check := func() {
			t.Helper()
			waiting, settled, floated := s.hub.Foreign(aliceChannel)
			if waiting > 4<<20 || settled > 1<<14+1 || floated > 1<<14+1 {
				t.Fatalf("%d bytes wait, %d entries and %d payloads are alone", waiting, settled, floated)
			}
		}
		long := strings.Repeat("x", 60<<10)
		for n := range 300 { // 18 MB in no time
			s.publish(fmt.Sprintf("%d %s", n, long))
			synctest.Wait()
			check()
		}
		time.Sleep(time.Second)
		lines, last := v.lines(), -1
		for _, line := range lines {
			n, err := strconv.Atoi(strings.Fields(line)[0])
			if err != nil || n <= last {
				t.Fatalf("line %.20q after line %d", line, last)
			}
			last = n
		}
		if len(lines) < 200 {
			t.Errorf("%d lines", len(lines))
		}
		v.forget()
		for n := range 20_000 {
			s.store(fmt.Sprint("stored ", n))
			if n%1000 == 0 {
				s.broker.tell(loglane.Event{Kind: loglane.Broken})
				synctest.Wait()
				check()
			}
		}
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		synctest.Wait()
		check()
		if lines := v.lines(); len(lines) != 20_000 {
			t.Errorf("%d lines, want 20000", len(lines))
		}
	})
}

// Once lines without a place need not wait for one, those that wait already go first.
func TestUnstoredLinesKeepTheirOrder(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.publish("first")
		time.Sleep(10050 * time.Millisecond)
		s.publish("A")
		time.Sleep(70 * time.Millisecond)
		s.publish("B")
		time.Sleep(time.Second)
		v.want("retry", "#start", "first", "A", "B")
	})
}
