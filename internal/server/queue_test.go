package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/server"
)

// Two users with however many requests leave places for a third, whose turn comes next.
func TestAQueueGoesRoundTheUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := server.NewQueue(4, 2, 0, 5*time.Second)
		began := time.Now()
		var all sync.WaitGroup
		turns := make(chan string, 100)
		for _, user := range []string{"a", "a", "a", "a", "a", "b", "b", "b", "c"} {
			all.Go(func() {
				release, err := q.Take(t.Context(), user)
				if err != nil {
					turns <- user + " in vain"
					return
				}
				turns <- fmt.Sprint(user, int(time.Since(began)/time.Second))
				time.Sleep(time.Second)
				release()
				release() // once more is harmless
			})
			synctest.Wait()
		}
		all.Wait()
		close(turns)
		count := make(map[string]int) // by user and second
		for turn := range turns {
			count[turn]++
		}
		if count["a0"] != 2 || count["b0"] != 2 || count["c1"] != 1 || count["b1"] != 1 || count["a1"]+count["a2"] != 3 {
			t.Errorf("the turns are %v", count)
		}
	})
}

func TestAQueueKeepsItsPaceAndItsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := server.NewQueue(1000, 1000, 100*time.Millisecond, 2*time.Second)
		began := time.Now()
		served, vain := 0, 0
		done := make(chan error, 100)
		for i := range 100 {
			go func() {
				_, err := q.Take(t.Context(), fmt.Sprint(i))
				done <- err
			}()
		}
		for range 100 {
			if err := <-done; err != nil {
				vain++
			} else {
				served++
			}
		}
		// Ten a second for two seconds, and at most one more at either end.
		if took := time.Since(began); served < 19 || served > 22 || took != 2*time.Second {
			t.Errorf("%d are served and %d not within %v", served, vain, took)
		}
	})
}

// However many addresses and names come, few are remembered, and a busy one is among them.
func TestRatesRememberFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := server.NewRates(1, 10)
		for range 10 {
			if wait := r.Take("flood", 1); wait != 0 {
				t.Fatalf("within the burst: wait %v", wait)
			}
		}
		for i := range 100_000 {
			r.Take(fmt.Sprint(i), 1)
		}
		if n := r.Len(); n > 10_000 {
			t.Errorf("%d are remembered", n)
		}
		if wait := r.Take("flood", 1); wait != time.Second {
			t.Errorf("after the others: wait %v", wait)
		}
		time.Sleep(time.Second)
		if wait := r.Take("flood", 1); wait != 0 {
			t.Errorf("a second later: wait %v", wait)
		}
		r.Charge("flood", 20)
		if wait := r.Owes("flood"); wait != 20*time.Second {
			t.Errorf("it owes %v", wait)
		}
	})
}

// A user, and an address whatever its port or, of an IPv6 network, its host, opens streams
// as fast as is allowed. Others are not held up, and nothing stays of those refused.
func TestStreamsAreOpenedOnlySoFast(t *testing.T) {
	for name, c := range map[string]struct {
		limits  server.Limits
		address func(i int) string
		setting string
	}{
		"user":            {server.Limits{OpensPerUser: 1}, func(i int) string { return fmt.Sprintf("192.0.2.%d:1", i%200) }, "max-opens-per-second-per-user"},
		"65,000 ports":    {server.Limits{OpensPerAddress: 1}, func(i int) string { return fmt.Sprintf("192.0.2.1:%d", 1+i) }, "max-opens-per-second-per-address"},
		"one IPv6 subnet": {server.Limits{OpensPerAddress: 1}, func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", 1+i) }, "max-opens-per-second-per-address"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(s *setup) { s.Limits = c.limits })
			handler := g.server.Handler()
			head := func(user *browser, address string) *httptest.ResponseRecorder {
				r := user.request(http.MethodHead, "api/v1/stream", nil)
				r.RemoteAddr, r.RequestURI = address, "/api/v1/stream"
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				return w
			}
			alice := g.as("alice")
			refused := 0
			for i := range 2000 {
				w := head(alice, c.address(i))
				if w.Code == http.StatusOK {
					continue
				}
				refused++
				if w.Code != http.StatusTooManyRequests || w.Header().Get("Loglane-Limit") != c.setting || w.Header().Get("Retry-After") == "" {
					t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
				}
			}
			if refused < 1900 {
				t.Errorf("%d of 2000 are refused", refused)
			}
			if w := head(g.as("bob"), "198.51.100.1:1"); w.Code != http.StatusOK {
				t.Errorf("bob: %d", w.Code)
			}
			if n := server.CountedUsers(g.server); n != 0 {
				t.Errorf("%d users are counted though no stream is open", n)
			}
			w := httptest.NewRecorder()
			g.server.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			if want := fmt.Sprintf(`loglane_limit_refusals_total{limit=%q} %d`, c.setting, refused); !strings.Contains(w.Body.String(), want) {
				t.Errorf("the metrics have no %s:\n%s", want, w.Body)
			}
		})
	}
}

func TestAUserFollowsOnlySoManyChannels(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.Limits = server.Limits{ChannelsPerUser: 2} })
	adam := g.as("adam")
	for _, context := range []string{"job_a", "job_a", "job_b"} {
		adam.open("api/v1/stream?channel=" + context).until("id: ")
	}
	if a := adam.get("api/v1/stream?channel=job_c"); a.code != http.StatusTooManyRequests || a.header.Get("Loglane-Limit") != "max-channels-per-user" || !strings.Contains(a.body, `"limit":"max-channels-per-user"`) {
		t.Errorf("%d %s", a.code, a.body)
	}
}

// Garbage in place of a cursor, huge cookies and long addresses are refused, and nothing of
// them stays.
func TestGarbageLeavesNothing(t *testing.T) {
	g := newGateway(t, nil)
	alice := g.as("alice")
	for i := range 500 {
		alice.headers = http.Header{"Last-Event-Id": {fmt.Sprintf("garbage %d", i)}}
		if a := alice.get("api/v1/stream"); a.code != http.StatusBadRequest {
			t.Fatalf("%d %s", a.code, a.body)
		}
	}
	if stats := g.hub.Stats(); stats.Streams != 0 || stats.Channels != 0 || stats.Reads != 0 {
		t.Errorf("%+v", stats)
	}
	alice.headers = http.Header{"Cookie": {"a=" + strings.Repeat("x", 64<<10)}}
	if a := alice.get("api/v1/stream"); a.code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a huge cookie: %d", a.code)
	}
	alice.headers = nil
	if a := alice.get("api/v1/stream?q=" + strings.Repeat("x", 64<<10)); a.code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long address: %d", a.code)
	}
}

// Tokens that are not valid are answered less and less, and those that are go on.
func TestWrongTokensOfAnAddress(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.Limits = server.Limits{WrongTokens: 5} })
	wrong := g.as("")
	codes := make(map[int]int)
	for i := range 50 {
		wrong.headers = http.Header{"Authorization": {fmt.Sprintf("Bearer llt_wrong%d", i)}}
		a := wrong.get("api/v1/me")
		codes[a.code]++
		if a.code == http.StatusTooManyRequests && a.header.Get("Loglane-Limit") != "max-wrong-tokens-per-minute" {
			t.Fatalf("%v", a.header)
		}
	}
	if codes[http.StatusUnauthorized] < 5 || codes[http.StatusTooManyRequests] < 40 {
		t.Errorf("%v", codes)
	}
	if a := g.with("read").get("api/v1/me"); a.code != http.StatusOK {
		t.Errorf("a valid token from there: %d %s", a.code, a.body)
	}
}
