package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// addToken makes a token in the file and returns it with its text.
func addToken(t testing.TB, file auth.UsersFile, want auth.Token) (auth.Token, string) {
	t.Helper()
	token, text, err := auth.NewToken(want, file.Template)
	must(t, err)
	must(t, file.AddToken(token))
	return token, text
}

var (
	readsAsAlice = auth.Token{Scope: auth.ReadScope, User: "alice"}
	writesBob    = auth.Token{Scope: auth.WriteScope, Writes: []string{"User.bob", "job_*"}}
)

// withHeaders is a request with Authorization headers.
func withHeaders(values ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	r.Header["Authorization"] = values
	return r
}

func TestTokensAreNotKept(t *testing.T) {
	file := newFile(t)
	token, text := addToken(t, file, readsAsAlice)
	if len(text) != 60 || !strings.HasPrefix(text, "llt_"+token.ID+"_") {
		t.Errorf("the token of %q is %q", token.ID, text)
	}
	secret := text[len("llt_"+token.ID+"_"):]
	if content := read(t, file.Path); strings.Contains(content, secret) || !strings.Contains(content, "token "+token.ID+" read ") {
		t.Errorf("the file is %s", content)
	}
	if _, again := addToken(t, file, readsAsAlice); again == text {
		t.Error("two tokens are the same")
	}
}

