package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// inBubble makes a gateway without sockets.
func inBubble(t *testing.T, broker loglane.Broker) http.Handler {
	hub, err := loglane.NewHub(broker, nil)
	must(t, err)
	t.Cleanup(func() { must(t, hub.Close(context.Background())) })
	s := setup{Options: server.Options{Hub: hub, Broker: broker, Pages: pages}}
	withKnownTokens(&s)
	s.Ways = append(s.Ways, s.tokens)
	srv, err := server.New(s.Options)
	must(t, err)
	return srv.Handler()
}

func numberedRequest(t *testing.T, token string, first int) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/logs?user=alice", strings.NewReader(fmt.Sprintf("line %d", first)))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Producer", "run-1")
	r.Header.Set("Producer-Seq", fmt.Sprint(first))
	return r
}

// The second request of a producer waits for the first one, and not for ever.
func TestAProducerHasOneRequestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := newLossy()
		hold := make(chan struct{})
		handler := inBubble(t, &troubled{Broker: kept, before: func(channel string, b loglane.Batch) error {
			if len(b.Lines) > 0 && b.Lines[0].K == 1 {
				<-hold
			}
			return nil
		}})
		answers := make([]*httptest.ResponseRecorder, 4)
		var all sync.WaitGroup
		for i := range 2 {
			answers[i] = httptest.NewRecorder()
			all.Go(func() { handler.ServeHTTP(answers[i], numberedRequest(t, "all", 1+i)) })
			synctest.Wait()
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if a := answers[1]; a.Code != http.StatusTooManyRequests || a.Header().Get("Retry-After") == "" || !strings.Contains(a.Body.String(), "of this producer") {
			t.Errorf("%d %s", a.Code, a.Body)
		}
		answers[2], answers[3] = httptest.NewRecorder(), httptest.NewRecorder()
		all.Go(func() { handler.ServeHTTP(answers[2], numberedRequest(t, "all", 2)) })
		handler.ServeHTTP(answers[3], numberedRequest(t, "other", 2)) // another token's is another producer
		time.Sleep(4 * time.Second)
		close(hold)
		all.Wait()
		for i, want := range []int{200, 429, 200, 200} {
			if answers[i].Code != want {
				t.Errorf("request %d: %d %s, want %d", i, answers[i].Code, answers[i].Body, want)
			}
		}
		checkChannel(t, kept, "logs:User.alice", []string{"line 2", "line 1", "line 2"})
	})
}

func TestTooManyRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		handler := inBubble(t, &troubled{Broker: newLossy(), before: func(string, loglane.Batch) error {
			<-hold
			return nil
		}})
		var all sync.WaitGroup
		var mu sync.Mutex
		codes := make(map[string]int)
		for i := range 27 {
			token := []string{"all", "all", "other"}[i%3]
			if i >= 18 {
				token = "alice"
			}
			all.Go(func() {
				r := numberedRequest(t, token, 1)
				r.Header.Del("Producer")
				r.Header.Del("Producer-Seq")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				mu.Lock()
				defer mu.Unlock()
				what := fmt.Sprintf("%s %d", token, w.Code)
				for _, part := range []string{"8 requests of this token", "16 requests with lines"} {
					if strings.Contains(w.Body.String(), part) {
						what += " " + part
					}
				}
				codes[what]++
			})
			time.Sleep(time.Millisecond) // each waits a moment longer than the one before it
		}
		time.Sleep(6 * time.Second)
		close(hold)
		all.Wait()
		// 8 of the first token, its other 4 wait in vain; 6 of the second; 2 of the third
		// have the last places of the gateway, 6 wait for those in vain, and 1 for the
		// token's place that one of these gives back.
		want := map[string]int{
			"all 200": 8, "all 429 8 requests of this token": 4, "other 200": 6,
			"alice 200": 3, "alice 429 16 requests with lines": 6,
		}
		if !reflect.DeepEqual(codes, want) {
			t.Errorf("%v", codes)
		}
	})
}
