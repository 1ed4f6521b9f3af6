package e2e

import (
	"bufio"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// builtProvider is a real OpenID Connect provider, in a module of its own.
var builtProvider = sync.OnceValues(func() (string, error) {
	dir, err := makeDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "oidctest")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = filepath.Join("..", "oidctest")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// A realm is a provider with gateways before which people stand.
type realm struct {
	t                *testing.T
	provider         *process
	issuer           string
	gateways         []string // base URLs; the first is the one that the provider knows
	processes        []*process
	client           *http.Client
	gatewayArguments []string
}

func newRealm(t *testing.T, gateways int, args ...string) *realm {
	t.Helper()
	binary, err := builtProvider()
	if err != nil {
		t.Fatal(err)
	}
	redis := redistest.Start(t)
	at := porttest.Addr(t)
	r := &realm{t: t, issuer: "http://" + at, client: newBrowser(t)}
	for range gateways {
		r.gateways = append(r.gateways, "http://"+porttest.Addr(t)+"/")
	}
	r.provider = start(t, t.TempDir(), nil, binary, "-addr", at, "-gateway", r.gateways[0], "-groups", "alice=staff,alice=sre,bob=staff")
	r.gatewayArguments = append([]string{
		"--redis-url", redis.URL(), "--oidc-issuer", r.issuer, "--oidc-client-id", "loglane", "--oidc-client-secret", "secret",
		"--oidc-name-claim", "preferred_username", "--role-map", "sre=operator", "--channel-map", "staff=team.staff",
	}, args...)
	answers(t, r.issuer+"/.well-known/openid-configuration")
	for _, gateway := range r.gateways {
		r.processes = append(r.processes, serveProgram(t, strings.Trim(strings.TrimPrefix(gateway, "http://"), "/"), r.gatewayArguments...))
	}
	return r
}

// follow goes where an answer leads, up to one that leads nowhere.
func (r *realm) follow(from string) (at string, body string) {
	r.t.Helper()
	for range 20 {
		answer, body := get(r.t, r.client, from)
		location := answer.Header.Get("Location")
		if location == "" {
			return from, body
		}
		next, err := answer.Request.URL.Parse(location)
		if err != nil {
			r.t.Fatal(err)
		}
		from = next.String()
	}
	r.t.Fatalf("%s leads round and round", from)
	return "", ""
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// signIn signs in at the provider's page, to which the gateway has led.
func (r *realm) signIn(name string) {
	r.t.Helper()
	var page string
	deadline := time.Now().Add(10 * time.Second)
	for page == "" || requestID.FindStringSubmatch(page) == nil { // until the gateway has found the provider
		if time.Now().After(deadline) {
			r.t.Fatalf("no form: %s\n%s", page, r.processes[0].output)
		}
		_, page = r.follow(r.gateways[0] + "login/oidc?next=/%3Fq=a")
	}
	answer, err := r.client.PostForm(r.issuer+"/login/username", url.Values{
		"id": {requestID.FindStringSubmatch(page)[1]}, "username": {name}, "password": {"verysecure"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	answer.Body.Close()
	if next, body := r.follow(answer.Header.Get("Location")); next != r.gateways[0]+"?q=a" {
		r.t.Fatalf("it ends at %s: %s\n%s", next, body, r.processes[0].output)
	}
}

// ends opens a stream at each gateway, and returns what waits for their ends.
func (r *realm) ends() (wait func(since time.Time)) {
	r.t.Helper()
	ended := make(chan string, len(r.gateways))
	for _, gateway := range r.gateways {
		answer, err := r.client.Get(gateway + "api/v1/stream")
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { answer.Body.Close() })
		reader := bufio.NewReader(answer.Body)
		if line, err := reader.ReadString('\n'); err != nil || answer.StatusCode != http.StatusOK {
			r.t.Fatalf("%s: %s %q %v", gateway, answer.Status, line, err)
		}
		go func() {
			rest, _ := io.ReadAll(reader)
			ended <- string(rest)
		}()
	}
	return func(since time.Time) {
		r.t.Helper()
		for range r.gateways {
			select {
			case rest := <-ended:
				if !strings.Contains(rest, `event: auth`) || !strings.Contains(rest, `"reason":"signed out"`) {
					r.t.Errorf("a stream ended with %q", rest)
				}
			case <-time.After(5 * time.Second):
				r.t.Fatal("a stream does not end")
			}
		}
		if took := time.Since(since); took > time.Second {
			r.t.Errorf("the last stream ended after %v", took)
		} else {
			r.t.Logf("all streams ended after %v", took)
		}
	}
}

func (r *realm) me(gateway string) string {
	r.t.Helper()
	_, body := get(r.t, r.client, gateway+"api/v1/me")
	return strings.TrimSpace(body)
}

var leadOut = regexp.MustCompile(`content="0; url=([^"]+)"`)

func TestOIDCWithARealProvider(t *testing.T) {
	r := newRealm(t, 2)
	r.signIn("alice")
	for _, gateway := range r.gateways {
		if got, want := r.me(gateway), `{"name":"alice","roles":["operator"],"channel":"User.alice","channels":["team.staff"],"signOut":true}`; got != want {
			t.Errorf("%s: %s, want %s", gateway, got, want)
		}
	}

	// Signing out ends the session's streams on both gateways, and leads out and back.
	wait := r.ends()
	begin := time.Now()
	answer, err := r.client.PostForm(r.gateways[0]+"logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	wait(begin)
	out := leadOut.FindStringSubmatch(string(body))
	if out == nil {
		t.Fatalf("it leads nowhere: %s", body)
	}
	at, page := r.follow(html.UnescapeString(out[1]))
	if at != r.gateways[0]+"login" || !strings.Contains(page, `loglane-provider" content="127.0.0.1"`) {
		t.Errorf("the provider leads to %s: %s", at, page)
	}
	if log := r.provider.output.String(); !strings.Contains(log, "signed out id-alice: the gateway answers 200") {
		t.Errorf("the provider has not signed out: %s", log)
	}

	// The provider's own sign-out ends them too, and nobody else's.
	r.signIn("alice")
	wait = r.ends()
	begin = time.Now()
	kick := r.issuer + "/kick?user="
	for _, user := range []string{"bob", "alice"} {
		if user == "alice" && !strings.Contains(r.me(r.gateways[1]), `"name":"alice"`) {
			t.Error("bob's sign-out ended alice's session")
		}
		answer, err := http.Post(kick+user, "", nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(answer, err)
		}
		answer.Body.Close()
	}
	wait(begin)
	if got := r.me(r.gateways[1]); got != `{"error":"not signed in"}` {
		t.Errorf("the session stands: %s", got)
	}

	// Viewers without a mapped group are viewers, and secrets stay where they are.
	r.signIn("bob")
	if got := r.me(r.gateways[0]); !strings.Contains(got, `"roles":["viewer"]`) {
		t.Errorf("bob is %s", got)
	}
	for _, p := range r.processes {
		if log := p.output.String(); strings.Contains(log, "eyJ") || strings.Contains(log, "code=") {
			t.Errorf("the gateway's log has a token or a code: %s", log)
		}
	}
}

// A provider that is away at the start keeps nobody else out, and is found when it comes.
func TestOIDCProviderThatComesLater(t *testing.T) {
	at, addr := porttest.Addr(t), porttest.Addr(t)
	gateway := "http://" + addr + "/"
	serveProgram(t, addr, "--oidc-issuer", "http://"+at, "--oidc-client-id", "loglane", "--oidc-client-secret", "secret")
	client := newBrowser(t)
	if answer, body := get(t, client, gateway+"login/oidc"); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "cannot be reached") {
		t.Fatalf("%s %s", answer.Status, body)
	}
	if answer, _ := get(t, client, gateway+"login"); answer.StatusCode != http.StatusOK {
		t.Errorf("the login page: %s", answer.Status)
	}
	binary, err := builtProvider()
	if err != nil {
		t.Fatal(err)
	}
	start(t, t.TempDir(), nil, binary, "-addr", at, "-gateway", gateway)
	deadline := time.Now().Add(20 * time.Second)
	for {
		answer, _ := get(t, client, gateway+"login/oidc")
		if answer.StatusCode == http.StatusFound && strings.HasPrefix(answer.Header.Get("Location"), "http://"+at+"/") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is not found: %s", answer.Status)
		}
		<-time.After(100 * time.Millisecond)
	}
}

func TestCheckAsksTheProvider(t *testing.T) {
	r := newRealm(t, 1)
	args := append([]string{"check", "--addr", porttest.Addr(t)}, r.gatewayArguments...)
	out := run(t, t.TempDir(), nil, "", program(t), args...)
	if !strings.Contains(out, "the provider answers at "+r.issuer) {
		t.Errorf("it says %s", out)
	}
}
