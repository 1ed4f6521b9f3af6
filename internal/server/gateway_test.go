package server_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

const password = "correct horse"

// roles are the accounts of every test gateway.
var roles = map[string]auth.Role{
	"alice": auth.Viewer, "bob": auth.Viewer, "olga": auth.Operator, "adam": auth.Admin,
}

// pages stand for the built ones.
var pages = fstest.MapFS{
	"index.html":           {Data: []byte(`<head><meta name="loglane-base" content="/" /><meta name="loglane-nonce" content="" /></head>`)},
	"login.html":           {Data: []byte(`<head><meta name="loglane-base" content="/" /><meta name="loglane-login" content="" /><meta name="loglane-provider" content="" /><meta name="loglane-password" content="" /></head>`)},
	"assets/app-abc123.js": {Data: []byte(`let a = 1`)},
}

// A gateway is a server with everything real below it but the session store's health.
type gateway struct {
	*httptest.Server
	t      *testing.T
	base   string
	broker *loglane.MemoryBroker
	hub    *loglane.Hub
	server *server.Server
	store  *store
	log    *record
	file   auth.UsersFile
	tokens map[string]string // texts of API tokens: "read" is alice's, "write" is for her channel

	address func(*http.Request) string // of callers, as auth.LoginOptions takes it
	strict  bool                       // people sign in over plain HTTP within this machine only
}

type setup struct {
	server.Options
	broker  loglane.Broker // instead of the memory broker
	tls     bool
	address func(*http.Request) string
	tokens  knownTokens // beside those of the file

	strict bool // people sign in over plain HTTP within this machine only

	tokenLife time.Duration // of the API tokens; 0 is for ever
}

func newGateway(t *testing.T, change func(*setup)) *gateway {
	t.Helper()
	g := &gateway{t: t, store: &store{MemorySessions: auth.NewMemorySessions()}, log: &record{}}
	logger := slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	memory, err := loglane.NewMemoryBroker(nil)
	must(t, err)
	s := setup{Options: server.Options{Pages: fs.FS(pages), Logger: logger}, broker: memory}
	g.broker = memory
	if change != nil {
		change(&s)
	}
	g.base, g.address, g.strict = max(s.BasePath, "/"), s.address, s.strict
	g.hub, err = loglane.NewHub(s.broker, &loglane.HubOptions{Logger: logger})
	must(t, err)
	t.Cleanup(func() { must(t, g.hub.Close(context.Background())) })
	users := g.openUsers(s.tokenLife, logger)
	login := newLogin(t, g, users, logger)
	s.Hub, s.Login, s.Broker = g.hub, login, s.broker
	s.Ways = append([]auth.Authenticator{s.tokens, auth.NewTokens(auth.TokensOptions{Users: users, Logger: logger}), login}, s.Ways...)
	g.server, err = server.New(s.Options)
	must(t, err)
	g.Server = httptest.NewUnstartedServer(nil)
	g.Config = server.NewHTTP(g.server.Handler(), logger)
	if s.tls {
		g.EnableHTTP2 = true
		g.StartTLS()
	} else {
		g.Start()
	}
	t.Cleanup(g.Close)
	return g
}

func newLogin(t *testing.T, g *gateway, users *auth.Users, logger *slog.Logger) *auth.Login {
	t.Helper()
	login, err := auth.NewLogin(auth.LoginOptions{
		Users: users, Sessions: g.store, Notices: auth.NewMemoryNotices(),
		BasePath: g.base, OnEnd: server.EndStreams(g.hub), Logger: logger, Secure: server.Secure, Address: g.address, InsecureCookies: !g.strict,
	})
	must(t, err)
	running := make(chan error, 1)
	go func() { running <- login.Run(context.Background()) }()
	t.Cleanup(func() {
		login.Close()
		must(t, <-running)
	})
	return login
}

// openUsers makes the accounts, with hashes that cost next to nothing, and the tokens.
func (g *gateway) openUsers(tokenLife time.Duration, logger *slog.Logger) *auth.Users {
	t := g.t
	t.Helper()
	g.file = auth.UsersFile{
		Path: filepath.Join(t.TempDir(), "users"), Template: loglane.DefaultTemplate,
		Cost: auth.Cost{Memory: 64, Iterations: 1, Parallelism: 1},
	}
	for name, role := range roles {
		must(t, g.file.Add(name, role, password))
	}
	g.tokens = make(map[string]string)
	for name, want := range map[string]auth.Token{
		"read":  {Scope: auth.ReadScope, User: "alice"},
		"write": {Scope: auth.WriteScope, Writes: []string{"User.alice"}},
	} {
		if tokenLife > 0 {
			want.Expires = time.Now().Add(tokenLife)
		}
		token, text, err := auth.NewToken(want, loglane.DefaultTemplate)
		must(t, err)
		must(t, g.file.AddToken(token))
		g.tokens[name] = text
	}
	users, err := auth.OpenUsers(g.file.Path, loglane.DefaultTemplate, &auth.UsersOptions{Logger: logger})
	must(t, err)
	return users
}