func TestTokensAuthenticate(t *testing.T) {
	file := newFile(t)
	_, reading := addToken(t, file, auth.Token{Scope: auth.ReadScope, User: "Zoe\u0308 Smith", Role: auth.Operator})
	written, writing := addToken(t, file, writesBob)
	tokens := auth.NewTokens(auth.TokensOptions{Users: openUsers(t, file, nil)})
	forged := func(text string) string { return text[:len(text)-1] + string(text[len(text)-1]^1) }
	mixed := reading[:len("llt_123456789012_")] + writing[len("llt_123456789012_"):]
	for _, c := range []struct {
		name   string
		header []string
		want   string // name of the principal; "" is nobody, "401" a refusal
	}{
		{"read", []string{"Bearer " + reading}, "Zoe\u0308 Smith"},
		{"write", []string{"Bearer " + writing}, "token:" + written.ID},
		{"another case and spaces", []string{"  bEARER   " + writing + " "}, "token:" + written.ID},
		{"none", nil, ""},
		{"empty", []string{""}, ""},
		{"another's bearer", []string{"Bearer abc"}, ""},
		{"basic", []string{"Basic YWxpY2U6bGx0Xw=="}, ""},
		{"wrong secret", []string{"Bearer " + forged(reading)}, "401"},
		{"another's secret", []string{"Bearer " + mixed}, "401"},
		{"no secret", []string{"Bearer llt_"}, "401"},
		{"hash instead", []string{"Bearer llt_" + written.ID + "_" + strings.Repeat("0", 64)}, "401"},
		{"longer", []string{"Bearer " + reading + "x"}, "401"},
		{"two in one", []string{"Bearer " + reading + " " + writing}, "401"},
		{"two headers", []string{"Bearer " + reading, "Bearer " + reading}, "401"},
		{"beside another's", []string{"Basic YQ==", "Bearer " + reading}, "401"},
		{"without its scheme", []string{reading}, "401"},
		{"another scheme", []string{"Token " + reading}, "401"},
		{"very long", []string{"Bearer llt_" + strings.Repeat("x", 30_000)}, "401"},
	} {
		p, err := tokens.Authenticate(withHeaders(c.header...))
		got := ""
		if p != nil {
			got = p.Name
		}
		if err != nil {
			got = http.StatusText(status(err))
			if errors.Is(err, auth.ErrToken) {
				got = "401"
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What may read cannot write, and the other way round.
func TestScopesAreApart(t *testing.T) {
	file := newFile(t)
	_, viewing := addToken(t, file, readsAsAlice)
	_, reading := addToken(t, file, auth.Token{Scope: auth.ReadScope, User: "alice", Role: auth.Admin})
	_, writing := addToken(t, file, writesBob)
	_, writingAll := addToken(t, file, auth.Token{Scope: auth.WriteScope, Writes: []string{"*"}})
	tokens := auth.NewTokens(auth.TokensOptions{Users: openUsers(t, file, nil)})
	for _, c := range []struct {
		token, channel     string
		read, write, purge bool
	}{
		{viewing, "logs:User.alice", true, false, false},
		{viewing, "logs:User.bob", false, false, false},
		{viewing, "logs:global", false, false, false},
		{reading, "logs:User.bob", true, false, false},
		{reading, "logs:global", true, false, false},
		{writing, "logs:User.bob", false, true, false},
		{writing, "logs:User.bobby", false, false, false},
		{writing, "logs:job_1", false, true, false},
		{writing, "logs:global", false, false, false},
		{writingAll, "logs:global", false, true, false},
		{writingAll, "logs:User.bob", false, true, false},
		{writingAll, "logs:ll:control", false, false, false},
	} {
		p, err := tokens.Authenticate(withHeaders("Bearer " + c.token))
		must(t, err)
		for action, want := range map[auth.Action]bool{auth.Read: c.read, auth.Write: c.write, auth.Purge: c.purge} {
			if err := p.Authorize(c.channel, action); (err == nil) != want || err != nil && status(err) != 403 {
				t.Errorf("%s, action %d on %s: %v", p.Name, action, c.channel, err)
			}
		}
	}
}

func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		expiring, short := addToken(t, g.file, auth.Token{Scope: auth.ReadScope, User: "alice", Expires: time.Now().Add(time.Minute)})
		revoked, long := addToken(t, g.file, readsAsAlice)
		kept, other := addToken(t, g.file, readsAsAlice)
		g.build(nil)
		users := openUsers(t, g.file, nil)
		tokens := auth.NewTokens(auth.TokensOptions{Users: users})
		defer g.start()()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go users.Watch(ctx, auth.Revoke(g.streams.end))

		principal := func(text string) *auth.Principal {
			p, err := tokens.Authenticate(withHeaders("Bearer " + text))
			must(t, err)
			return p
		}
		session, _ := g.signIn("alice")
		ps := map[string]*auth.Principal{expiring.ID: principal(short), revoked.ID: principal(long), kept.ID: principal(other), "session": session}
		streams := map[string]*openStream{}
		for id, p := range ps {
			streams[id] = g.streams.add(p)
			must(t, p.Check(ctx))
		}
		if !ps[expiring.ID].Expires.Equal(expiring.Expires) || expiring.Expires.IsZero() {
			t.Errorf("it expires at %v", ps[expiring.ID].Expires)
		}
		expect := func(what string, want ...string) {
			t.Helper()
			var over []string
			for id, p := range ps {
				err := p.Check(ctx)
				if (err != nil) != (g.streams.reason(streams[id]) != "") && id != expiring.ID {
					t.Errorf("%s: %s: the check says %v, its stream %q", what, id, err, g.streams.reason(streams[id]))
				}
				if err != nil && status(err) == 401 {
					over = append(over, id)
				}
			}
			slices.Sort(over)
			slices.Sort(want)
			if !slices.Equal(over, want) {
				t.Errorf("%s: ended are %q, want %q", what, over, want)
			}
		}
		expect("at first")
		must(t, g.file.RevokeToken(revoked.ID))
		time.Sleep(time.Second)
		synctest.Wait()
		expect("after one is revoked", revoked.ID)
		if _, err := tokens.Authenticate(withHeaders("Bearer " + long)); !errors.Is(err, auth.ErrToken) {
			t.Errorf("a revoked token: %v", err)
		}
		must(t, g.file.SetPassword("alice", "another horse"))
		time.Sleep(time.Second)
		synctest.Wait()
		expect("after another password", revoked.ID, "session")
		time.Sleep(time.Minute)
		expect("after one has expired", revoked.ID, "session", expiring.ID)
		if _, err := tokens.Authenticate(withHeaders("Bearer " + short)); !errors.Is(err, auth.ErrToken) {
			t.Errorf("an expired token: %v", err)
		}
		// By hand, the same token is made to be another user's.
		write(t, g.file.Path, strings.Replace(read(t, g.file.Path), " - alice viewer", " - bob viewer", 1))
		time.Sleep(time.Second)
		synctest.Wait()
		expect("after one is another's", revoked.ID, "session", expiring.ID, kept.ID)
		if p := principal(other); p.Channel != "logs:User.bob" {
			t.Errorf("it reads %s", p.Channel)
		}
	})
}

// countedUses counts, and fails on demand.
type countedUses struct {
	auth.MemoryTokenUses
	mu    sync.Mutex
	away  error
	asked int
}

func (u *countedUses) Used(ctx context.Context, id string, at time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked++
	if u.away != nil {
		return u.away
	}
	return u.MemoryTokenUses.Used(ctx, id, at)
}

func TestTheLastUseIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newFile(t)
		token, text := addToken(t, file, readsAsAlice)
		uses := &countedUses{away: errAway}
		tokens := auth.NewTokens(auth.TokensOptions{Users: openUsers(t, file, nil), Uses: uses})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { must(t, tokens.Run(ctx)) })
		use := func() {
			_, err := tokens.Authenticate(withHeaders("Bearer " + text))
			must(t, err)
			synctest.Wait()
		}
		expect := func(what string, asked int, at time.Time) {
			t.Helper()
			last, err := uses.LastUsed(ctx, []string{token.ID, "other"})
			must(t, err)
			if uses.asked != asked || !last[token.ID].Equal(at) || len(last) > 1 {
				t.Errorf("%s: %d writes, last used %v; want %d, %v", what, uses.asked, last, asked, at)
			}
		}
		use()
		expect("while the store is away", 1, time.Time{})
		uses.away = nil
		use()
		first := time.Now()
		expect("after it is back", 2, first)
		time.Sleep(59 * time.Second)
		use()
		expect("within the minute", 2, first)
		time.Sleep(time.Second)
		use()
		expect("after the minute", 3, time.Now())
		_, err := tokens.Authenticate(withHeaders("Bearer " + text[:59] + "!"))
		if err == nil {
			t.Error("a wrong token is taken")
		}
		time.Sleep(time.Minute)
		p, err := tokens.Authenticate(withHeaders("Bearer " + text))
		must(t, err)
		synctest.Wait()
		time.Sleep(time.Minute)
		must(t, p.Check(ctx))
		synctest.Wait()
		expect("of an open stream", 5, time.Now())
		cancel()
		running.Wait()
	})
}

