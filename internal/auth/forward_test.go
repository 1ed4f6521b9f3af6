package auth_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// app is another application that says who is there.
type app struct {
	*auth.Forward
	log     *logBuffer
	asked   atomic.Int32
	mu      sync.Mutex
	handler http.HandlerFunc
}

func newApp(t testing.TB, handler http.HandlerFunc) *app {
	t.Helper()
	a := &app{log: &logBuffer{}, handler: handler}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.asked.Add(1)
		a.mu.Lock()
		handler := a.handler
		a.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	forward, err := auth.NewForward(auth.ForwardOptions{URL: server.URL + "/whoami?key=s3cret", Logger: slog.New(slog.NewTextHandler(a.log, nil))})
	must(t, err)
	t.Cleanup(forward.Close)
	a.Forward = forward
	return a
}

func (a *app) answer(handler http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handler = handler
}

// says answers with a JSON object.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, body)
	}
}

// remoteUser answers with headers, given as name, value, name, value.
func remoteUser(headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
	}
}

func code(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func withCookie(cookie string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	r.Header.Set("Cookie", cookie)
	return r
}

func TestForwardReadsTheAnswer(t *testing.T) {
	padded := func(n int) string { return `{"name":"alice"` + strings.Repeat(" ", n-16) + `}` }
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   string // name, role, channel and granted ones; "" is nobody, digits a refusal
		log    string
	}{
		{"JSON", says(`{"name":"alice"}`), "alice viewer logs:User.alice []", ""},
		{"JSON with all", says(`{"name":"Zoë S","roles":["staff","operator","viewer"],"channels":["job_1","User.bob"],"more":1}`), "Zoë S operator logs:User.Zoë%20S [logs:job_1 logs:User.bob]", ""},
		{"JSON with nulls", says(`{"name":"alice","roles":null,"channels":null}`), "alice viewer logs:User.alice []", ""},
		{"unknown roles", says(`{"name":"alice","roles":["root","Admin","superuser"]}`), "alice viewer logs:User.alice []", ""},
		{"headers", remoteUser("Remote-User", "alice", "Remote-Groups", "staff, admin"), "alice admin logs:User.alice []", ""},
		{"headers without groups", remoteUser("Remote-User", "alice", "Remote-Roles", "admin"), "alice viewer logs:User.alice []", ""},
		{"headers beside a JSON status", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Remote-User", "alice")
			says(`{"status":"OK"}`)(w, r)
		}, "alice viewer logs:User.alice []", ""},
		{"headers beside a JSON name", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Remote-User", "alice")
			says(`{"name":"bob"}`)(w, r)
		}, "bob viewer logs:User.bob []", ""},
		{"a channel that cannot be", says(`{"name":"alice","channels":["a b","ll:control","job_1"]}`), "alice viewer logs:User.alice [logs:job_1]", "cannot be one"},
		{"a long answer", says(padded(64 << 10)), "alice viewer logs:User.alice []", ""},
		{"nobody", code(401), "", ""},
		{"forbidden", code(403), "", ""},
		{"a name that cannot be a channel", says(`{"name":"` + strings.Repeat("x", 201) + `"}`), "403", ""},
		{"a longer answer", says(padded(64<<10 + 1)), "503", "more than 65536 bytes"},
		{"no content", code(204), "503", "204 No Content"},
		{"an error", code(500), "503", "500"},
		{"not found", code(404), "503", "404"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "503", "redirect is not followed"},
		{"not modified", code(304), "503", "redirect"},
		{"a login page", remoteUser("Content-Type", "text/html"), "503", "names nobody"},
		{"an empty object", says(`{}`), "503", "names nobody"},
		{"an empty name", says(`{"name":""}`), "503", "names nobody"},
		{"null", says(`null`), "503", "names nobody"},
		{"a list", says(`[{"name":"alice"}]`), "503", "not the JSON object"},
		{"half an object", says(`{"name":"alice"`), "503", "not the JSON object"},
		{"two objects", says(`{"name":"alice"}{"name":"bob"}`), "503", "not the JSON object"},
		{"a name that is none", says(`{"name":7}`), "503", "not the JSON object"},
		{"roles that are none", says(`{"name":"alice","roles":"admin"}`), "503", "not the JSON object"},
		{"many channels", says(`{"name":"alice","channels":["a"` + strings.Repeat(`,"a"`, 1000) + `]}`), "503", "more than 1000"},
		{"JSON that is not called so", remoteUser("Content-Type", "text/plain"), "503", "names nobody"},
		{"two users", remoteUser("Remote-User", "alice", "Remote-User", "bob"), "503", "Remote-User twice"},
		{"an answer that breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "x")
		}, "503", "breaks off"},
		{"endless headers", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 64<<10)) }, "503", "exceeded"},
	} {
		a := newApp(t, c.answer)
		p, err := a.Authenticate(withCookie("session=1"))
		got := ""
		switch {
		case err != nil:
			got = fmt.Sprint(status(err))
		case p != nil:
			got = fmt.Sprint(p.Name, " ", p.Role, " ", p.Channel, " ", p.Channels)
			if p.Session != "" || p.Token != "" || p.Writes != nil {
				t.Errorf("%s: %+v", c.name, p)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
		if log := a.log.String(); (log == "") != (c.log == "") || !strings.Contains(log, c.log) || strings.Contains(log, "s3cret") || c.log != "" && !strings.Contains(log, "--auth-url") {
			t.Errorf("%s: the log is %q, want %q", c.name, log, c.log)
		}
	}
}

func TestForwardSendsTheCredentialsAndNothingElse(t *testing.T) {
	var got *http.Request
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		says(`{"name":"alice"}`)(w, r)
	})
	r := httptest.NewRequest(http.MethodPost, "http://evil.example/api/v1/stream?channel=x", strings.NewReader("body"))
	r.Header = http.Header{
		"Cookie": {"session=1; loglane=ours", "csrf=a b;__Host-loglane=ours"}, "Authorization": {"Basic abc"},
		"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Host": {"evil"}, "X-Forwarded-Uri": {"/admin"}, "Forwarded": {"for=1.2.3.4"},
		"Remote-User": {"admin"}, "Origin": {"http://evil"}, "X-Original-Url": {"/"}, "Referer": {"http://evil"}, "User-Agent": {"evil"},
	}
	_, err := a.Authenticate(r)
	must(t, err)
	if got.Method != http.MethodGet || got.URL.String() != "/whoami?key=s3cret" || strings.Contains(got.Host, "evil") {
		t.Errorf("%s %s of %s", got.Method, got.URL, got.Host)
	}
	want := http.Header{"Cookie": {"session=1; csrf=a b"}, "Authorization": {"Basic abc"}, "Accept": {"application/json"}, "User-Agent": {"loglane"}}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("the headers are %v", got.Header)
	}
}

