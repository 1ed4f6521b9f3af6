package app_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/loglane/loglane/internal/app"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/porttest"
)

const (
	jwtSecret   = "a secret of at least thirty-two bytes"
	proxySecret = "0123456789abcdef0123456789abcdef"
)

// tokenFor is a JWT of the issuer whose secret is jwtSecret.
func tokenFor(t *testing.T, name string, life time.Duration) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": "https://id.example.com/", "aud": "loglane", "sub": name, "exp": time.Now().Add(life).Unix(), "roles": "admin"}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(jwtSecret))
	must(t, err)
	return text
}

func fileOf(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// bySecret takes JWTs that are signed with jwtSecret.
func bySecret(t *testing.T, s *app.Settings) {
	s.JWTIssuer, s.JWTAudience, s.JWTAlgorithms = "https://id.example.com/", "loglane", "HS256"
	s.JWTKeyFile = fileOf(t, jwtSecret+"\n")
}

// All five ways in are there, and the first that knows a request is the one.
func TestTheOrderOfTheWaysIn(t *testing.T) {
	s := settings(t)
	bySecret(t, &s)
	s.JWTNamePrefix = "jwt:"
	s.TrustedHeader, s.TrustedHeaderSecretFile, s.TrustedHeaderNamePrefix = "Remote-User", fileOf(t, proxySecret), "sso:"
	s.AuthURL, s.AuthURLNamePrefix = otherApp(t), "app:"
	_, token := makeToken(t, s.AuthFile, auth.Token{Scope: auth.ReadScope, User: "tim"})
	gateway := start(t, s)
	me := gateway.URL() + "api/v1/me"
	alice := signIn(t, gateway)
	header := []string{auth.SecretHeader, proxySecret, "Remote-User", "hal"}
	cookie := []string{"Cookie", "session=fay"}
	bearer := []string{"Authorization", "Bearer " + tokenFor(t, "jo", time.Minute)}
	for _, c := range []struct {
		headers []string
		code    int
		want    string
	}{
		{nil, 401, "not signed in"},
		{cookie, 200, `"name":"app:fay"`},
		{append(cookie, header...), 200, `"name":"sso:hal"`},
		{append(append(bearer, cookie...), header...), 200, `"name":"jwt:jo"`},
		{append(append([]string{"Authorization", "Bearer " + token}, cookie...), header...), 200, `"name":"tim"`},
		{append([]string{"Authorization", "Bearer a.b.c"}, header...), 401, "The token is not valid (malformed)."},
		{append([]string{"Authorization", "Bearer llt_nobody"}, header...), 401, "API token"},
		{append([]string{"Authorization", "Bearer " + tokenFor(t, "jo", -time.Second)}, header...), 401, "(expired)"},
		{[]string{"Remote-User", "hal"}, 401, "not signed in"},
		{[]string{auth.SecretHeader, proxySecret[1:], "Remote-User", "hal"}, 401, "not signed in"},
		{append([]string{"Remote_User", "adam"}, header...), 400, "for certain"},
		{[]string{auth.SecretHeader, proxySecret, "Remote-User", ""}, 400, "for certain"},
	} {
		if code, body, _ := askWith(t, me, c.headers...); code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%q: %d %s", c.headers, code, body)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, me, nil)
	must(t, err)
	for i, all := 0, append(bearer, header...); i < len(all); i += 2 {
		r.Header.Set(all[i], all[i+1])
	}
	answer, err := alice.Do(r)
	must(t, err)
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(body), `"name":"alice"`) {
		t.Errorf("a session beside a JWT and a header: %s, %v", body, err)
	}
}

func TestANewWayInNeedsAPrefix(t *testing.T) {
	for name, change := range map[string]func(*app.Settings){
		"jwt-name-prefix":            func(s *app.Settings) { bySecret(t, s) },
		"trusted-header-name-prefix": headerSettings,
	} {
		s := settings(t)
		change(&s)
		if _, err := app.New(s, nil); err == nil || !strings.Contains(err.Error(), "--shared-names: it is missing") || !strings.Contains(err.Error(), "--"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A stream lasts as long as its token: then it says so, and the token opens no other.
func TestAStreamEndsWithItsJWT(t *testing.T) {
	t.Parallel()
	s := settings(t)
	bySecret(t, &s)
	s.JWTNamePrefix = "jwt:"
	gateway := start(t, s)
	token := tokenFor(t, "jo", 3*time.Second)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.URL()+"api/v1/stream", nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	end := jwtEnd(t, token)
	all, err := io.ReadAll(answer.Body)
	late := time.Since(end)
	must(t, err)
	if !strings.HasSuffix(string(all), "event: auth\ndata: {\"reason\":\"expired\"}\n\n") {
		t.Errorf("the stream ends with %q", all)
	}
	if late < 0 || late > time.Second {
		t.Errorf("it ends %v after its token", late)
	}
	if code, body, _ := askWith(t, gateway.URL()+"api/v1/stream", "Authorization", "Bearer "+token); code != http.StatusUnauthorized || !strings.Contains(body, "(expired)") {
		t.Errorf("the next try: %d %s", code, body)
	}
}

func jwtEnd(t *testing.T, token string) time.Time {
	t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(token, claims)
	must(t, err)
	end, err := claims.GetExpirationTime()
	must(t, err)
	return end.Time
}

// The socket's folder and mode say who may come; they are believed.
func TestAHeaderOverAUnixSocket(t *testing.T) {
	s := settings(t)
	s.AuthFile = ""
	path := filepath.Join(t.TempDir(), "gw.sock")
	s.Addr, s.TrustedHeader, s.TrustedHeaderGroups, s.RoleMap = "unix:"+path, "Remote-User", "Remote-Groups", "sre=operator"
	s.TrustedProxies, s.MaxStreamsPerAddress = "unix", 1
	gateway := start(t, s)
	if gateway.URL() != "http://localhost/" {
		t.Errorf("its URL is %s", gateway.URL())
	}
	transport := &http.Transport{DialContext: s.Dial}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.URL()+"api/v1/stream", nil)
	must(t, err)
	r.Header.Set("Remote-User", "alice")
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	answer, err := transport.RoundTrip(r)
	must(t, err)
	defer answer.Body.Close()
	second, err := transport.RoundTrip(r)
	must(t, err)
	defer second.Body.Close()
	if second.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a second stream of one address: %s", second.Status)
	}
	if line, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil || line != "retry: 3000\n" {
		t.Errorf("%s %q, %v", answer.Status, line, err)
	}
	findings, err := app.Examine(t.Context(), s, nil)
	must(t, err)
	if !strings.Contains(texts(findings), "a gateway answers at unix:"+path) ||
		!strings.Contains(texts(findings), "Remote-User is believed of who may open the Unix socket") {
		t.Errorf("the findings: %s", texts(findings))
	}
}

func texts(findings []app.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Check+" "+string(f.Level)+" "+f.Text)
	}
	return strings.Join(all, "\n")
}

