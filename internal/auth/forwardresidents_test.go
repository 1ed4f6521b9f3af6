package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// A house is an application as a synctest bubble has it, and the streams that hang on it.
type house struct {
	*auth.Forward
	t       *testing.T
	streams *openStreams

	mu    sync.Mutex
	names map[string]string // of cookies
	asked map[string][]time.Time
}

func newHouse(t *testing.T, o auth.ForwardOptions) *house {
	t.Helper()
	h := &house{t: t, streams: &openStreams{}, names: map[string]string{}, asked: map[string][]time.Time{}}
	o.URL, o.OnEnd = "http://127.0.0.1:1/", h.streams.end
	var err error
	h.Forward, err = auth.NewForward(o)
	must(t, err)
	auth.AskWith(h.Forward, func(cookie string) string {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.asked[cookie] = append(h.asked[cookie], time.Now())
		return h.names[cookie]
	})
	return h
}

func (h *house) says(cookie, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names[cookie] = name
}

func (h *house) questions(cookie string) []time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]time.Time(nil), h.asked[cookie]...)
}

func (h *house) enter(cookie string) (*auth.Principal, *openStream) {
	h.t.Helper()
	p, err := h.Authenticate(withCookie(cookie))
	must(h.t, err)
	if p == nil {
		h.t.Fatalf("%q is nobody", cookie)
	}
	return p, h.streams.add(p)
}

// watch checks as an open stream does, every 30 s for as long as the time.
func watch(p *auth.Principal, last time.Duration) (codes []int) {
	for end := time.Now().Add(last); ; time.Sleep(30 * time.Second) {
		codes = append(codes, status(p.Check(context.Background())))
		if !time.Now().Add(30 * time.Second).Before(end) {
			time.Sleep(time.Until(end))
			return codes
		}
	}
}

// One question a minute and credential, however many streams hang on it.
func TestForwardIsAskedAgainOnceForAllStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, auth.ForwardOptions{})
		defer h.Close()
		h.says("session=1", "alice")
		var streams sync.WaitGroup
		for range 50 {
			p, _ := h.enter("session=1")
			streams.Go(func() {
				for _, code := range watch(p, 30*time.Minute) {
					if code != 0 {
						t.Errorf("a check: %d", code)
					}
				}
			})
			time.Sleep(100 * time.Millisecond)
		}
		streams.Wait()
		asked := h.questions("session=1")
		if n := len(asked); n < 30 || n > 61 {
			t.Errorf("in half an hour it was asked %d times", n)
		}
		for i := range asked[1:] {
			if gap := asked[i+1].Sub(asked[i]); gap > time.Minute || i > 0 && gap < 30*time.Second {
				t.Errorf("it is asked again after %v", gap)
			}
		}
		time.Sleep(2 * time.Minute)
		if n := auth.Residents(h.Forward); n != 0 {
			t.Errorf("%d logins without streams are looked after", n)
		}
		if after := h.questions("session=1"); len(after) > len(asked)+1 {
			t.Errorf("it is asked %d times about a login without streams", len(after)-len(asked))
		}
	})
}

// A thousand that came together are not asked about together.
func TestForwardSpreadsItsQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, auth.ForwardOptions{})
		defer h.Close()
		var streams sync.WaitGroup
		for i := range 1000 {
			cookie := fmt.Sprint("session=", i)
			h.says(cookie, "alice")
			p, _ := h.enter(cookie)
			streams.Go(func() { watch(p, 3*time.Minute) })
		}
		streams.Wait()
		seconds := map[int64]int{}
		for i := range 1000 {
			for _, at := range h.questions(fmt.Sprint("session=", i))[1:] {
				seconds[at.Unix()]++
			}
		}
		for second, n := range seconds {
			if n > 100 { // 33 a second would be even
				t.Errorf("%d questions in the second %d", n, second)
			}
		}
	})
}

