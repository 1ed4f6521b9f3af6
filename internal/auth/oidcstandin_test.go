package auth_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

type claims map[string]any

// A lyingProvider answers as a provider does, but for what a test makes it say wrong. What a
// real one does is tested with one.
type lyingProvider struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey

	mu       sync.Mutex
	about    claims                           // of the ID token, over the good ones
	sign     func(header, body claims) string // instead of a good signature
	metadata claims                           // over the good ones
	answer   func(w http.ResponseWriter, r *http.Request) bool
	info     claims // user info; nil has none
	asked    map[string]int
	verifier string // of the last exchange
	nonce    string
}

var providerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newLyingProvider(t *testing.T) *lyingProvider {
	t.Helper()
	key, err := providerKey()
	must(t, err)
	p := &lyingProvider{t: t, key: key, about: claims{}, metadata: claims{}, asked: map[string]int{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *lyingProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[r.URL.Path]++
	if p.answer != nil && p.answer(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	var body claims
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		body = claims{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"end_session_endpoint": p.URL + "/out", "id_token_signing_alg_values_supported": []string{"RS256"},
		}
		maps.Copy(body, p.metadata)
	case "/keys":
		body = claims{"keys": []claims{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k1",
			"n": encoded(p.key.N.Bytes()), "e": encoded(big.NewInt(int64(p.key.E)).Bytes()),
		}}}
	case "/token":
		p.verifier = r.PostFormValue("code_verifier")
		body = claims{"access_token": "at-canary", "token_type": "Bearer", "id_token": p.idToken()}
	case "/userinfo":
		body = p.info
	default:
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(body)
}

func (p *lyingProvider) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

func (p *lyingProvider) idToken() string {
	now := time.Now().Unix()
	body := claims{
		"iss": p.URL, "aud": "loglane", "sub": "s-1", "exp": now + 300, "iat": now, "nonce": p.nonce, "sid": "sid-1",
		"preferred_username": "zoe", "groups": []string{"sre", "staff"},
	}
	maps.Copy(body, p.about)
	maps.DeleteFunc(body, func(_ string, value any) bool { return value == nil })
	if p.sign != nil {
		return p.sign(claims{"alg": "RS256", "kid": "k1"}, body)
	}
	return p.signed(claims{"alg": "RS256", "kid": "k1"}, body)
}

func (p *lyingProvider) signed(header, body claims) string {
	text := encodedJSON(header) + "." + encodedJSON(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + encoded(signature)
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func encodedJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return encoded(text)
}

const origin = "https://logs.example.com"

// A door is a gateway with an OIDC, and a browser before it.
type door struct {
	*gateway
	oidc     *auth.OIDC
	provider *lyingProvider
	cookies  map[string]*http.Cookie
}

func newDoor(t *testing.T, provider *lyingProvider, change func(*auth.OIDCOptions)) *door {
	t.Helper()
	g := newGateway(t, func(o *auth.LoginOptions) { o.Users, o.CookieSecure = nil, true })
	d := &door{gateway: g, provider: provider}
	d.open(change)
	return d
}

func (d *door) open(change func(*auth.OIDCOptions)) {
	d.t.Helper()
	roles, err := auth.ParseRoleMap("sre=operator")
	must(d.t, err)
	channels, err := auth.ParseChannelMap("staff=team.staff")
	must(d.t, err)
	options := auth.OIDCOptions{
		Login: d.Login, Issuer: d.provider.URL, ClientID: "loglane", ClientSecret: "secret-canary", RolesClaim: "groups",
		Mint: auth.Mint{Roles: roles, Channels: channels}, Logger: logTo(d.log),
	}
	if change != nil {
		change(&options)
	}
	d.oidc, err = auth.NewOIDC(options)
	must(d.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	way := d.oidc
	go func() { ended <- way.Run(ctx) }()
	d.t.Cleanup(func() {
		cancel()
		must(d.t, <-ended)
	})
	d.cookies = map[string]*http.Cookie{}
}

// found waits until the provider was discovered.
func (d *door) found() *door {
	d.t.Helper()
	eventually(d.t, func() bool { return d.oidc.Straight(httptest.NewRequest("GET", "/", nil)) })
	return d
}

func (d *door) request(target string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for _, cookie := range d.cookies {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	return r
}

func (d *door) take(w *httptest.ResponseRecorder) {
	for _, cookie := range w.Result().Cookies() {
		if d.cookies[cookie.Name] = cookie; cookie.MaxAge < 0 {
			delete(d.cookies, cookie.Name)
		}
	}
}

// start returns what the provider is asked.
func (d *door) start(next string) url.Values {
	d.t.Helper()
	w := httptest.NewRecorder()
	must(d.t, d.oidc.Start(w, d.request("/login/oidc"), origin, next))
	d.take(w)
	u, err := url.Parse(w.Header().Get("Location"))
	must(d.t, err)
	d.provider.mu.Lock()
	d.provider.nonce = u.Query().Get("nonce")
	d.provider.mu.Unlock()
	return u.Query()
}

func (d *door) finish(answer url.Values) (next string, err error) {
	w := httptest.NewRecorder()
	_, next, err = d.oidc.Finish(w, d.request("/login/oidc/callback?"+answer.Encode()), origin)
	d.take(w)
	return next, err
}

func (d *door) answer(asked url.Values) url.Values {
	return url.Values{"state": {asked.Get("state")}, "code": {"code-canary"}}
}

// in signs in, and returns who it is.
func (d *door) in() *auth.Principal {
	d.t.Helper()
	_, err := d.finish(d.answer(d.start("/")))
	must(d.t, err)
	p := d.whoever()
	if p == nil {
		d.t.Fatal("nobody is signed in")
	}
	return p
}

func (d *door) whoever() *auth.Principal {
	d.t.Helper()
	p, err := d.Authenticate(d.request("/"))
	must(d.t, err)
	return p
}

func (d *door) logout(token string) error {
	r := httptest.NewRequest(http.MethodPost, "/login/oidc/backchannel", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d.oidc.BackChannel(httptest.NewRecorder(), r)
}

// logoutToken is a good one but for what change has; nil members are left out.
func (p *lyingProvider) logoutToken(change claims) string {
	now := time.Now().Unix()
	body := claims{
		"iss": p.URL, "aud": "loglane", "sub": "s-1", "iat": now, "exp": now + 120, "jti": fmt.Sprint("j", time.Now().UnixNano()),
		"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}},
	}
	maps.Copy(body, change)
	maps.DeleteFunc(body, func(_ string, value any) bool { return value == nil })
	return p.signed(claims{"alg": "RS256", "kid": "k1", "typ": "logout+jwt"}, body)
}

// forge changes the flow's cookie.
func (d *door) forge(change func(string) string) {
	for name, cookie := range d.cookies {
		forged := *cookie
		forged.Value = change(cookie.Value)
		d.cookies[name] = &forged
	}
}

func (d *door) copyCookies() map[string]*http.Cookie { return maps.Clone(d.cookies) }

func hs256(key []byte, header, body claims) string {
	text := encodedJSON(header) + "." + encodedJSON(body)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + encoded(mac.Sum(nil))
}
