package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// TestPurge empties a channel that is watched over two gateways: viewers go on without a
// gap, also when silence has been checked and another program goes on writing, and who
// comes later gets nothing from before.
func TestPurge(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		t.Run(fmt.Sprintf("foreign=%v", foreign), func(t *testing.T) {
			s := newScene(t, loglane.Retention{})
			write := func() {
				if !foreign {
					s.append(1, 0)
					return
				}
				s.k++
				record := fmt.Sprintf(`{"message":"line %d"}`, s.k)
				s.server.MustDo("XADD", "stream:logs:User.alice", "*", "data", record)
				s.server.MustDo("PUBLISH", "logs:User.alice", record)
			}
			url, _, _ := serveHub(t, openRedis(t, s.server, loglane.Retention{}), nil)
			here := s.watch("")
			s.url = url + "?channel=User.alice"
			there := s.watch("")
			for range 10 {
				write()
			}
			here.awaitLine(t, 10, 10*time.Second)
			there.awaitLine(t, 10, 10*time.Second)
			if err := s.hub.Purge(t.Context(), "logs:User.alice"); err != nil {
				t.Fatal(err)
			}
			soon := s.watch("&backlog=100") // on the gateway that nobody has told
			<-time.After(6 * time.Second)
			write()
			late := s.watch("&backlog=100")
			write()
			for _, v := range []*viewer{here, there, late} {
				v.awaitLine(t, 12, 10*time.Second)
				if len(gaps(v.all())) > 0 {
					t.Errorf("gaps: %v", gaps(v.all()))
				}
			}
			if fault := unbroken(here.numbers()); fault != "" || len(here.numbers()) != 12 {
				t.Errorf("here: %v", here.numbers())
			}
			if fault := unbroken(there.numbers()); fault != "" || len(there.numbers()) != 12 {
				t.Errorf("there: %v", there.numbers())
			}
			soon.awaitLine(t, 12, 10*time.Second)
			for _, v := range []*viewer{soon, late} {
				if n := v.numbers(); n[0] < 11 {
					t.Errorf("who came later got %v", n)
				}
			}
		})
	}
}
