package loglane_test

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
)

// A hub follows so many channels and no more: those that nobody watches make room, and a
// further viewer of one that is followed is always welcome.
func TestAHubFollowsOnlySoManyChannels(t *testing.T) {
	onStage(t, stageOptions{hub: loglane.HubOptions{MaxChannels: 2}}, func(s *stage) {
		open := func(channel string) (w *httptest.ResponseRecorder, leave func()) {
			handler := s.hub.Stream(func(*http.Request) (loglane.Grant, error) { return loglane.Grant{Channel: channel}, nil }, nil)
			ctx, cancel := context.WithCancel(context.Background())
			var ended sync.WaitGroup
			w = httptest.NewRecorder()
			ended.Go(func() { handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)) })
			synctest.Wait()
			return w, func() { cancel(); ended.Wait() }
		}
		_, leaveA := open("logs:a")
		_, leaveB := open("logs:b")
		again, leaveAgain := open("logs:a")
		refused, leaveC := open("logs:c")
		if again.Code != http.StatusOK {
			t.Errorf("another viewer of a channel: %d", again.Code)
		}
		if refused.Code != http.StatusServiceUnavailable || refused.Header().Get("Loglane-Limit") != "max-channels" || refused.Header().Get("Retry-After") == "" {
			t.Errorf("a third channel: %d %v %s", refused.Code, refused.Header(), refused.Body)
		}
		leaveB()
		if third, leave := open("logs:c"); third.Code != http.StatusOK {
			t.Errorf("once nobody watches the second: %d %s", third.Code, third.Body)
		} else {
			leave()
		}
		for i := range 20 {
			w, leave := open(fmt.Sprintf("logs:other%d", i))
			if leave(); w.Code != http.StatusOK {
				t.Errorf("one after the other: %d", w.Code)
			}
		}
		if n := s.hub.Stats().Channels; n > 2 {
			t.Errorf("%d channels are followed", n)
		}
		for _, leave := range []func(){leaveA, leaveAgain, leaveC} {
			leave()
		}
	})
}

// What is shed are the newest streams, each with a bye that says why.
func TestTheNewestStreamsAreShed(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		handler := s.hub.Stream(func(*http.Request) (loglane.Grant, error) { return s.grant, nil }, nil)
		ctx, cancel := context.WithCancel(context.Background())
		var ended sync.WaitGroup
		var all [5]*httptest.ResponseRecorder
		for i := range all {
			all[i] = httptest.NewRecorder()
			ended.Go(func() { handler.ServeHTTP(all[i], httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)) })
			synctest.Wait()
		}
		if n := s.hub.Shed(2, "memory"); n != 2 {
			t.Errorf("%d are shed", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		cancel()
		ended.Wait()
		for i, w := range all {
			if shed := strings.Contains(w.Body.String(), "event: bye"); shed != (i >= 3) {
				t.Errorf("stream %d is shed: %v", i+1, shed)
			}
		}
	})
}

// A turn is asked for before anything is read, given back once what is stored is sent, and
// its refusal is the answer.
func TestAStreamTakesItsTurn(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append("one")
		given, back := 0, 0
		var refusal error
		opts := &loglane.StreamOptions{Turn: func(context.Context, loglane.Grant) (func(), error) {
			given++
			return sync.OnceFunc(func() { back++ }), refusal
		}}
		handler := s.hub.Stream(func(*http.Request) (loglane.Grant, error) { return s.grant, nil }, opts)
		ctx, cancel := context.WithCancel(context.Background())
		var ended sync.WaitGroup
		ended.Go(func() {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
		})
		synctest.Wait()
		if given != 1 || back != 1 {
			t.Errorf("of an open stream, %d turns are given and %d given back", given, back)
		}
		cancel()
		ended.Wait()
		refusal = &loglane.StatusError{Code: http.StatusServiceUnavailable, Message: "no turn", Limit: "max-replays", RetryAfter: time.Second}
		for name, handler := range map[string]http.Handler{
			"stream":  handler,
			"history": s.hub.History(func(*http.Request) (loglane.Grant, error) { return s.grant, nil }, opts),
		} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Loglane-Limit") != "max-replays" {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	})
}
