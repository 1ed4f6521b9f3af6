package loglane_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

// Viewers join at random while lines come fast: over real connections and in real time
// each sees an unbroken run from its first line to the last, none twice.
func TestCrowdJoinsDuringManyLines(t *testing.T) {
	viewers, lines, rate := 200, 4000, 2000
	if raceDetector || testing.Short() {
		viewers, lines, rate = 40, 1000, 1000
	}
	broker, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: loglane.Retention{Lines: 20_000, Bytes: 16 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	hub, err := loglane.NewHub(broker, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(hub.Stream(admitAlice, nil))
	defer server.Close()
	client := server.Client()
	var crowd sync.WaitGroup
	defer func() {
		crowd.Wait()
		client.CloseIdleConnections()
		if err := hub.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()

	view := func(backlog int) error {
		response, err := client.Get(fmt.Sprintf("%s/?backlog=%d", server.URL, backlog))
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }() // cut short on purpose
		decoder := sse.NewDecoder(response.Body)
		next := 0
		for {
			event, err := decoder.Next()
			if err != nil {
				return err
			}
			if event.Type != "message" {
				return fmt.Errorf("event %s %s", event.Type, event.Data)
			}
			if !event.HasData {
				continue
			}
			var n int
			if _, err := fmt.Sscanf(textOf(event.Data), "line %d", &n); err != nil {
				return err
			}
			if next != 0 && n != next {
				return fmt.Errorf("line %d came, want %d", n, next)
			}
			if next = n + 1; n == lines {
				return nil
			}
		}
	}
	join := make([]int, lines+1) // how many join before a line
	for range viewers {
		join[rand.N(lines)]++
	}
	ticker := time.NewTicker(time.Second / time.Duration(rate) * 4)
	defer ticker.Stop()
	for n := 0; n < lines; {
		<-ticker.C
		batch := loglane.Batch{Producer: "alpha"}
		for range 4 {
			for range join[n] {
				crowd.Go(func() {
					if err := view(rand.N(1500)); err != nil {
						t.Error(err)
					}
				})
			}
			n++
			batch.Lines = append(batch.Lines, loglane.Line{K: uint64(n), Record: fmt.Appendf(nil, `{"message":"line %d"}`, n)})
		}
		if _, err := broker.Append(t.Context(), aliceChannel, batch); err != nil {
			t.Fatal(err)
		}
	}
}

// A crowd whose connections end at once is put away over a while, for the sake of those who
// stay; streams that the server ends are not held up by it.
func TestACrowdThatLeavesIsPutAwayByAndBy(t *testing.T) {
	const viewers = 400
	onStage(t, stageOptions{}, func(s *stage) {
		var crowd []*viewer
		for range viewers {
			crowd = append(crowd, s.open("backlog=0"))
		}
		for _, v := range crowd {
			go v.leave()
		}
		synctest.Wait()
		if n := s.hub.Stats().Streams; n < viewers/2 {
			t.Errorf("of %d streams %d are left at once", viewers, n)
		}
		time.Sleep(time.Second)
		if n := s.hub.Stats().Streams; n != 0 {
			t.Errorf("%d streams are left after a second", n)
		}
		for range viewers {
			s.open("backlog=0")
		}
		s.hub.End(func(any) bool { return true }, "revoked")
		synctest.Wait()
		if n := s.hub.Stats().Streams; n != 0 {
			t.Errorf("%d of %d ended streams are left", n, viewers)
		}
	})
}