func TestFindingsOfTheNewWays(t *testing.T) {
	s := settings(t)
	bySecret(t, &s)
	headerSettings(&s)
	s.JWTNamePrefix, s.TrustedHeaderNamePrefix = "jwt:", "sso:"
	s.TrustedHeaderSecretFile = fileOf(t, proxySecret)
	dir := t.TempDir()
	for name, c := range map[string]struct {
		change func(*app.Settings)
		want   string
	}{
		"a secret": {func(*app.Settings) {}, "jwt-issuer ok JWTs of https://id.example.com/ for loglane; 1 key, by HS256"},
		"a header": {func(*app.Settings) {}, "trusted-header ok Remote-User is believed of proxies at 127.0.0.1, and of them who knows the secret"},
		"no issuer": {func(s *app.Settings) {
			s.JWTKeyFile, s.JWTJWKSURL, s.JWTAlgorithms = "", "http://"+porttest.Addr(t)+"/", "RS256"
		}, "jwt-issuer fail there are no keys for its JWTs: "},
		"a free socket": {func(s *app.Settings) { s.Addr, s.TrustedHeaderProxies = "unix:"+filepath.Join(dir, "gw.sock"), "" }, "gw.sock is free"},
		"no folder": {func(s *app.Settings) {
			s.Addr, s.TrustedHeaderProxies = "unix:"+filepath.Join(dir, "none", "gw.sock"), ""
		}, "addr fail stat "},
		"a file": {func(s *app.Settings) {
			s.Addr, s.TrustedHeaderProxies = "unix:"+fileOf(t, "x"), ""
		}, "is a file and no socket"},
		"a left socket": {func(s *app.Settings) {
			path := filepath.Join(t.TempDir(), "gw.sock")
			left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			must(t, err)
			left.SetUnlinkOnClose(false)
			must(t, left.Close())
			s.Addr, s.TrustedHeaderProxies = "unix:"+path, ""
		}, "was left behind"},
	} {
		s := s
		c.change(&s)
		findings, err := app.Examine(t.Context(), s, nil)
		must(t, err)
		if !strings.Contains(texts(findings), c.want) || strings.Contains(texts(findings), proxySecret) || strings.Contains(texts(findings), jwtSecret) {
			t.Errorf("%s: %s", name, texts(findings))
		}
	}
}

