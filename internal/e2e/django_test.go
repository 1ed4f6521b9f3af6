package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// TestDjangoLines looks at the channels that the lines of a Django app go to.
func TestDjangoLines(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	d := newDjango(t, "127.0.0.1:8080", []string{"REDIS_URL=" + redis.URL()}, "")
	s := &scene{T: t, server: redis, broker: openRedis(t, redis, loglane.Retention{})}
	gateway, _, _ := serveHub(t, s.broker, nil)
	watch := func(context string) *viewer {
		s.url = gateway + "?channel=" + url.QueryEscape(context)
		return s.watch("")
	}
	alice, bob, odd, global := watch("User.alice"), watch("User.bob"), watch("User.Al%20%7B1%7D%20é"), watch("global")

	d.manage("shell", "-c", `
import asyncio
from django.conf import settings
from django.contrib.auth.models import User
from django.test import AsyncClient
async def orders(client):
    for path in "/order/70/", "/order-async/71/":
        assert (await client.get(path)).status_code == 200
settings.ALLOWED_HOSTS = ["testserver"]
client = AsyncClient()
client.force_login(User.objects.get(username="alice"))
asyncio.run(orders(client))`)
	for _, name := range []string{"alice", "bob", "Al {1} é"} {
		client := newBrowser(t)
		d.signIn(client, name, d.url+"/accounts/login/")
		d.order(client, len(name))
		if answer, _ := get(t, client, d.url+"/broken/"); answer.StatusCode != http.StatusInternalServerError {
			t.Errorf("the broken page: %s", answer.Status)
		}
		get(t, client, d.url+"/nowhere/")
	}
	anonymous := newBrowser(t)
	d.order(anonymous, 99)
	get(t, anonymous, d.url+"/enter/?name=alice&password=correct+horse")

	alice.awaitText(t, "signed in")
	for name, v := range map[string]*viewer{"alice": alice, "bob": bob, "odd": odd} {
		v.awaitText(t, "Not Found: /nowhere/") // after the middleware
		v.awaitText(t, "ValueError: no such order")
		if n := v.numbers(); name == "alice" && !slices.Equal(n, []int{70, 71, 5}) || name != "alice" && len(n) != 1 {
			t.Errorf("%s is shown the orders %v", name, n)
		}
		for _, text := range v.texts() {
			if strings.Contains(text, "knocks") {
				t.Errorf("%s is shown what nobody wrote", name)
			}
		}
	}
	if n := bob.numbers(); n[0] != 3 {
		t.Errorf("bob is shown the order %d", n[0])
	}
	global.awaitText(t, "line 99")
	global.awaitText(t, "somebody knocks")
	var order map[string]any
	for _, s := range global.all() {
		if text, _ := textOf(s); text == "line 99" {
			order = recordOf(t, s)
		}
	}
	if context, _ := order["context"].(string); !strings.HasPrefix(context, "job_") || order["logger"] != "shop" || order["level"] != "INFO" {
		t.Errorf("nobody's line is %v", order)
	}
	if attrs, _ := order["attrs"].(map[string]any); attrs["order"] != 99.0 {
		t.Errorf("its attributes are %v", order["attrs"])
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(order["timestamp"])); err != nil {
		t.Error(err)
	}
	if g := redis.MustDo("TTL", "stream:logs:User.alice"); g == "-1" {
		t.Error("the history does not expire")
	}
}

// TestDjangoLogin lets a Django app be the login: lines over Redis, and the gateway
// restarted in between.
func TestDjangoLogin(t *testing.T) {
	t.Parallel()
	redis, addr := redistest.Start(t), porttest.Addr(t)
	d := newDjango(t, addr, []string{"REDIS_URL=" + redis.URL()}, "")
	gateway := d.forwardGateway(addr, redis.URL())
	base := "http://" + addr + "/"

	anonymous := newBrowser(t)
	answer, _ := get(t, anonymous, base+"login?next=/")
	to := answer.Header.Get("Location")
	if answer.StatusCode/100 != 3 || !strings.HasPrefix(to, d.url+"/accounts/login/?next="+url.QueryEscape(base)) {
		t.Fatalf("nobody is led to %q: %s", to, answer.Status)
	}
	if answer, _ := get(t, anonymous, base+"api/v1/stream"); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody's stream: %s", answer.Status)
	}
	alice, bob := newBrowser(t), newBrowser(t)
	if back := d.signIn(alice, "alice", to); !strings.HasPrefix(back, base) {
		t.Errorf("signing in leads to %q", back)
	}
	d.signIn(bob, "bob", d.url+"/accounts/login/")
	alices, bobs := watchAs(t, base+"api/v1/stream", alice), watchAs(t, base+"api/v1/stream", bob)
	for n := 1; n <= 20; n++ {
		d.order(alice, n)
	}
	alices.awaitLine(t, 20, 20*time.Second)
	gateway.end()
	for n := 21; n <= 40; n++ {
		d.order(alice, n)
	}
	d.forwardGateway(addr, redis.URL())
	for n := 41; n <= 60; n++ {
		d.order(alice, n)
	}
	d.order(bob, 1000)
	alices.awaitLine(t, 60, 20*time.Second)
	bobs.awaitLine(t, 1000, 20*time.Second)
	if numbers := alices.numbers(); len(numbers) != 60 || numbers[0] != 1 || unbroken(numbers) != "" {
		t.Errorf("alice is shown %v", numbers)
	}
	if numbers := bobs.numbers(); len(numbers) != 1 {
		t.Errorf("bob is shown %v", numbers)
	}
	if g := gaps(alices.all()); len(g) > 0 {
		t.Errorf("alice is told of gaps: %v", g)
	}
	if n := redis.MustDo("XLEN", "stream:logs:global"); n != "61" { // a warning for each visitor without a login would be more
		t.Errorf("%s lines are in the global channel, want alice's 60 and bob's", n)
	}

	for name, status := range map[string]int{"alice": http.StatusForbidden, "carol": http.StatusOK, "root": http.StatusOK} {
		client := newBrowser(t)
		d.signIn(client, name, d.url+"/accounts/login/")
		r, closeIt := read(t, client, base+"api/v1/stream?channel=global")
		closeIt()
		if r.answer.StatusCode != status {
			t.Errorf("%s at the global channel: %s, want %d", name, r.answer.Status, status)
		}
	}
}