func TestForwardAsksNotForNobody(t *testing.T) {
	a := newApp(t, says(`{"name":"alice"}`))
	for _, header := range []http.Header{{}, {"Cookie": {""}}, {"Cookie": {"loglane=ours; __Host-loglane=ours"}}, {"Remote-User": {"alice"}}, {"Authorization": {""}}} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.Header = header
		if p, err := a.Authenticate(r); p != nil || err != nil {
			t.Errorf("%v: %+v, %v", header, p, err)
		}
	}
	if _, err := a.Authenticate(withHeaders("Basic a", "Basic b")); status(err) != 400 {
		t.Errorf("two credentials: %v", err)
	}
	if n := a.asked.Load(); n != 0 {
		t.Errorf("the application was asked %d times", n)
	}
}

// Cookie and Authorization are one credential, and where one ends counts.
func TestForwardKeepsAnswersApart(t *testing.T) {
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		name := fmt.Sprintf("%s,%s", r.Header.Get("Cookie"), r.Header.Get("Authorization"))
		remoteUser("Remote-User", name)(w, r)
	})
	for _, c := range []struct{ cookie, authorization string }{{"a=b", ""}, {"a=bc", ""}, {"a=b", "c"}, {"", "a=bc"}, {"a=b", ""}} {
		r := withCookie(c.cookie)
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		p, err := a.Authenticate(r)
		must(t, err)
		if want := c.cookie + "," + c.authorization; p.Name != want {
			t.Errorf("%q is taken for %q", want, p.Name)
		}
	}
	if n := a.asked.Load(); n != 4 {
		t.Errorf("the application was asked %d times, want 4", n)
	}
}

