package auth_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func TestOIDCSignsIn(t *testing.T) {
	provider := newLyingProvider(t)
	d := newDoor(t, provider, func(o *auth.OIDCOptions) {
		o.NameClaim, o.Mint.Names.Prefix = "preferred_username", "corp:"
	}).found()
	asked := d.start("/?user=bob")
	for name, want := range map[string]string{
		"client_id": "loglane", "response_type": "code", "scope": "openid profile email", "code_challenge_method": "S256",
		"redirect_uri": origin + "/login/oidc/callback",
	} {
		if asked.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, asked.Get(name), want)
		}
	}
	for name, cookie := range d.cookies {
		if !strings.HasPrefix(name, "__Host-loglane-oidc-") || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.MaxAge > 600 || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("the flow's cookie is %v", cookie)
		}
		if strings.Contains(cookie.Value, asked.Get("state")) || strings.Contains(asked.Encode(), cookie.Value[:43]) {
			t.Error("the provider gets what the cookie has")
		}
	}
	next, err := d.finish(d.answer(asked))
	if err != nil || next != "/?user=bob" {
		t.Fatalf("%q, %v", next, err)
	}
	p := d.whoever()
	if p == nil || p.Name != "corp:zoe" || p.Channel != "logs:User.corp:zoe" || p.Role != auth.Operator || !slices.Equal(p.Channels, []string{"logs:team.staff"}) {
		t.Errorf("it is %+v", p)
	}
	if left := time.Until(p.Expires); left > auth.DefaultOIDCLifetime || left < auth.DefaultOIDCLifetime-time.Minute {
		t.Errorf("the session ends in %v", left)
	}
	must(t, p.Check(t.Context()))
	for _, canary := range []string{"code-canary", "secret-canary", "at-canary", d.cookies["__Host-loglane"].Value} {
		if strings.Contains(d.log.String(), canary) {
			t.Errorf("the log has %s", canary)
		}
	}
}