// TestDjangoOverHTTP sends an app's lines to the gateway instead of Redis.
func TestDjangoOverHTTP(t *testing.T) {
	t.Parallel()
	addr := porttest.Addr(t)
	base := "http://" + addr + "/"
	tokens := filepath.Join(t.TempDir(), "tokens.txt")
	token := run(t, ".", nil, "", program(t), "token", "create", "--scope", "write", "--channel", "*", "--auth-file", tokens)
	env := []string{"LOGLANE_URL=" + base, "LOGLANE_TOKEN=" + strings.TrimSpace(token)}
	d := newDjango(t, addr, env, blockWith(t, djangoReadme, "python", "LOGLANE_TOKEN"))
	redis := redistest.Start(t)
	gateway := d.forwardGateway(addr, redis.URL(), "--auth-file", tokens)
	alice := newBrowser(t)
	d.signIn(alice, "alice", d.url+"/accounts/login/")
	v := watchAs(t, base+"api/v1/stream", alice)
	for n := 1; n <= 20; n++ {
		d.order(alice, n)
	}
	v.awaitLine(t, 20, 20*time.Second)
	gateway.end()
	for n := 21; n <= 40; n++ {
		d.order(alice, n)
	}
	d.forwardGateway(addr, redis.URL(), "--auth-file", tokens)
	v.awaitLine(t, 40, 60*time.Second)
	if numbers := v.numbers(); len(numbers) != 40 || numbers[0] != 1 || unbroken(numbers) != "" {
		t.Errorf("alice is shown %v", numbers)
	}
	if n := redis.MustDo("EXISTS", "stream:logs:global"); n != "1" {
		t.Error("the global channel has no copy")
	}
}

// TestBesideAnOldStream runs an app's own streaming view and a gateway on one publisher, which
// stays as it is.
func TestBesideAnOldStream(t *testing.T) {
	t.Parallel()
	redis, addr := redistest.Start(t), porttest.Addr(t)
	d := newDjango(t, addr, []string{"REDIS_URL=" + redis.URL()}, "")
	d.forwardGateway(addr, redis.URL())
	alice := newBrowser(t)
	d.signIn(alice, "alice", d.url+"/accounts/login/")
	fresh := watchAs(t, "http://"+addr+"/api/v1/stream", alice)
	fresh.awaitCursor(t, "0-0", 10*time.Second)
	old := newViewer(d.url + "/old-stream/")
	old.header = cookies(t, alice, d.url)
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { _ = old.once(ctx) })
	defer watching.Wait()
	defer cancel()
	deadline := time.Now().Add(10 * time.Second)
	for redis.MustDo("PUBLISH", "logs:User.alice", `{"message":"both?"}`) != "2" {
		if time.Now().After(deadline) {
			t.Fatal("the old view does not subscribe")
		}
		<-time.After(20 * time.Millisecond)
	}

	python(t, redis, "--count", "30")() // with a history
	for n := 31; n <= 35; n++ {         // and without
		redis.MustDo("PUBLISH", "logs:User.alice", fmt.Sprintf(`{"message":"line %d"}`, n))
	}
	for name, v := range map[string]*viewer{"the old page": old, "the new one": fresh} {
		v.awaitLine(t, 35, 20*time.Second)
		if numbers := v.numbers(); len(numbers) != 35 || numbers[0] != 1 || unbroken(numbers) != "" {
			t.Errorf("%s shows %v", name, numbers)
		}
	}
}
