package auth_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

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
		}, "503", "another in the header"},
		{"headers that say the same as JSON", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Remote-User", "alice")
			says(`{"name":"alice"}`)(w, r)
		}, "alice viewer logs:User.alice []", ""},
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
		{"members that are only spelled alike", says(`{"name":"alice","Name":"bob","NAME":"carol","ROLES":["admin"],"Channels":["User.bob"]}`), "alice viewer logs:User.alice []", ""},
		{"only a member that is spelled alike", says(`{"Name":"alice"}`), "503", "names nobody"},
		{"two names", says(`{"name":"alice","name":"bob"}`), "503", "\\\"name\\\" twice"},
		{"two names, one escaped", says(`{"name":"alice","\u006eame":"bob"}`), "503", "\\\"name\\\" twice"},
		{"roles twice", says(`{"name":"alice","roles":["viewer"],"roles":["admin"]}`), "503", "\\\"roles\\\" twice"},
		{"a member of a member", says(`{"profile":{"name":"bob","roles":["admin"]},"name":"alice"}`), "alice viewer logs:User.alice []", ""},
		{"a name that is no Unicode", says(`{"name":"al\ud800ice"}`), "403", ""},
		{"a name that is no UTF-8", says("{\"name\":\"al\xffice\"}"), "403", ""},
		{"a header's name that is no UTF-8", remoteUser("Remote-User", "al\xffice"), "403", ""},
		{"a channel that is no Unicode", says(`{"name":"alice","channels":["User.\ud800"]}`), "alice viewer logs:User.alice []", "not valid UTF-8"},
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
			if p.SignsOut() || p.Token != "" || p.Writes != nil {
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
		"Cookie": {"session=1; loglane=ours", "csrf=a b;__Host-loglane=ours;loglane-oidc-abcdefgh=ours;__Host-loglane-oidc-a=ours;__Host-loglane-pause=1"}, "Authorization": {"Basic abc"},
		"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Host": {"evil"}, "X-Forwarded-Uri": {"/admin"}, "Forwarded": {"for=1.2.3.4"},
		"Remote-User": {"admin"}, "Origin": {"http://evil"}, "X-Original-Url": {"/"}, "Referer": {"http://evil"}, "User-Agent": {"evil"},
	}
	_, err := a.Authenticate(r)
	must(t, err)
	if got.Method != http.MethodGet || got.URL.String() != "/whoami?key=s3cret" || strings.Contains(got.Host, "evil") {
		t.Errorf("%s %s of %s", got.Method, got.URL, got.Host)
	}
	want := http.Header{"Cookie": {"session=1; csrf=a b"}, "Authorization": {"Basic abc"}, "Accept": {"application/json"}, "User-Agent": {"loglane"}, "Connection": {"close"}}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("the headers are %v", got.Header)
	}
}

func TestForwardAsksNotForNobody(t *testing.T) {
	a := newApp(t, says(`{"name":"alice"}`))
	for _, header := range []http.Header{{}, {"Cookie": {""}}, {"Cookie": {"loglane=ours; __Host-loglane=ours; loglane-trips=1.2"}}, {"Remote-User": {"alice"}}, {"Authorization": {""}}} {
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