// Each row is refused, and nobody is signed in after it.
func TestOIDCAttacks(t *testing.T) {
	now := time.Now().Unix()
	for name, c := range map[string]struct {
		about  claims
		sign   func(*lyingProvider) func(header, body claims) string
		answer func(d *door, asked url.Values) url.Values
		code   int
	}{
		"wrong state": {answer: func(d *door, asked url.Values) url.Values {
			a := d.answer(asked)
			a.Set("state", a.Get("state")[:8]+strings.Repeat("x", 35))
			return a
		}, code: 400},
		"no state":   {answer: func(d *door, asked url.Values) url.Values { a := d.answer(asked); a.Del("state"); return a }, code: 400},
		"two states": {answer: func(d *door, asked url.Values) url.Values { a := d.answer(asked); a.Add("state", "x"); return a }, code: 400},
		"two codes":  {answer: func(d *door, asked url.Values) url.Values { a := d.answer(asked); a.Add("code", "x"); return a }, code: 400},
		"no code":    {answer: func(d *door, asked url.Values) url.Values { a := d.answer(asked); a.Del("code"); return a }, code: 400},
		"no cookie":  {answer: func(d *door, asked url.Values) url.Values { clear(d.cookies); return d.answer(asked) }, code: 400},
		"login CSRF": {answer: func(d *door, asked url.Values) url.Values { clear(d.cookies); d.start("/"); return d.answer(asked) }, code: 400},
		"another's next": {answer: func(d *door, asked url.Values) url.Values {
			d.forge(func(v string) string { return v[:strings.LastIndex(v, ".")+1] + encoded([]byte("/evil")) })
			return d.answer(asked)
		}, code: 400},
		"another's time": {answer: func(d *door, asked url.Values) url.Values {
			d.forge(func(v string) string { return v[:43] + ".9999999999." })
			return d.answer(asked)
		}, code: 400},
		"never begun": {answer: func(d *door, _ url.Values) url.Values {
			clear(d.cookies)
			return url.Values{"state": {strings.Repeat("a", 43)}, "code": {"c"}}
		}, code: 400},
		"another issuer": {answer: func(d *door, asked url.Values) url.Values {
			a := d.answer(asked)
			a.Set("iss", "https://evil.example")
			return a
		}, code: 502},
		"error": {answer: func(d *door, asked url.Values) url.Values {
			a := d.answer(asked)
			a.Set("error", "access_denied")
			return a
		}, code: 403},
		"error markup": {answer: func(d *door, asked url.Values) url.Values {
			a := d.answer(asked)
			a.Set("error", "<script>alert(1)</script>")
			return a
		}, code: 403},
		"another's nonce":  {about: claims{"nonce": "x"}, code: 502},
		"no nonce":         {about: claims{"nonce": nil}, code: 502},
		"wrong iss":        {about: claims{"iss": "https://evil.example"}, code: 502},
		"wrong aud":        {about: claims{"aud": "other"}, code: 502},
		"no aud":           {about: claims{"aud": nil}, code: 502},
		"two aud, no azp":  {about: claims{"aud": []string{"loglane", "other"}}, code: 502},
		"wrong azp":        {about: claims{"azp": "other"}, code: 502},
		"expired a second": {about: claims{"exp": now - 1}, code: 502},
		"no exp":           {about: claims{"exp": nil}, code: 502},
		"no iat":           {about: claims{"iat": nil}, code: 502},
		"old iat":          {about: claims{"iat": now - 400}, code: 502},
		"future iat":       {about: claims{"iat": now + 400}, code: 502},
		"no sub":           {about: claims{"sub": nil}, code: 502},
		"long sub":         {about: claims{"sub": strings.Repeat("x", 256)}, code: 502},
		"wrong at_hash":    {about: claims{"at_hash": encoded(make([]byte, 16))}, code: 502},
		"sub as a number":  {about: claims{"sub": 1}, code: 502},
		"reserved name":    {about: claims{"sub": "\u0000"}, sign: nil, code: 0},
		"logout token": {sign: func(p *lyingProvider) func(header, body claims) string {
			return func(_, _ claims) string { return p.logoutToken(nil) }
		}, code: 502},
		"alg none": {sign: func(*lyingProvider) func(header, body claims) string {
			return func(_, body claims) string { return encodedJSON(claims{"alg": "none"}) + "." + encodedJSON(body) + "." }
		}, code: 502},
		"alg HS256 with the public key": {sign: func(p *lyingProvider) func(header, body claims) string {
			return func(_, body claims) string { return hs256(p.key.N.Bytes(), claims{"alg": "HS256", "kid": "k1"}, body) }
		}, code: 502},
		"no signature": {sign: func(p *lyingProvider) func(header, body claims) string {
			return func(header, body claims) string { return encodedJSON(header) + "." + encodedJSON(body) + "." }
		}, code: 502},
		"changed after": {sign: func(p *lyingProvider) func(header, body claims) string {
			return func(header, body claims) string {
				parts := strings.Split(p.signed(header, body), ".")
				body["groups"] = []string{"admin"}
				return parts[0] + "." + encodedJSON(body) + "." + parts[2]
			}
		}, code: 502},
		"no ID token": {sign: func(*lyingProvider) func(header, body claims) string { return func(_, _ claims) string { return "" } }, code: 502},
	} {
		t.Run(name, func(t *testing.T) {
			provider := newLyingProvider(t)
			if c.code == 0 { // a name that is encoded is no attack
				provider.about = c.about
				newDoor(t, provider, nil).found().in()
				return
			}
			provider.about = c.about
			if c.about == nil {
				provider.about = claims{}
			}
			if c.sign != nil {
				provider.sign = c.sign(provider)
			}
			d := newDoor(t, provider, nil).found()
			asked := d.start("/")
			answer := d.answer(asked)
			if c.answer != nil {
				answer = c.answer(d, asked)
			}
			_, err := d.finish(answer)
			if status(err) != c.code || strings.Contains(err.Error(), "<") {
				t.Errorf("%v (%d), want %d", err, status(err), c.code)
			}
			if p := d.whoever(); p != nil {
				t.Errorf("%s is signed in", p.Name)
			}
			if log := d.log.String(); strings.Contains(log, "canary") {
				t.Errorf("the log has a secret: %s", log)
			}
		})
	}
}

