package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
)

const (
	djangoFile   = "../../examples/django/loglane_django.py"
	djangoReadme = "../../examples/django/README.md"
)

// A django is a project as django-admin starts it, with the README's lines, on a port of
// its own.
type django struct {
	t      *testing.T
	dir    string
	env    []string
	python string
	url    string
	server *process
}

// newProject is a project as django-admin starts it, with a few users, made once for all tests
// of a run.
var newProject = sync.OnceValues(func() (string, error) {
	dir, err := makeDir()
	if err != nil {
		return "", err
	}
	const users = `
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
for name, more in {"alice": {}, "bob": {}, "Al {1} é": {}, "carol": {"is_staff": True}, "root": {"is_superuser": True}}.items():
    User.objects.create(username=name, password=make_password("correct horse"), **more)`
	for _, args := range [][]string{
		{"-m", "django", "startproject", "site_", "."}, {"manage.py", "migrate", "--verbosity", "0"}, {"manage.py", "shell", "-c", users},
	} {
		cmd := exec.Command(foundPython(), args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", args[1], err, out)
		}
	}
	return dir, nil
})

// newDjango makes a project whose settings end with the README's and then with more.
func newDjango(t *testing.T, gateway string, env []string, more string) *django {
	t.Helper()
	d := &django{t: t, dir: t.TempDir(), python: pythonPath(t)}
	d.env = append([]string{"PYTHONDONTWRITEBYTECODE=1"}, env...)
	project, err := newProject()
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{project, "testdata/django"} {
		if err := os.CopyFS(d.dir, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, djangoFile, filepath.Join(d.dir, "loglane_django.py"))
	login := blockWith(t, djangoReadme, "python", "success_url_allowed_hosts")
	d.add("settings.py", "import os", blockWith(t, djangoReadme, "python", "MIDDLEWARE"), `INSTALLED_APPS += ["orders"]`, more)
	d.add("urls.py", "from django.urls import include", blockWith(t, djangoReadme, "python", "import whoami"),
		strings.ReplaceAll(login, "127.0.0.1:8080", gateway), `urlpatterns += [path("", include("orders.urls"))]`)
	d.serve()
	return d
}

// add appends lines to a file of the project.
func (d *django) add(file string, lines ...string) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, "site_", file), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, "\n"+strings.Join(lines, "\n")+"\n"); err != nil {
		d.t.Fatal(err)
	}
}

func (d *django) manage(args ...string) {
	d.t.Helper()
	run(d.t, d.dir, d.env, "", d.python, append([]string{"manage.py"}, args...)...)
}

func (d *django) serve() {
	d.t.Helper()
	addr := freeAddr(d.t)
	d.url = "http://" + addr
	d.server = start(d.t, d.dir, d.env, d.python, "manage.py", "runserver", "--noreload", addr)
	answers(d.t, d.url+"/whoami/")
}

// A browser keeps cookies, and does not follow redirects.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get returns an answer and its body.
func get(t *testing.T, client *http.Client, url string) (*http.Response, string) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

var csrfToken = regexp.MustCompile(`name="csrfmiddlewaretoken" value="(\w+)"`)

// signIn signs in at the app's own page, and returns where it leads.
func (d *django) signIn(client *http.Client, name, page string) string {
	d.t.Helper()
	_, form := get(d.t, client, page)
	token := csrfToken.FindStringSubmatch(form)
	if token == nil {
		d.t.Fatalf("%s has no form: %s", page, form)
	}
	at, err := url.Parse(page)
	if err != nil {
		d.t.Fatal(err)
	}
	answer, err := client.PostForm(page, url.Values{
		"username": {name}, "password": {"correct horse"}, "csrfmiddlewaretoken": {token[1]}, "next": {at.Query().Get("next")},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusFound {
		body, _ := io.ReadAll(answer.Body)
		d.t.Fatalf("signing in: %s\n%s", answer.Status, body)
	}
	return answer.Header.Get("Location")
}

// order lets a user's request write "line N".
func (d *django) order(client *http.Client, n int) {
	d.t.Helper()
	if answer, body := get(d.t, client, fmt.Sprintf("%s/order/%d/", d.url, n)); answer.StatusCode != http.StatusOK {
		d.t.Fatalf("order %d: %s\n%s", n, answer.Status, body)
	}
}

// texts returns the messages that a viewer was shown.
func (v *viewer) texts() (all []string) {
	for _, s := range v.all() {
		if text, ok := textOf(s); ok {
			all = append(all, text)
		}
	}
	return all
}

// awaitText waits for a message that has a text in it.
func (v *viewer) awaitText(t *testing.T, text string) {
	t.Helper()
	v.await(t, fmt.Sprintf("%q", text), 20*time.Second, func(events []shown) bool {
		for _, s := range events {
			if got, ok := textOf(s); ok && strings.Contains(got, text) {
				return true
			}
		}
		return false
	})
}

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

// forwardGateway starts a gateway that asks a Django app who is asking.
func (d *django) forwardGateway(addr, redisURL string, args ...string) *process {
	d.t.Helper()
	return serveProgram(d.t, addr, append([]string{
		"--redis-url", redisURL, "--auth-url", d.url + "/whoami/", "--login-url", d.url + "/accounts/login/",
	}, args...)...)
}

// cookies returns a browser's cookies as a header: they are of a host, whatever the port.
func cookies(t *testing.T, client *http.Client, of string) http.Header {
	t.Helper()
	at, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, c := range client.Jar.Cookies(at) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return http.Header{"Cookie": {strings.Join(pairs, "; ")}}
}

// watchAs lets a viewer watch with a browser's cookies until the test ends.
func watchAs(t *testing.T, url string, client *http.Client) *viewer {
	t.Helper()
	v := newViewer(url)
	v.header = cookies(t, client, url)
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { v.watch(ctx) })
	t.Cleanup(func() { cancel(); watching.Wait() })
	return v
}

// TestDjangoLogin lets a Django app be the login: lines over Redis, and the gateway
// restarted in between.
func TestDjangoLogin(t *testing.T) {
	t.Parallel()
	redis, addr := redistest.Start(t), freeAddr(t)
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
	addr := freeAddr(t)
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
	redis, addr := redistest.Start(t), freeAddr(t)
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