func TestTokensFileEdits(t *testing.T) {
	file := auth.UsersFile{Path: filepath.Join(t.TempDir(), "users"), Template: loglane.DefaultTemplate, Cost: cheap}
	first, _ := addToken(t, file, auth.Token{Scope: auth.ReadScope, User: `a "b"`, Role: auth.Admin, Expires: time.Now().Add(time.Hour)})
	must(t, file.Add("alice", auth.Viewer, password))
	second, text := addToken(t, file, writesBob)
	before := read(t, file.Path)
	must(t, file.SetRole("alice", auth.Admin))
	must(t, file.Remove("alice"))
	list, err := file.Tokens()
	must(t, err)
	if len(list) != 2 || list[0].Line() != first.Line() || list[1].Line() != second.Line() {
		t.Errorf("the tokens are %+v in\n%s", list, read(t, file.Path))
	}
	if users, err := file.List(); err != nil || len(users) != 0 {
		t.Errorf("the users are %v, %v", users, err)
	}
	users := openUsers(t, file, nil)
	if users.Any() {
		t.Error("there are users in a file of tokens")
	}
	wantError(t, file.AddToken(first), first.ID, "already")
	wantError(t, file.RevokeToken("nosuchtoken"), "nosuchtoken", "loglane token list --auth-file "+file.Path)
	wantError(t, file.RevokeToken("llt_secret"), "no token's id")
	must(t, file.RevokeToken(first.ID))
	must(t, file.RevokeToken(text))
	_, err = auth.OpenUsers(file.Path, file.Template, nil)
	wantError(t, err, "no users", "loglane token create")
	// The printed line, added by hand, does the same.
	write(t, file.Path, second.Line())
	if list, err := file.Tokens(); err != nil || len(list) != 1 || !strings.Contains(before, list[0].Line()+"\n") {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestTokenLinesThatAreRefused(t *testing.T) {
	sum := strings.Repeat("0f", 32)
	for _, c := range []struct{ line, want string }{
		{"token", `is not "token ID`},
		{"token abcdefghijkl read " + sum + " -", `is not "token ID`},
		{"token abcdefghijkl read " + sum + " - alice", `is not "token ID`},
		{"token abcdefghijkl read " + sum + " - alice smith viewer", "double quotes"},
		{"token abcdefghijkl read " + sum + " - alice king", "unknown role"},
		{"token ABC read " + sum + " - alice viewer", "10 to 12"},
		{"token abcdefghijkl all " + sum + " - alice viewer", `unknown scope "all"`},
		{"token abcdefghijkl read llt_abcdefghijkl_secret - alice viewer", "never write a token itself"},
		{"token abcdefghijkl read " + sum + " tomorrow alice viewer", "2027-01-31T00:00:00Z"},
		{"token abcdefghijkl read " + sum + " 0001-01-01T00:00:00Z alice viewer", "expiry"},
		{"token abcdefghijkl read " + sum + " - " + strings.Repeat("x", 201) + " viewer", "cannot be a channel"},
		{"token abcdefghijkl write " + sum + " - ll:control", "reserved"},
		{"token abcdefghijkl write " + sum + " - ll:*", "reserved"},
		{"token abcdefghijkl write " + sum + " - a{b}", "U+007B"},
		{"token abcdefghijkl write " + sum + " -" + strings.Repeat(" a", 101), "1 to 100 channels"},
		{"token abcdefghijkl write " + sum + " - a\ntoken abcdefghijkl write " + sum + " - b", "line 2: the token abcdefghijkl stands in line 1"},
	} {
		path := filepath.Join(t.TempDir(), "users")
		must(t, os.WriteFile(path, []byte(c.line+"\n"), 0o600))
		_, err := auth.OpenUsers(path, loglane.DefaultTemplate, nil)
		wantError(t, err, "line ", c.want)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows a token: %v", err)
		}
	}
}

func TestNewTokenRefuses(t *testing.T) {
	for _, c := range []struct {
		token auth.Token
		want  string
	}{
		{auth.Token{}, "unknown scope"},
		{auth.Token{Scope: auth.ReadScope}, "name is empty"},
		{auth.Token{Scope: auth.WriteScope}, "1 to 100 channels"},
		{auth.Token{Scope: auth.WriteScope, Writes: []string{""}}, "empty"},
		{auth.Token{Scope: auth.WriteScope, Writes: []string{"a b"}}, "U+0020"},
		{auth.Token{Scope: auth.ReadScope, User: "alice", Expires: time.Now()}, "expired already"},
	} {
		_, _, err := auth.NewToken(c.token, loglane.DefaultTemplate)
		wantError(t, err, c.want)
	}
	_, err := auth.UserWrites("al*", loglane.DefaultTemplate)
	wantError(t, err, `"User.al*"`, "begins like it")
	if context, err := auth.UserWrites("Zoë S", loglane.DefaultTemplate); err != nil || context != "User.Zoë%20S" {
		t.Errorf("%q, %v", context, err)
	}
}