func TestOIDCAnswersCountOnce(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), nil).found()
	asked := d.start("/")
	kept := d.copyCookies()
	_, err := d.finish(d.answer(asked))
	must(t, err)
	if _, err := d.finish(d.answer(asked)); status(err) != 400 {
		t.Errorf("the same answer again: %v", err)
	}
	d.cookies = kept // whoever kept the cookie
	if _, err := d.finish(d.answer(asked)); status(err) != 400 {
		t.Errorf("the same answer again, with the cookie: %v", err)
	}
}

func TestOIDCNextIsOwn(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), nil).found()
	for _, next := range []string{
		"//evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example/", "https:evil.example", "javascript:alert(1)",
		"/\t/evil.example", "/%09/evil.example", "/%2F/evil.example", "/%5cevil.example", "///evil.example", "/..//evil.example", "\r\n//evil", "evil",
	} {
		if got, err := d.finish(d.answer(d.start(next))); err != nil || got != "/" {
			t.Errorf("%q leads to %q, %v", next, got, err)
		}
	}
}

func TestOIDCFlowsAreFewAndSmall(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), nil).found()
	for range 20 {
		d.start("/?q=" + strings.Repeat("x", 400))
	}
	size := 0
	for _, cookie := range d.cookies {
		size += len(cookie.Name) + len(cookie.Value)
	}
	if len(d.cookies) > 5 || size > 4<<10 {
		t.Errorf("%d cookies with %d bytes", len(d.cookies), size)
	}
	if next, err := d.finish(d.answer(d.start("/?q=" + strings.Repeat("x", 600)))); err != nil || next != "/" {
		t.Errorf("a long next: %q, %v", next, err)
	}
}

func TestOIDCManyTabs(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), nil).found()
	first := d.start("/?user=a")
	nonce := d.provider.nonce
	d.start("/?user=b")
	d.provider.nonce = nonce
	if next, err := d.finish(d.answer(first)); err != nil || next != "/?user=a" {
		t.Errorf("the first tab: %q, %v", next, err)
	}
}

func TestOIDCNames(t *testing.T) {
	for name, c := range map[string]struct {
		claim string
		about claims
		want  string // "" is refused
	}{
		"sub":              {"", nil, "s-1"},
		"username":         {"preferred_username", nil, "zoe"},
		"unverified mail":  {"email", claims{"email": "a@example.com"}, ""},
		"mail not at all":  {"email", claims{"email": "a@example.com", "email_verified": false}, ""},
		"verified mail":    {"email", claims{"email": "a@example.com", "email_verified": true}, "a@example.com"},
		"verified as text": {"email", claims{"email": "a@example.com", "email_verified": "true"}, "a@example.com"},
		"path":             {"user.login", claims{"user": claims{"login": "ann"}}, "ann"},
		"none":             {"nickname", nil, ""},
		"no text":          {"nickname", claims{"nickname": []string{"x"}}, ""},
		"another way's":    {"nickname", claims{"nickname": "app:zoe"}, ""},
		"no unicode":       {"nickname", claims{"nickname": "a\ufffd"}, ""},
		"too long":         {"nickname", claims{"nickname": strings.Repeat("x", 201)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			provider := newLyingProvider(t)
			provider.about = c.about
			d := newDoor(t, provider, func(o *auth.OIDCOptions) {
				o.NameClaim, o.Mint.Names.Others = c.claim, []string{"app:"}
			}).found()
			_, err := d.finish(d.answer(d.start("/")))
			if c.want == "" {
				if status(err) != 403 || d.whoever() != nil {
					t.Errorf("%v", err)
				}
				return
			}
			must(t, err)
			if p := d.whoever(); p == nil || p.Name != c.want {
				t.Errorf("it is %+v", p)
			}
		})
	}
}

