package auth_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// cheap makes passwords that cost next to nothing.
var cheap = auth.Cost{Memory: 8, Iterations: 1, Parallelism: 1}

const password = "correct horse"

// newFile makes a file with alice (viewer), olga (operator) and adam (admin).
func newFile(t testing.TB) auth.UsersFile {
	t.Helper()
	file := auth.UsersFile{Path: filepath.Join(t.TempDir(), "users"), Template: loglane.DefaultTemplate, Cost: cheap}
	for name, role := range map[string]auth.Role{"alice": auth.Viewer, "olga": auth.Operator, "adam": auth.Admin} {
		must(t, file.Add(name, role, password))
	}
	return file
}

func openUsers(t testing.TB, file auth.UsersFile, log *slog.Logger) *auth.Users {
	t.Helper()
	users, err := auth.OpenUsers(file.Path, file.Template, &auth.UsersOptions{Logger: log})
	must(t, err)
	return users
}

// gateway is a login with everything that a test looks at.
type gateway struct {
	*auth.Login
	t       testing.TB
	file    auth.UsersFile
	store   *fakeStore
	notices auth.Notices
	log     *logBuffer
	streams *openStreams
}

// newGateway returns a gateway on its own; change may replace any of its options.
func newGateway(t testing.TB, change func(*auth.LoginOptions)) *gateway {
	t.Helper()
	g := &gateway{t: t, file: newFile(t), store: newFakeStore(), notices: auth.NewMemoryNotices()}
	g.build(change)
	return g
}

// peer returns another gateway over the same file, store and notices.
func (g *gateway) peer(change func(*auth.LoginOptions)) *gateway {
	g.t.Helper()
	p := &gateway{t: g.t, file: g.file, store: g.store, notices: g.notices}
	p.build(change)
	return p
}

func (g *gateway) build(change func(*auth.LoginOptions)) {
	g.t.Helper()
	g.log, g.streams = &logBuffer{}, &openStreams{}
	log := slog.New(slog.NewTextHandler(g.log, nil))
	options := auth.LoginOptions{
		Users:    openUsers(g.t, g.file, log),
		Sessions: g.store,
		Notices:  g.notices,
		Logger:   log,
		OnEnd:    g.streams.end,

		InsecureCookies: true, // people sign in from anywhere; TestPlainCookiesStayWithinTheMachine has the rule
	}
	if change != nil {
		change(&options)
	}
	login, err := auth.NewLogin(options)
	must(g.t, err)
	g.Login = login
}

// start runs the login until the test or, in a bubble, the returned stop ends it.
func (g *gateway) start() (stop func()) {
	var running sync.WaitGroup
	running.Go(func() {
		if err := g.Run(context.Background()); err != nil {
			g.t.Error(err)
		}
	})
	return func() {
		g.Close()
		running.Wait()
	}
}

// signIn returns the cookie of a new session.
func (g *gateway) signIn(name string, cookies ...*http.Cookie) (*auth.Principal, *http.Cookie) {
	g.t.Helper()
	w := httptest.NewRecorder()
	principal, err := g.SignIn(w, request(cookies...), name, password)
	must(g.t, err)
	set := w.Result().Cookies()
	if len(set) != 1 {
		g.t.Fatalf("%d cookies were set, want 1", len(set))
	}
	return principal, set[0]
}

func (g *gateway) signOut(cookie *http.Cookie) (deleted bool, err error) {
	w := httptest.NewRecorder()
	err = g.SignOut(w, request(cookie))
	for _, c := range w.Result().Cookies() {
		deleted = deleted || c.Name == cookie.Name && c.MaxAge < 0
	}
	return deleted, err
}

// who returns the name that a cookie stands for, or "".
func (g *gateway) who(cookie *http.Cookie) string {
	g.t.Helper()
	principal, err := g.Authenticate(request(cookie))
	must(g.t, err)
	if principal == nil {
		return ""
	}
	return principal.Name
}

func request(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://localhost/login", nil)
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

// openStreams stands for a hub's streams.
type openStreams struct {
	mu    sync.Mutex
	open  []*openStream
	asked int
}

type openStream struct{ session, user, ended string }

func (s *openStreams) add(p *auth.Principal) *openStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream := &openStream{session: p.Session, user: p.Name}
	s.open = append(s.open, stream)
	return stream
}

func (s *openStreams) end(match func(session, user string) bool, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	for _, stream := range s.open {
		if stream.ended == "" && match(stream.session, stream.user) {
			stream.ended = reason
		}
	}
}

// scans returns how often the streams were looked through.
func (s *openStreams) scans() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *openStreams) reason(stream *openStream) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return stream.ended
}

// fakeStore is a memory store that counts, and fails on demand.
type fakeStore struct {
	*auth.MemorySessions
	mu      sync.Mutex
	away    error
	keys    map[string]bool
	saves   int
	deletes int
	saving  func(key string) // called before a Save
	deleted func(key string) // called after a Delete
}

var errAway = errors.New("dial tcp 10.0.0.1:6379: connection refused")

func newFakeStore() *fakeStore {
	return &fakeStore{MemorySessions: auth.NewMemorySessions(), keys: map[string]bool{}}
}

func (s *fakeStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = err
}

func (s *fakeStore) state() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away
}

func (s *fakeStore) count() (saves, deletes, kept int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves, s.deletes, len(s.keys)
}

func (s *fakeStore) Load(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.state(); err != nil {
		return nil, false, err
	}
	return s.MemorySessions.Load(ctx, key)
}

func (s *fakeStore) Save(ctx context.Context, key string, data []byte, ttl time.Duration) error {
	if err := s.state(); err != nil {
		return err
	}
	s.mu.Lock()
	s.saves++
	s.keys[key] = true
	saving := s.saving
	s.mu.Unlock()
	if saving != nil {
		saving(key)
	}
	return s.MemorySessions.Save(ctx, key, data, ttl)
}

func (s *fakeStore) Delete(ctx context.Context, key string) (existed bool, err error) {
	s.mu.Lock()
	s.deletes++
	err = s.away
	if err == nil {
		delete(s.keys, key)
	}
	s.mu.Unlock()
	if err != nil {
		return false, err
	}
	existed, err = s.MemorySessions.Delete(ctx, key)
	if s.deleted != nil {
		s.deleted(key)
	}
	return existed, err
}

// logBuffer is a log that a test reads while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// status returns the code of the StatusError in err, 0 without one.
func status(err error) int {
	var s *loglane.StatusError
	if errors.As(err, &s) {
		return s.Code
	}
	return 0
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not have %q", err, part)
		}
	}
}

func write(t testing.TB, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

// eventually waits for what another goroutine brings about.
func eventually(t testing.TB, true func() bool) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-deadline:
			t.Fatal("it does not come true")
		case <-tick.C:
		}
	}
}
