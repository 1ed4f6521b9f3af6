package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// sendLimited is a gateway in a bubble with limits for what is sent.
func sendLimited(t *testing.T, broker loglane.Broker, limits server.IngestLimits) func(token, query, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	hub, err := loglane.NewHub(broker, nil)
	must(t, err)
	t.Cleanup(func() { must(t, hub.Close(context.Background())) })
	s := setup{Options: server.Options{Hub: hub, Broker: broker, Pages: pages, Limits: server.Limits{Ingest: limits}}}
	withKnownTokens(&s)
	s.Ways = append(s.Ways, s.tokens)
	srv, err := server.New(s.Options)
	must(t, err)
	handler := srv.Handler()
	return func(token, query, body string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/logs"+query, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
}

// A token that has sent more than it may waits until it owes nothing; another does not. Who
// waits as it is told loses nothing.
func TestATokenSendsOnlySoMuch(t *testing.T) {
	for setting, limits := range map[string]server.IngestLimits{
		"max-ingest-bytes-per-second": {BytesPerSecond: 100},
		"max-ingest-lines-per-second": {LinesPerSecond: 10},
	} {
		t.Run(setting, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := newLossy()
				send := sendLimited(t, broker, limits)
				body, refused := strings.Repeat("123456789\n", 30), 0
				for range 5 {
					w := send("all", "?user=alice", body)
					for w.Code == http.StatusTooManyRequests {
						refused++
						if w.Header().Get("Loglane-Limit") != setting || !strings.Contains(w.Body.String(), setting) {
							t.Fatalf("%v %s", w.Header(), w.Body)
						}
						wait, err := time.ParseDuration(w.Header().Get("Retry-After") + "s")
						must(t, err)
						if other := send("other", "?user=bob", "x\n"); other.Code != http.StatusOK {
							t.Fatalf("another token: %d %s", other.Code, other.Body)
						}
						time.Sleep(wait)
						w = send("all", "?user=alice", body)
					}
					if w.Code != http.StatusOK {
						t.Fatalf("%d %s", w.Code, w.Body)
					}
				}
				if n := len(stored(t, broker, "logs:User.alice")); n != 150 || refused < 4 || refused > 8 {
					t.Errorf("%d of 150 lines are stored, %d times refused", n, refused)
				}
			})
		})
	}
}

// One token cannot fill the broker with names: of channels, or of producers in them. Those
// that exist are not counted.
func TestATokenNamesOnlySoMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := newLossy()
		send := sendLimited(t, broker, server.IngestLimits{NewChannels: 60, NewProducers: 60})
		if w := send("other", "?user=old", "x\n"); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var records strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&records, "{\"message\":\"x\",\"user\":\"new%d\"}\n", i)
		}
		if w := send("all", "", records.String(), ndjson...); w.Code != http.StatusOK {
			t.Fatalf("the burst: %d %s", w.Code, w.Body)
		}
		w := send("all", "?user=onemore", "x\n")
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Loglane-Limit") != "max-new-channels-per-minute" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		for _, user := range []string{"new7", "old"} {
			if w := send("all", "?user="+user, "x\n"); w.Code != http.StatusOK {
				t.Errorf("%s exists: %d %s", user, w.Code, w.Body)
			}
		}
		if w := send("other", "?user=another", "x\n"); w.Code != http.StatusOK {
			t.Errorf("another token: %d %s", w.Code, w.Body)
		}
		time.Sleep(time.Second)
		if w := send("all", "?user=onemore", "x\n"); w.Code != http.StatusOK {
			t.Errorf("a second later: %d %s", w.Code, w.Body)
		}

		refused := 0
		for i := range 1500 {
			w := send("all", "?user=old", "x\n", "Producer", fmt.Sprint(i), "Producer-Seq", "1")
			if w.Code == http.StatusTooManyRequests && w.Header().Get("Loglane-Limit") == "max-new-producers-per-minute" {
				refused++
			}
		}
		if refused != 500 {
			t.Errorf("%d of 1500 producers are refused", refused)
		}
		if w := send("all", "?user=old", "x\n", "Producer", "7", "Producer-Seq", "2"); w.Code != http.StatusOK {
			t.Errorf("a producer that is known: %d %s", w.Code, w.Body)
		}
	})
}

// Bodies wait for memory, and one token cannot have all of it. Who waits in vain is told so.
func TestBodiesShareTheirMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := server.NewMemory(8 << 20)
		ctx := t.Context()
		first, second, third := m.Hold("a"), m.Hold("a"), m.Hold("b")
		must(t, first.Grow(ctx, 3<<20))
		began := time.Now()
		if err := second.Grow(ctx, 1<<20); err == nil || !strings.Contains(err.Error(), "ingest-memory") || time.Since(began) != 5*time.Second {
			t.Errorf("beyond the token's share: %v after %v", err, time.Since(began))
		}
		must(t, third.Grow(ctx, 3<<20)) // at once
		var waiting sync.WaitGroup
		var beyond, smaller time.Duration
		waiting.Go(func() {
			must(t, m.Hold("c").Grow(ctx, 3<<20))
			beyond = time.Since(began)
		})
		synctest.Wait()
		waiting.Go(func() { // overtakes nobody
			must(t, second.Grow(ctx, 64<<10))
			smaller = time.Since(began)
		})
		time.Sleep(time.Second)
		first.Release()
		waiting.Wait()
		if beyond != 6*time.Second || smaller != 6*time.Second {
			t.Errorf("the last have it after %v and %v", beyond, smaller)
		}
	})
}

// Of names only the latest are remembered, and those that are met again.
func TestNamesRememberFew(t *testing.T) {
	var n server.Names
	const many = 250_000
	n.Add("kept")
	for i := range many {
		n.Add(fmt.Sprint(i))
		if !n.Has("kept") {
			t.Fatalf("after %d others a name that is met all the time is forgotten", i)
		}
	}
	if n.Len() > 100_000 {
		t.Errorf("%d names are remembered", n.Len())
	}
	if !n.Has(fmt.Sprint(many-1)) || !n.Has(fmt.Sprint(many-40_000)) || n.Has("0") {
		t.Error("it is not the latest that are remembered")
	}
}