func TestOIDCGroupsFromTheUserInfo(t *testing.T) {
	provider := newLyingProvider(t)
	provider.metadata = claims{"userinfo_endpoint": provider.URL + "/userinfo"}
	provider.about = claims{"groups": nil}
	provider.info = claims{"sub": "s-1", "realm": claims{"roles": []any{"sre", 1, nil}}, "preferred_username": "mallory"}
	change := func(o *auth.OIDCOptions) { o.RolesClaim, o.NameClaim = "realm.roles", "preferred_username" }
	if p := newDoor(t, provider, change).found().in(); p.Role != auth.Operator || p.Name != "zoe" {
		t.Errorf("it is %+v", p)
	}
	provider.info["sub"] = "s-2"
	d := newDoor(t, provider, change).found()
	if _, err := d.finish(d.answer(d.start("/"))); status(err) != 502 {
		t.Errorf("somebody else's user info: %v", err)
	}
}

func TestOIDCOnlyFromSafePlaces(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), nil).found()
	for place, want := range map[string]int{"http://logs.example.com": 400, "": 400, "http://127.0.0.1:8080": 0, "https://x": 0} {
		err := d.oidc.Start(httptest.NewRecorder(), d.request("/login/oidc"), place, "/")
		if status(err) != want {
			t.Errorf("%q: %v", place, err)
		}
	}
	for issuer, want := range map[string]bool{
		"https://id.example.com": true, "http://127.0.0.1:9/": true, "http://id.example.com": false, "https://u:p@h/": false, "https://h/?x": false, "id": false,
	} {
		if err := auth.CheckIssuer(issuer); (err == nil) != want {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestOIDCProviderThatIsAway(t *testing.T) {
	provider := newLyingProvider(t)
	down := true
	provider.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		if down {
			w.WriteHeader(http.StatusBadGateway)
		}
		return down
	}
	d := newDoor(t, provider, nil)
	err := d.oidc.Start(httptest.NewRecorder(), d.request("/login/oidc"), origin, "/")
	if status(err) != 503 {
		t.Errorf("%v", err)
	}
	provider.mu.Lock()
	down = false
	provider.mu.Unlock()
	d.found().in() // it is asked again by itself
}

func TestOIDCDiscoveriesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		metadata claims
		answer   func(http.ResponseWriter)
		want     string
	}{
		"another issuer":   {metadata: claims{"issuer": "https://evil.example"}, want: "did not match"},
		"plain token":      {metadata: claims{"token_endpoint": "http://id.example.com/token"}, want: "token_endpoint"},
		"no keys":          {metadata: claims{"jwks_uri": ""}, want: "jwks_uri"},
		"sign-out scheme":  {metadata: claims{"end_session_endpoint": "javascript:alert(1)"}, want: "end_session_endpoint"},
		"redirect":         {answer: func(w http.ResponseWriter) { w.Header().Set("Location", "https://evil.example/"); w.WriteHeader(302) }, want: "302"},
		"more than enough": {answer: func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 1<<20)) }, want: "more than 524288 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			provider := newLyingProvider(t)
			provider.metadata = c.metadata
			if c.answer != nil {
				provider.answer = func(w http.ResponseWriter, _ *http.Request) bool { c.answer(w); return true }
			}
			d := newDoor(t, provider, nil)
			_, err := d.oidc.Examine(t.Context())
			wantError(t, err, c.want)
		})
	}
}

func TestOIDCKeysAreAskedForSeldom(t *testing.T) {
	provider := newLyingProvider(t)
	d := newDoor(t, provider, nil).found()
	body := claims{"iss": provider.URL, "aud": "loglane", "sub": "s-1", "jti": "j", "events": claims{}}
	for range 50 {
		if err := d.logout(provider.signed(claims{"alg": "RS256", "kid": "nobody's"}, body)); status(err) != 400 {
			t.Fatal(err)
		}
	}
	if n := provider.count("/keys"); n > 3 {
		t.Errorf("the keys were asked for %d times", n)
	}
}