func TestForwardAsksOnceForAll(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{"somebody": {says(`{"name":"alice"}`), "alice"}, "nobody": {code(401), ""}} {
		hold := make(chan struct{})
		release := sync.OnceFunc(func() { close(hold) })
		defer release()
		a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
			<-hold
			c.answer(w, r)
		})
		// The first leaves before there is an answer; the others still get it.
		leaving, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := a.Authenticate(withCookie("session=1").WithContext(leaving)); status(err) != 503 {
				t.Errorf("%s: who left: %v", name, err)
			}
		})
		eventually(t, func() bool { return a.asked.Load() == 1 })
		for range 100 {
			all.Go(func() {
				p, err := a.Authenticate(withCookie("session=1"))
				if err != nil || (p == nil) != (c.want == "") || p != nil && p.Name != c.want {
					t.Errorf("%s: %+v, %v", name, p, err)
				}
			})
		}
		leave()
		release()
		all.Wait()
		if n := a.asked.Load(); n != 1 {
			t.Errorf("%s: the application was asked %d times", name, n)
		}
	}
}

func TestForwardKeepsNoErrors(t *testing.T) {
	a := newApp(t, code(500))
	for i := range 3 {
		if _, err := a.Authenticate(withCookie("session=1")); status(err) != 503 || int(a.asked.Load()) != i+1 {
			t.Errorf("%v after %d questions", err, a.asked.Load())
		}
	}
	a.answer(says(`{"name":"alice"}`))
	if p, err := a.Authenticate(withCookie("session=1")); err != nil || p == nil {
		t.Errorf("after it is back: %+v, %v", p, err)
	}
	if n := a.log.count("level=ERROR"); n != 1 {
		t.Errorf("%d errors are logged in a moment", n)
	}
}

func TestForwardChecks(t *testing.T) {
	a := newApp(t, says(`{"name":"alice","roles":["operator"],"channels":["job_1"]}`))
	p, err := a.Authenticate(withCookie("session=1"))
	must(t, err)
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   int
	}{
		{"the same", says(`{"name":"alice","roles":["operator","new"],"channels":["job_1"]}`), 0},
		{"away", code(502), 503},
		{"signed out", code(401), 401},
		{"another", says(`{"name":"bob","roles":["operator"],"channels":["job_1"]}`), 401},
		{"another role", says(`{"name":"alice","roles":["viewer"],"channels":["job_1"]}`), 401},
		{"another channel", says(`{"name":"alice","roles":["operator"],"channels":["job_2"]}`), 401},
		{"back again", says(`{"name":"alice","roles":["operator"],"channels":["job_1"]}`), 0},
	} {
		auth.ForgetAnswers(a.Forward)
		a.answer(c.answer)
		if err := p.Check(t.Context()); status(err) != c.want {
			t.Errorf("%s: %v, want %d", c.name, err, c.want)
		}
	}
}