// Neither good tokens nor bad ones, nor the proxy's secret, stand in the log.
func TestTheLogHasNoSecretOfTheNewWays(t *testing.T) {
	s := settings(t)
	bySecret(t, &s)
	s.JWTNamePrefix = "jwt:"
	s.TrustedHeader, s.TrustedHeaderSecretFile, s.TrustedHeaderNamePrefix = "Remote-User", fileOf(t, proxySecret), "sso:"
	var log bytes.Buffer
	gateway, err := app.New(s, &app.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	must(t, err)
	must(t, gateway.Start(t.Context()))
	good, bad := tokenFor(t, "jo", time.Minute), tokenFor(t, "jo", -time.Minute)
	for _, path := range []string{"api/v1/me", "api/v1/stream?channel=User.other", "api/v1/channels", "api/v1/logs"} {
		for _, token := range []string{good, bad, good[:len(good)-4], "eyJcanary.eyJcanary.canary"} {
			askWith(t, gateway.URL()+path, "Authorization", "Bearer "+token)
		}
		askWith(t, gateway.URL()+path, auth.SecretHeader, proxySecret, "Remote-User", "canary,name")
		askWith(t, gateway.URL()+path, auth.SecretHeader, proxySecret+"x", "Remote-User", "canary")
	}
	must(t, gateway.Stop(t.Context()))
	for _, secret := range []string{good[len(good)-20:], bad[len(bad)-20:], "canary", proxySecret, jwtSecret} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q: %s", secret, &log)
		}
	}
	if !strings.Contains(log.String(), "does not come from a trusted proxy") {
		t.Errorf("the log: %s", &log)
	}
}

// The keys may come from a URL; on this machine it need not have TLS.
func TestJWTsByAJWKS(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"`+base64.RawURLEncoding.EncodeToString(public)+`"}]}`)
	}))
	t.Cleanup(keys.Close)
	s := settings(t)
	s.AuthFile, s.JWTIssuer, s.JWTAudience, s.JWTJWKSURL = "", "https://id.example.com/", "loglane", keys.URL+"/jwks.json"
	s.JWTRolesClaim, s.RoleMap, s.JWTChannelsClaim = "groups", "sre=operator", "channels"
	gateway := start(t, s)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://id.example.com/", "aud": "loglane", "sub": "jo", "exp": time.Now().Add(time.Minute).Unix(), "groups": "sre", "channels": []string{"job_1"},
	})
	token.Header["kid"] = "1"
	text, err := token.SignedString(private)
	must(t, err)
	code, body, _ := askWith(t, gateway.URL()+"api/v1/me", "Authorization", "Bearer "+text)
	if want := `{"name":"jo","roles":["operator"],"channel":"User.jo","channels":["job_1"],"signOut":false}`; code != http.StatusOK || strings.TrimSpace(body) != want {
		t.Errorf("%d %s, want %s", code, body, want)
	}
	findings, err := app.Examine(t.Context(), s, nil)
	must(t, err)
	if !strings.Contains(texts(findings), "jwt-issuer ok JWTs of https://id.example.com/ for loglane; 1 key, by RS256, ES256, EdDSA") {
		t.Errorf("the findings: %s", texts(findings))
	}
}