func TestOIDCSignOutLeadsToTheProvider(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), nil).found()
	p := d.in()
	stream := d.streams.add(p)
	w := httptest.NewRecorder()
	leadsTo, err := d.oidc.SignOut(w, d.request("/logout"), origin)
	must(t, err)
	d.take(w)
	u, err := url.Parse(leadsTo)
	must(t, err)
	query := u.Query()
	if u.Path != "/out" || query.Get("client_id") != "loglane" || query.Get("post_logout_redirect_uri") != origin+"/login" || strings.Count(query.Get("id_token_hint"), ".") != 2 {
		t.Errorf("it leads to %s", leadsTo)
	}
	if d.whoever() != nil || d.streams.reason(stream) != "signed out" || d.oidc.Straight(d.request("/login")) {
		t.Error("the session stands, its stream is open, or the login page leads on")
	}
	for key := range d.store.keys {
		if data, _, _ := d.store.Load(t.Context(), key); strings.Contains(string(data), query.Get("id_token_hint")) {
			t.Error("the store has the ID token in the clear")
		}
	}
}

// refused is a session of other settings.
func TestOIDCSessionsOfOtherSettings(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), nil).found()
	d.in()
	cookies := d.copyCookies()
	for name, change := range map[string]func(*auth.OIDCOptions){
		"client": func(o *auth.OIDCOptions) { o.ClientID = "other" },
		"claim":  func(o *auth.OIDCOptions) { o.NameClaim = "preferred_username" },
	} {
		d.open(change)
		d.cookies = cookies
		if p := d.whoever(); p != nil {
			t.Errorf("another %s: %s is signed in", name, p.Name)
		}
	}
	d.open(func(o *auth.OIDCOptions) { o.Mint = auth.Mint{} }) // a map that has changed holds at once
	d.cookies = cookies
	if p := d.whoever(); p == nil || p.Role != auth.Viewer || len(p.Channels) > 0 {
		t.Errorf("without a map: %+v", p)
	}
}

func TestBackChannelLogout(t *testing.T) {
	for name, change := range map[string]claims{
		"subject": {}, "session": {"sid": "sid-1", "sub": nil}, "both": {"sid": "sid-1"},
	} {
		t.Run(name, func(t *testing.T) {
			provider := newLyingProvider(t)
			d := newDoor(t, provider, nil).found()
			peer := &door{gateway: d.peer(func(o *auth.LoginOptions) { o.Users, o.CookieSecure = nil, true }), provider: provider}
			peer.open(nil)
			defer d.gateway.start()()
			defer peer.gateway.start()()
			eventually(t, func() bool { return auth.Listeners(d.notices.(*auth.MemoryNotices)) == 2 })
			p := d.in()
			peer.cookies = d.copyCookies()
			elsewhere := peer.whoever()
			here, there := d.streams.add(p), peer.streams.add(elsewhere)
			stranger := peer.streams.add(&auth.Principal{Name: "x", Session: strings.Repeat("ab", 32)})

			begin := time.Now()
			must(t, d.logout(provider.logoutToken(change)))
			eventually(t, func() bool { return d.streams.reason(here) != "" && peer.streams.reason(there) != "" })
			if took := time.Since(begin); took > time.Second {
				t.Errorf("it took %v", took)
			}
			if peer.streams.reason(stranger) != "" || d.whoever() != nil || peer.whoever() != nil {
				t.Error("another's stream has ended, or the session stands")
			}
			// A gateway that has heard of nothing knows it from the store.
			later := &door{gateway: d.peer(func(o *auth.LoginOptions) { o.Users, o.CookieSecure = nil, true }), provider: provider}
			later.open(nil)
			if later.cookies = d.copyCookies(); later.whoever() != nil {
				t.Error("the session stands on another gateway")
			}
			if name == "subject" { // the next sign-in stands
				if d.in(); d.whoever() == nil {
					t.Error("the next session does not stand")
				}
			}
		})
	}
}