// A store of sessions can be switched off.
type store struct {
	*auth.MemorySessions
	mu   sync.Mutex
	away bool
}

func (s *store) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *store) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return loglane.ErrUnavailable
	}
	return nil
}

func (s *store) Load(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.err(); err != nil {
		return nil, false, err
	}
	return s.MemorySessions.Load(ctx, key)
}

func (s *store) Delete(ctx context.Context, key string) (existed bool, err error) {
	if err := s.err(); err != nil {
		return false, err
	}
	return s.MemorySessions.Delete(ctx, key)
}

// A record is what the gateway has logged.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// A browser keeps its cookies and follows no redirects.
type browser struct {
	g       *gateway
	client  *http.Client
	cookies []*http.Cookie
	headers http.Header // further ones
	proxy   string      // URL of a proxy to go through; "" is none
}

// with returns a program that carries a token of the gateway's instead of cookies.
func (g *gateway) with(token string) *browser {
	b := g.as("")
	b.headers = http.Header{"Authorization": {"Bearer " + g.tokens[token]}}
	return b
}

// as returns a browser that name is signed in with; "" is nobody.
func (g *gateway) as(name string) *browser {
	g.t.Helper()
	client := *g.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b := &browser{g: g, client: &client}
	if name == "" {
		return b
	}
	answer := b.form("login", url.Values{"username": {name}, "password": {password}})
	if answer.code != http.StatusSeeOther {
		g.t.Fatalf("%s cannot sign in: %d %s", name, answer.code, answer.body)
	}
	b.cookies = answer.cookies
	return b
}

type answer struct {
	code    int
	header  http.Header
	body    string
	cookies []*http.Cookie
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.g.t.Helper()
	origin := b.g.URL
	if b.proxy != "" {
		origin = b.proxy
	}
	r, err := http.NewRequestWithContext(b.g.t.Context(), method, origin+b.g.base+path, body)
	must(b.g.t, err)
	for _, cookie := range b.cookies {
		r.AddCookie(cookie)
	}
	for name, values := range b.headers {
		r.Header[name] = values
	}
	return r
}

func (b *browser) do(r *http.Request) answer {
	b.g.t.Helper()
	response, err := b.client.Do(r)
	must(b.g.t, err)
	defer response.Body.Close()
	a := answer{code: response.StatusCode, header: response.Header, cookies: response.Cookies()}
	if response.StatusCode == http.StatusOK && strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return a
	}
	body, err := io.ReadAll(response.Body)
	must(b.g.t, err)
	a.body = string(body)
	return a
}

func (b *browser) get(path string) answer {
	b.g.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

func (b *browser) form(path string, values url.Values) answer {
	b.g.t.Helper()
	r := b.request(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// A viewer reads an open stream line by line.
type viewer struct {
	t     *testing.T
	lines chan string // closed at the stream's end
	end   error       // why it ended; nil is a clean end
	close func()
}

func (b *browser) open(path string) *viewer {
	b.g.t.Helper()
	response, err := b.client.Do(b.request(http.MethodGet, path, nil))
	must(b.g.t, err)
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		b.g.t.Fatalf("%s: %d %s", path, response.StatusCode, body)
	}
	v := &viewer{t: b.g.t, lines: make(chan string, 1000), close: func() { response.Body.Close() }}
	b.g.t.Cleanup(v.close)
	go func() {
		scanner := bufio.NewScanner(response.Body)
		for scanner.Scan() {
			v.lines <- scanner.Text()
		}
		v.end = scanner.Err()
		close(v.lines)
	}()
	return v
}

// until returns the first line that has the text.
func (v *viewer) until(text string) string {
	v.t.Helper()
	deadline := time.After(5 * time.Second)
	for {
		select {
		case line, open := <-v.lines:
			if !open {
				v.t.Fatalf("the stream ended (%v) before %q", v.end, text)
			}
			if strings.Contains(line, text) {
				return line
			}
		case <-deadline:
			v.t.Fatalf("no %q in time", text)
		}
	}
}

// ended waits for a clean end.
func (v *viewer) ended() {
	v.t.Helper()
	deadline := time.After(5 * time.Second)
	for {
		select {
		case _, open := <-v.lines:
			if open {
				continue
			}
			if v.end != nil {
				v.t.Fatalf("the stream was cut: %v", v.end)
			}
			return
		case <-deadline:
			v.t.Fatal("the stream does not end")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
