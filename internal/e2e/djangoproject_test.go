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
	"strings"
	"sync"
	"testing"

	"github.com/loglane/loglane/internal/porttest"
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
	addr := porttest.Addr(d.t)
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