func TestLogoutTokensThatAreRefused(t *testing.T) {
	provider := newLyingProvider(t)
	d := newDoor(t, provider, nil).found()
	d.in()
	now := time.Now().Unix()
	for name, token := range map[string]string{
		"wrong iss":      provider.logoutToken(claims{"iss": "https://evil.example"}),
		"wrong aud":      provider.logoutToken(claims{"aud": "other"}),
		"nonce":          provider.logoutToken(claims{"nonce": "n"}),
		"no events":      provider.logoutToken(claims{"events": nil}),
		"other event":    provider.logoutToken(claims{"events": claims{"x": claims{}}}),
		"no sub and sid": provider.logoutToken(claims{"sub": nil}),
		"no jti":         provider.logoutToken(claims{"jti": nil}),
		"no iat":         provider.logoutToken(claims{"iat": nil}),
		"old":            provider.logoutToken(claims{"iat": now - 400, "exp": now + 400}),
		"expired":        provider.logoutToken(claims{"exp": now - 1}),
		"ID token":       provider.idToken(),
		"none":           encodedJSON(claims{"alg": "none"}) + "." + encodedJSON(claims{"iss": provider.URL}) + ".",
		"nothing":        "",
		"long":           strings.Repeat("x", 1<<20),
	} {
		if err := d.logout(token); status(err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d.whoever() == nil {
		t.Fatal("a refused token has ended the session")
	}
	once := provider.logoutToken(nil)
	must(t, d.logout(once))
	d.in()
	if err := d.logout(once); status(err) != 400 || d.whoever() == nil {
		t.Errorf("a token that was used: %v", err)
	}
	d.store.fail(errAway)
	if err := d.logout(provider.logoutToken(nil)); status(err) != 503 {
		t.Errorf("with the store away: %v", err)
	}
	if n := auth.Pending(d.Login); n != 1 {
		t.Errorf("%d sign-outs wait for the store, want 1", n)
	}
}

func TestOIDCWhileTheStoreIsAway(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), nil).found()
	asked := d.start("/")
	d.store.fail(errAway)
	if _, err := d.finish(d.answer(asked)); status(err) != 503 || strings.Contains(err.(interface{ Unwrap() []error }).Unwrap()[0].Error(), "10.0.0.1") {
		t.Errorf("%v", err)
	}
}

// What is not a flow's cookie is none, and what is leads to where it began only.
func FuzzFlowCookie(f *testing.F) {
	f.Add(strings.Repeat("a", 43)+".1700000000.Lw", strings.Repeat("b", 43))
	f.Add("..", "")
	f.Fuzz(func(t *testing.T, value, state string) {
		login, err := auth.NewLogin(auth.LoginOptions{Sessions: auth.NewMemorySessions(), Notices: auth.NewMemoryNotices()})
		must(t, err)
		o, err := auth.NewOIDC(auth.OIDCOptions{Login: login, Issuer: "https://id.example.com", ClientID: "c", Logger: slog.New(slog.DiscardHandler)})
		must(t, err)
		r := httptest.NewRequest(http.MethodGet, "/login/oidc/callback?"+url.Values{"state": {state}, "code": {"c"}}.Encode(), nil)
		if len(state) >= 8 {
			r.AddCookie(&http.Cookie{Name: "loglane-oidc-" + state[:8], Value: value})
		}
		if _, _, err := o.Finish(httptest.NewRecorder(), r, "http://localhost"); status(err) == 0 {
			t.Errorf("%q with %q: %v", value, state, err)
		}
	})
}

// Whatever a provider tells, groups are bounded texts and names are not empty.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"groups":["a",1],"sub":"x"}`), "groups", "sub")
	f.Add([]byte(`{"a":{"b":["c"]},"email":"e","email_verified":true}`), "a.b", "email")
	f.Fuzz(func(t *testing.T, text []byte, path, claim string) {
		groups, name, err := auth.ClaimGroups(text, path, claim)
		if err == nil && name == "" {
			t.Error("a name is empty")
		}
		for _, group := range groups {
			if len(group) > 512 {
				t.Errorf("a group has %d bytes", len(group))
			}
		}
	})
}
