package loglane_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

func (s *stage) purge() {
	s.Helper()
	if err := s.hub.Purge(s.Context(), s.grant.Channel); err != nil {
		s.Fatalf("Purge: %v", err)
	}
	synctest.Wait()
}

func TestPurge(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		first := s.append("one")
		s.append("two", "three")
		v := s.open("")
		v.wantMore("retry", "one#", "two#", "three#")
		s.purge()
		v.wantMore()
		s.open("").want("retry", "#three")
		s.open("last_event_id=0").want("retry", "#start")
		s.open("last_event_id="+first.String()).want("retry", `gap{"reason":"trimmed","missed":2}#start`)
		four := s.append("four")
		v.wantMore("four#")
		if four.N != 4 {
			t.Errorf("the line after the purge is %v", four)
		}
		s.open("").want("retry", "four#")
		s.open("last_event_id="+first.String()).want("retry", `gap{"reason":"trimmed","missed":2}#three`, "four#")
	})
}

// In a channel that other programs write to, viewers go on just the same.
func TestPurgeOfForeignLines(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.both("one")
		s.both("two")
		v := s.open("")
		v.wantMore("retry", "one#", "two#")
		s.purge()
		s.names[s.tail().ID] = "purged"
		v.wantMore("#purged")
		s.open("").want("retry", "#purged")
		s.both("three")
		s.append("four")
		v.wantMore("three#", "four#")
		s.open("").want("retry", "#purged", "three#", "four#")
	})
}

func TestPurgeOfWhatASlowViewerHasNotRead(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		v := s.open("")
		v.wantMore("retry", "one#")
		v.w.freeze()
		s.append(numbered("secret", 1, 100)...)
		synctest.Wait()
		s.purge()
		v.w.thaw()
		synctest.Wait()
		told := v.told()
		s.append("after")
		// What was under way when the viewer froze came; the rest is counted.
		v.want(append(placed(numbered("secret", 1, len(told)-1)...),
			fmt.Sprintf(`gap{"reason":"slow","missed":%d}#secret 100`, 101-len(told)), "after#")...)
	})
}

// The first lines ever may be purged before anybody has read them.
func TestPurgeOfUnreadFirstLines(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		v.wantMore("retry", "#start")
		undo := s.broker.dropPayloads()
		s.append("one", "two")
		undo()
		s.purge()
		v.wantMore(`gap{"reason":"trimmed","missed":2}#start`)
		s.append("three")
		v.wantMore("three#")
	})
}

// Another process with the same broker learns of a purge by Forget, also where it reads
// the history at that moment.
func TestForget(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.open("")
		s.append("one", "two")
		synctest.Wait()
		purge := func() {
			if err := s.broker.Purge(context.Background(), s.grant.Channel); err != nil {
				t.Error(err)
			}
		}
		purge()
		s.hub.Forget(s.grant.Channel)
		s.hub.Forget("logs:User.nobody")
		s.open("").want("retry", "#two")
		// The page is read, the history purged, and Forget called before the page is taken.
		undo := s.broker.dropPayloads()
		s.append("three")
		undo()
		once := true
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				if once && len(page.Entries) > 0 {
					once = false
					purge()
					s.hub.Forget(s.grant.Channel)
				}
			}
		})
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		synctest.Wait()
		s.open("").want("retry", "#three")
		v.want("retry", "#start", "one#", "two#", `gap{"reason":"slow","missed":1}#three`)
	})
}