func TestForwardDoesNotWaitForASlowApplication(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	for name, answer := range map[string]http.HandlerFunc{
		"no answer": func(http.ResponseWriter, *http.Request) { <-hold },
		"an answer that never ends": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"name":"alice"`)
			_ = http.NewResponseController(w).Flush()
			<-hold
		},
	} {
		a := newApp(t, answer)
		begin := time.Now()
		_, err := a.Authenticate(withCookie("session=1"))
		if took := time.Since(begin); status(err) != 503 || took > 4*time.Second {
			t.Errorf("%s: %v after %v", name, err, took)
		}
		if !strings.Contains(a.log.String(), "within 2s") {
			t.Errorf("%s: the log is %s", name, a.log)
		}
	}
	a := newApp(t, func(http.ResponseWriter, *http.Request) { <-hold })
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, err := a.Authenticate(withCookie("session=1")); status(err) != 503 {
			t.Errorf("who waits at the end: %v", err)
		}
	})
	eventually(t, func() bool { return a.asked.Load() == 1 })
	begin := time.Now()
	a.Close()
	waiting.Wait()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the end took %v", took)
	}
	if _, err := a.Authenticate(withCookie("session=2")); status(err) != 503 {
		t.Errorf("after the end: %v", err)
	}
	if a.log.String() != "" {
		t.Errorf("the end is logged: %s", a.log)
	}
}

// Whoever comes with many made-up cookies must not keep the logins of open streams from
// being checked.
func TestStrangersDoNotHoldUpTheChecks(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Cookie"), "made-up") {
			<-hold
		}
		says(`{"name":"alice"}`)(w, r)
	})
	p, err := a.Authenticate(withCookie("session=1"))
	must(t, err)
	auth.ForgetAnswers(a.Forward)
	ctx, leave := context.WithCancel(t.Context())
	var strangers sync.WaitGroup
	for i := range 200 {
		strangers.Go(func() {
			_, _ = a.Authenticate(withCookie(fmt.Sprint("made-up=", i)).WithContext(ctx))
		})
	}
	eventually(t, func() bool { return a.asked.Load() == 1+48 })
	if err := p.Check(t.Context()); err != nil {
		t.Errorf("the check: %v", err)
	}
	leave()
	strangers.Wait()
}

func TestForwardAnswersHoldForFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := auth.NewForward(auth.ForwardOptions{URL: "http://127.0.0.1:1/"})
		must(t, err)
		defer f.Close()
		asked, name := 0, "alice"
		auth.AskWith(f, func(string) string {
			asked++
			return name
		})
		expect := func(what string, questions int, want string) {
			t.Helper()
			p, err := f.Authenticate(withCookie("session=1"))
			must(t, err)
			got := ""
			if p != nil {
				got = p.Name
			}
			if asked != questions || got != want {
				t.Errorf("%s: %q after %d questions, want %q after %d", what, got, asked, want, questions)
			}
		}
		expect("at first", 1, "alice")
		name = ""
		time.Sleep(4999 * time.Millisecond)
		expect("before they are over", 1, "alice")
		time.Sleep(time.Millisecond)
		expect("afterwards", 2, "")
		name = "alice"
		expect("nobody is kept too", 2, "")
		time.Sleep(5 * time.Second)
		expect("once more", 3, "alice")
		for i := range 11_000 {
			_, err := f.Authenticate(withCookie(fmt.Sprint("other=", i)))
			must(t, err)
		}
		if n := auth.KeptAnswers(f); n != 10_000 {
			t.Errorf("%d answers are kept", n)
		}
	})
}

func TestForwardRefusesURLs(t *testing.T) {
	for url, want := range map[string]string{
		"":                        "http://",
		"localhost:8000/whoami":   "http://",
		"ftp://localhost/":        "http://",
		"http:///whoami":          "http://",
		"http://a:b@localhost/":   "user or password",
		"http://localhost/#login": "fragment",
		"http://local host/":      "http://",
	} {
		_, err := auth.NewForward(auth.ForwardOptions{URL: url})
		wantError(t, err, want)
	}
}

func FuzzForwardAnswer(f *testing.F) {
	f.Add("application/json", `{"name":"alice","roles":["admin"],"channels":["a"]}`, "", "")
	f.Add("text/plain", "ok", "alice", "a, operator")
	f.Add("application/problem+json; x=y", `{"name":null}`, "bob", "")
	f.Fuzz(func(t *testing.T, kind, body, user, groups string) {
		header := http.Header{"Content-Type": {kind}}
		if user != "" {
			header["Remote-User"], header["Remote-Groups"] = []string{user}, []string{groups}
		}
		name, roles, channels, err := auth.ParseAnswer(header, []byte(body))
		if err == nil && name == "" {
			t.Fatal("a login of nobody")
		}
		if err == nil && (len(roles) > 1000 || len(channels) > 1000) {
			t.Fatal("an answer without bounds")
		}
	})
}
