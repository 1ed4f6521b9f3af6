package e2e

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// TestDjangoLogout signs out of a Django app, and looks how long the streams stay that were
// opened with its session cookie, on two gateways.
func TestDjangoLogout(t *testing.T) {
	t.Parallel()
	const recheck = 3 * time.Second
	redis, addrs := redistest.Start(t), []string{porttest.Addr(t), porttest.Addr(t)}
	d := newDjango(t, addrs[0], []string{"REDIS_URL=" + redis.URL()}, "")
	alice, bob := newBrowser(t), newBrowser(t)
	d.signIn(alice, "alice", d.url+"/accounts/login/")
	d.signIn(bob, "bob", d.url+"/accounts/login/")
	alicesCookies := cookies(t, alice, d.url)
	ended := make(chan *viewer, 2*len(addrs))
	ctx, cancel := context.WithCancel(t.Context())
	var watching []<-chan error
	for _, addr := range addrs {
		d.forwardGateway(addr, redis.URL(), "--auth-recheck", recheck.String())
		for range 2 {
			v := newViewer("http://" + addr + "/api/v1/stream")
			v.header = alicesCookies.Clone()
			done := make(chan error, 1)
			watching = append(watching, done)
			go func() {
				done <- v.once(ctx)
				ended <- v
			}()
			v.awaitCursor(t, "0-0", 10*time.Second)
		}
	}
	defer func() {
		cancel()
		for _, done := range watching {
			<-done
		}
	}()
	bobs := watchAs(t, "http://"+addrs[0]+"/api/v1/stream", bob)
	bobs.awaitCursor(t, "0-0", 10*time.Second)
	select {
	case <-ended:
		t.Fatal("a stream ended before anybody signed out")
	case <-time.After(2 * recheck):
	}

	left := time.Now()
	get(t, alice, d.url+"/leave/")
	deadline := time.After(recheck + 2*time.Second) // for a question on a machine that is busy
	for range cap(ended) {
		select {
		case v := <-ended:
			events := v.all()
			if !slices.ContainsFunc(events, func(s shown) bool { return s.event == "auth" }) {
				t.Errorf("a stream ended without event auth: %v", events)
			}
			if err := v.once(ctx); err == nil || err.Error() != "status 401" {
				t.Errorf("the next try: %v", err)
			}
		case <-deadline:
			t.Fatalf("after %v streams of who has signed out are still open", time.Since(left))
		}
	}
	t.Logf("the last stream ended %v after the logout", time.Since(left).Round(time.Millisecond))
	d.order(bob, 7)
	bobs.awaitLine(t, 7, 20*time.Second)
	answer, _ := get(t, bob, "http://"+addrs[0]+"/api/v1/me")
	if answer.StatusCode != http.StatusOK {
		t.Errorf("bob: %s", answer.Status)
	}
}