func TestForwardEndsStreams(t *testing.T) {
	for _, c := range []struct {
		name, says, want string
		recheck          time.Duration
		request          bool // somebody comes with the cookie
		within           time.Duration
	}{
		{"signed out", "", "signed out", 0, false, time.Minute},
		{"another name", "bob", "revoked", 0, false, time.Minute},
		{"with a shorter time", "", "signed out", 2 * time.Second, false, 2 * time.Second},
		{"another request finds it out", "", "signed out", 0, true, 6 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, auth.ForwardOptions{Recheck: c.recheck})
			defer h.Close()
			h.says("session=1", "alice")
			h.says("session=2", "alice")
			p, stream := h.enter("session=1")
			other, otherStream := h.enter("session=2")
			var streams sync.WaitGroup
			defer streams.Wait()
			for _, p := range []*auth.Principal{p, other} {
				streams.Go(func() { watch(p, 2*time.Minute) })
			}
			synctest.Wait()
			h.says("session=1", c.says)
			if c.request {
				time.Sleep(c.within - time.Second)
				_, _ = h.Authenticate(withCookie("session=1"))
			}
			time.Sleep(c.within)
			synctest.Wait()
			if got := h.streams.reason(stream); got != c.want {
				t.Errorf("%s: the stream ended as %q, want %q", c.name, got, c.want)
			}
			if got := h.streams.reason(otherStream); got != "" {
				t.Errorf("%s: another login's stream ended as %q", c.name, got)
			}
			if got := status(p.Check(t.Context())); c.says != "" && got != http.StatusUnauthorized {
				t.Errorf("%s: then the check: %d", c.name, got)
			}
		})
	}
}

// While the application is away the streams go on for a moment, then they wait; nobody is
// signed out.
func TestForwardWhileTheApplicationIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, auth.ForwardOptions{})
		defer h.Close()
		h.says("session=1", "alice")
		p, stream := h.enter("session=1")
		must(t, p.Check(t.Context()))
		h.says("session=1", auth.Away)
		began := time.Now()
		waits := time.Duration(0)
		for time.Since(began) < 3*time.Minute {
			time.Sleep(time.Second)
			switch code := status(p.Check(t.Context())); {
			case code == 0 && waits == 0:
			case code == http.StatusServiceUnavailable:
				if waits == 0 {
					waits = time.Since(began)
				}
			default:
				t.Fatalf("after %v the check is %d", time.Since(began), code)
			}
		}
		if waits < 90*time.Second || waits > 92*time.Second {
			t.Errorf("the stream waits from %v on, want 1m30s", waits)
		}
		if got := h.streams.reason(stream); got != "" {
			t.Errorf("the stream ended as %q", got)
		}
		h.says("session=1", "alice")
		must(t, p.Check(t.Context()))
	})
}

// Made-up cookies of one address neither become a flood nor lock out who was there before
// or comes from elsewhere.
func TestForwardBoundsStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, auth.ForwardOptions{})
		defer h.Close()
		from := func(address, cookie string) (int, *auth.Principal) {
			r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
			r.RemoteAddr = address
			r.Header.Set("Cookie", cookie)
			p, err := h.Authenticate(r)
			return status(err), p
		}
		h.says("session=1", "alice")
		h.says("session=2", "bob")
		if code, p := from("203.0.113.7:1", "session=1"); code != 0 || p == nil {
			t.Fatalf("alice: %d", code)
		}
		time.Sleep(time.Minute) // what she was told is forgotten
		refused := 0
		for i := range 10_000 {
			if code, _ := from("203.0.113.7:1", fmt.Sprint("made-up=", i)); code == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused != 10_000-30 {
			t.Errorf("%d of 10000 strangers are refused", refused)
		}
		if code, p := from("203.0.113.7:1", "session=1"); code != 0 || p == nil {
			t.Errorf("alice, from the strangers' address: %d", code)
		}
		if code, p := from("203.0.113.8:1", "session=2"); code != 0 || p == nil {
			t.Errorf("bob, from another one: %d", code)
		}
		if code, _ := from("127.0.0.1:1", "session=2; x=1"); code != 0 { // a proxy's, behind which are many
			t.Errorf("somebody from loopback: %d", code)
		}
		time.Sleep(2 * time.Second)
		if code, p := from("203.0.113.7:1", "session=2; y=1"); code != 0 || p != nil {
			t.Errorf("two seconds later: %d", code)
		}
	})
}

func TestForwardRefusesAShortRecheck(t *testing.T) {
	_, err := auth.NewForward(auth.ForwardOptions{URL: "http://127.0.0.1:1/", Recheck: time.Millisecond})
	wantError(t, err, "recheck", "1s or more")
}