// Whoever joins after a purge by another process is shown nothing of it, though nobody has
// called Forget: neither from the ring, nor out of a read that was under way.
func TestPurgeElsewhere(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		t.Run(fmt.Sprintf("foreign=%v", foreign), func(t *testing.T) {
			onStage(t, stageOptions{}, func(s *stage) {
				if foreign {
					s.both("zero")
				}
				first := s.append("one")
				s.append("two", "three")
				v := s.open("")
				v.forget()
				purge := func() {
					if err := s.broker.Purge(context.Background(), s.grant.Channel); err != nil {
						t.Error(err)
					}
					s.names[s.tail().ID] = "purged"
				}
				nothing := func(query string) {
					t.Helper()
					for _, line := range s.open(query).lines() {
						t.Errorf("?%s shows %q", query, line)
					}
				}
				purge()
				for _, query := range []string{"", "backlog=1000", "replay=bulk", "follow=0", "last_event_id=0", "last_event_id=" + first.String()} {
					nothing(query)
				}
				s.append("four")
				synctest.Wait()
				purge()
				nothing("last_event_id=" + first.String())
				// A page is read, the history purged, and a viewer comes before the page is taken.
				undo := s.broker.dropPayloads()
				s.append("five")
				undo()
				release, once := make(chan struct{}), true
				s.broker.set(func(b *faultyBroker) {
					b.onRead = func(page *loglane.Page) {
						if once && len(page.Entries) > 0 {
							once = false
							<-release
						}
					}
				})
				s.broker.tell(loglane.Event{Kind: loglane.Broken})
				synctest.Wait()
				purge()
				late := s.request(s.grant, http.MethodGet, "")
				synctest.Wait()
				close(release)
				synctest.Wait()
				s.append("six")
				if got := fmt.Sprint(late.lines()); got != "[six]" {
					t.Errorf("who came meanwhile is shown %s", got)
				}
				if got := strings.Join(v.told(), " "); !strings.Contains(got, "four#") || !strings.HasSuffix(got, " six#") {
					t.Errorf("who was there is told %s", got)
				}
			})
		})
	}
}

// A crowd that joins at once asks for the mark at most twice.
func TestPurgeMarkIsShared(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		s.open("")
		var asked atomic.Int64
		s.broker.set(func(b *faultyBroker) {
			b.onMark = func(context.Context) { asked.Add(1); time.Sleep(time.Millisecond) }
		})
		for range 500 {
			s.request(s.grant, http.MethodGet, "")
		}
		synctest.Wait()
		time.Sleep(time.Second)
		for _, v := range s.viewers {
			v.want("retry", "one#")
		}
		if n := asked.Load(); n > 2 {
			t.Errorf("the mark was asked for %d times", n)
		}
	})
}

// While the mark cannot be had, nobody is let in.
func TestPurgeMarkThatDoesNotCome(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("secret")
		s.open("")
		s.broker.set(func(b *faultyBroker) { b.onMark = func(ctx context.Context) { <-ctx.Done() } })
		began := time.Now()
		v := s.request(s.grant, http.MethodGet, "")
		<-v.done
		if v.w.status != http.StatusServiceUnavailable || len(v.lines()) > 0 {
			t.Errorf("%d %s", v.w.status, v.w.bytes())
		}
		if waited := time.Since(began); waited > 3*time.Second {
			t.Errorf("it took %v", waited)
		}
	})
}

// Where a notice may have been missed, what no viewer needs is dropped.
func TestDoubt(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v, slow := s.open(""), s.open("")
		s.append("one", "two")
		synctest.Wait()
		slow.w.freeze()
		s.append("three")
		synctest.Wait()
		if err := s.broker.Purge(context.Background(), s.grant.Channel); err != nil {
			t.Fatal(err)
		}
		s.hub.Doubt()
		synctest.Wait()
		slow.w.thaw()
		time.Sleep(20 * time.Second)
		s.append("four")
		v.want("retry", "#start", "one#", "two#", "three#", "four#")
		slow.want("retry", "#start", "one#", "two#", "three#", "four#")
		s.open("").want("retry", "four#")
	})
}

// A plainBroker can do no more than it must.
type plainBroker struct{ loglane.Broker }

func TestBrokersThatCannotPurgeOrList(t *testing.T) {
	memory, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		t.Fatal(err)
	}
	hub, err := loglane.NewHub(plainBroker{memory}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close(context.Background())
	if err := hub.Purge(t.Context(), aliceChannel); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Purge: %v", err)
	}
	if _, _, err := hub.List(t.Context(), "logs:", 10); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("List: %v", err)
	}
}
