package auth_test

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// TestJWTsThatDoNotCount is a table in the manner of Project Wycheproof.
func TestJWTsThatDoNotCount(t *testing.T) {
	server := newJWKSServer(t, allKeys()...)
	way := server.way(t, nil)
	if p, err := way.Authenticate(bearing(rs256(nil))); err != nil || p.Name != "alice" {
		t.Fatalf("a good token: %v, %v", p, err)
	}
	seen := map[string]bool{}
	for _, row := range slices.Concat(malformedRows(), signatureRows(), claimRows()) {
		if seen[row.name] {
			t.Errorf("two rows are called %q", row.name)
		}
		seen[row.name] = true
		p, err := way.Authenticate(bearing(row.token))
		if want := "The token is not valid (" + row.want + ")."; p != nil || status(err) != http.StatusUnauthorized || err.Error() != want {
			t.Errorf("%s: %v, %v, want %s", row.name, p, err, want)
		}
	}
	if len(seen) < 120 {
		t.Errorf("the table has %d rows", len(seen))
	}
	if n := server.fetches.Load(); n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
}

// Tokens that are right are taken, however unusual.
func TestJWTsThatCount(t *testing.T) {
	way := newJWKSServer(t, allKeys()...).way(t, nil)
	now := time.Now()
	for name, token := range map[string]string{
		"RS256":             rs256(nil),
		"PS256":             signed("PS256", rsaKey(), headerOf("PS256", "pss"), claimsWith(nil)),
		"ES256":             ecToken(),
		"ES384":             signed("ES384", p384(), headerOf("ES384", "p384"), claimsWith(nil)),
		"EdDSA":             edToken("alice"),
		"no kid, one key":   signed("EdDSA", edKey(), `{"alg":"EdDSA"}`, claimsWith(nil)),
		"at+jwt":            rs256Header(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`),
		"typ in capitals":   rs256Header(`{"alg":"RS256","kid":"rsa","typ":"JWT"}`),
		"several audiences": rs256(map[string]any{"aud": []string{"billing", jwtAudience}}),
		"a fraction":        rs256(map[string]any{"exp": float64(now.UnixMilli())/1000 + 60.5}),
		"an exponent":       rs256Raw(strings.Replace(claimsWith(map[string]any{"exp": "@"}), `"@"`, "2e11", 1)),
		"a clock ahead":     rs256(map[string]any{"iat": now.Unix() + 5, "nbf": now.Unix() + 5}),
		"no iat":            rs256(map[string]any{"iat": nil}),
		"spaces in JSON":    rs256Raw(" " + claimsWith(nil) + "\n"),
		"keys nobody reads": rs256Header(headerOf("RS256", "rsa", "jku", `"https://evil.example.com"`, "x5c", `["x"]`, "jwk", `{}`)),
	} {
		p, err := way.Authenticate(bearing(token))
		if err != nil || p == nil || p.Name != "alice" || p.Channel != "logs:User.alice" || p.Role != auth.Viewer || p.Expires.IsZero() {
			t.Errorf("%s: %+v, %v", name, p, err)
			continue
		}
		if err := p.Check(t.Context()); err != nil {
			t.Errorf("%s: it does not stand: %v", name, err)
		}
	}
}

// What is no JWT is another way's; nothing else is.
func TestWhatIsNoJWT(t *testing.T) {
	way := newJWKSServer(t, allKeys()...).way(t, nil)
	for value, mine := range map[string]bool{
		"": false, "Basic YTpi": false, "Bearer llt_abc_def": false, "bearer llt_a.b.c": false, "Bearer opaque": false, "Bearer": false, "Bearer ": false,
		"Negotiate a.b.c": false, "Bearer a.b.c": true, "bearer a.b.c": true, "BEARER  a.b.c": true, "Bearer eyJ": true, "Bearer\ta.b.c": true, "Bearer a.b.c d.e.f": true,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", value)
		p, err := way.Authenticate(r)
		if p != nil || (status(err) == http.StatusUnauthorized) != mine || (err != nil) != mine {
			t.Errorf("%q: %v, %v", value, p, err)
		}
	}
	r := bearing(rs256(nil))
	r.Header.Add("Authorization", "Bearer "+edToken("bob"))
	if p, err := way.Authenticate(r); p != nil || status(err) != http.StatusBadRequest {
		t.Errorf("two tokens: %v, %v", p, err)
	}
	r = httptest.NewRequest(http.MethodGet, "/?access_token="+rs256(nil)+"&token="+rs256(nil), nil)
	r.AddCookie(&http.Cookie{Name: "token", Value: rs256(nil)})
	if p, err := way.Authenticate(r); p != nil || err != nil {
		t.Errorf("a token in the query: %v, %v", p, err)
	}
}

func TestWhatJWTsGive(t *testing.T) {
	roles, err := auth.ParseRoleMap("sre=operator,root=admin")
	must(t, err)
	channels, err := auth.ParseChannelMap("sre=team.a")
	must(t, err)
	log := &logBuffer{}
	way := newJWKSServer(t, allKeys()...).way(t, func(o *auth.JWTOptions) {
		o.NameClaim, o.RolesClaim, o.ChannelsClaim = "preferred_username", "realm_access.roles", "https://example.com/channels"
		o.Mint = auth.Mint{Names: auth.Names{Prefix: "jwt:", Others: []string{"app:"}}, Roles: roles, Channels: channels}
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
	})
	claims := map[string]any{
		"preferred_username": "zoë", "realm_access": map[string]any{"roles": []string{"sre", "admin"}},
		"https://example.com/channels": []string{"job_1", "team.a", "global", "a b"},
	}
	p, err := way.Authenticate(bearing(rs256(claims)))
	must(t, err)
	if p.Name != "jwt:zoë" || p.Role != auth.Operator || !slices.Equal(p.Channels, []string{"logs:team.a", "logs:job_1"}) {
		t.Errorf("%+v", p)
	}
	if log.count("it is left out") != 2 {
		t.Errorf("the log: %s", log)
	}
	for name, c := range map[string]struct {
		change map[string]any
		code   int
	}{
		"no name":           {map[string]any{"preferred_username": nil}, 401},
		"a name as a list":  {map[string]any{"preferred_username": []string{"zoë"}}, 401},
		"a long name":       {map[string]any{"preferred_username": strings.Repeat("x", 2000)}, 401},
		"no name at all":    {map[string]any{"preferred_username": strings.Repeat("x", 1000)}, 403},
		"a lone surrogate":  {map[string]any{"preferred_username": "\ufffd"}, 403},
		"too many roles":    {map[string]any{"realm_access": map[string]any{"roles": make([]string, 1001)}}, 401},
		"roles with a null": {map[string]any{"realm_access": map[string]any{"roles": []any{nil}}}, 401},
	} {
		all := map[string]any{"preferred_username": "zoë"}
		for claim, value := range c.change {
			all[claim] = value
		}
		if p, err := way.Authenticate(bearing(rs256(all))); p != nil || status(err) != c.code {
			t.Errorf("%s: %v, %v, want %d", name, p, err, c.code)
		}
	}
}

func TestAnEMailAddressIsVerified(t *testing.T) {
	way := newJWKSServer(t, allKeys()...).way(t, func(o *auth.JWTOptions) { o.NameClaim = "email" })
	for _, c := range []struct {
		verified any
		ok       bool
	}{{true, true}, {false, false}, {"true", false}, {nil, false}} {
		p, err := way.Authenticate(bearing(rs256(map[string]any{"email": "a@example.com", "email_verified": c.verified})))
		if (p != nil) != c.ok || (err == nil) != c.ok {
			t.Errorf("verified %v: %v, %v", c.verified, p, err)
		}
	}
}

// Two ways have issuers whose keys have one name: neither takes the other's tokens, not even
// those that say that they are its own issuer's.
func TestOneKidOfTwoIssuers(t *testing.T) {
	ours, theirs := newJWKSServer(t, jwk("k1", rsaKey().Public())), newJWKSServer(t, jwk("k1", otherRSA().Public()))
	first := ours.way(t, nil)
	second := theirs.way(t, func(o *auth.JWTOptions) { o.Issuer = "https://other.example.com/" })
	token := func(key any, issuer string) string {
		return signed("RS256", key, headerOf("RS256", "k1"), claimsWith(map[string]any{"iss": issuer}))
	}
	for name, c := range map[string]struct {
		token         string
		first, second bool
	}{
		"ours":              {token(rsaKey(), jwtIssuer), true, false},
		"theirs":            {token(otherRSA(), "https://other.example.com/"), false, true},
		"theirs for ours":   {token(otherRSA(), jwtIssuer), false, false},
		"ours, their names": {token(rsaKey(), "https://other.example.com/"), false, false},
	} {
		for way, want := range map[*auth.JWT]bool{first: c.first, second: c.second} {
			if p, err := way.Authenticate(bearing(c.token)); (p != nil) != want || (status(err) == http.StatusUnauthorized) == want {
				t.Errorf("%s: %v, %v, want %v", name, p, err, want)
			}
		}
	}
}

func TestKeysInAFile(t *testing.T) {
	pemKeys := append(publicPEM(rsaKey().Public()), publicPEM(p256().Public())...)
	secret := []byte(strings.Repeat("s", 32) + "\n")
	for name, c := range map[string]struct {
		data       []byte
		algorithms []string
		wrong      string
	}{
		"public keys":                 {pemKeys, []string{"RS256", "ES256"}, ""},
		"a secret":                    {secret, []string{"HS256"}, ""},
		"a key that is not allowed":   {pemKeys, []string{"ES256"}, "none of them is allowed (--jwt-algorithms)"},
		"an RSA key as a secret":      {publicPEM(rsaKey().Public()), []string{"HS256"}, "would take it for a shared secret"},
		"a secret that is too short":  {secret, []string{"HS512"}, "has 32 bytes, and HS512 takes at least 64"},
		"a secret for public keys":    {secret, []string{"RS256"}, "no public key in PEM"},
		"secrets and public keys":     {pemKeys, []string{"RS256", "HS256"}, "take those of one kind"},
		"a weak key":                  {publicPEM(weakRSA().Public()), []string{"RS256"}, "RSA key of 1024 bits"},
		"none":                        {secret, []string{"none"}, `"none" is none of`},
		"no algorithm":                {secret, nil, "names no algorithm"},
		"a private key":               {[]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), []string{"RS256"}, "must be a PUBLIC KEY"},
		"a key that cannot be read":   {[]byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), []string{"RS256"}, "key 0 in it"},
		"more than 64 KiB":            {make([]byte, 65<<10), []string{"HS256"}, "longer than"},
		"an algorithm that is unlike": {pemKeys, []string{"rs256"}, `"rs256" is none of`},
	} {
		_, err := auth.ParseJWTKeys(c.data, c.algorithms)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %q", name, err, c.wrong)
		}
		if err != nil && strings.Contains(err.Error(), "ssss") {
			t.Errorf("%s: the error has the secret", name)
		}
	}
}

// fileWay is a way in with keys of a file.
func fileWay(t testing.TB, data []byte, algorithms ...string) *auth.JWT {
	t.Helper()
	keys, err := auth.ParseJWTKeys(data, algorithms)
	must(t, err)
	way, err := auth.NewJWT(auth.JWTOptions{Issuer: jwtIssuer, Audience: jwtAudience, Algorithms: algorithms, Keys: keys})
	must(t, err)
	t.Cleanup(way.Close)
	return way
}

func TestTokensByKeysInAFile(t *testing.T) {
	secret := strings.Repeat("s", 40)
	public := fileWay(t, append(publicPEM(otherRSA().Public()), append(publicPEM(rsaKey().Public()), publicPEM(p256().Public())...)...), "RS256", "ES256")
	shared := fileWay(t, []byte(secret+"\r\n"), "HS256")
	hs := func(alg string, key []byte) string {
		return signed(alg, key, headerOf(alg, "any"), claimsWith(nil))
	}
	for name, c := range map[string]struct {
		way   *auth.JWT
		token string
		ok    bool
	}{
		"RS256":                       {public, rs256(nil), true},
		"RS256 without a kid":         {public, signed("RS256", rsaKey(), `{"alg":"RS256"}`, claimsWith(nil)), true},
		"ES256":                       {public, ecToken(), true},
		"another key":                 {public, signed("RS256", newRSA(2048), headerOf("RS256", "rsa"), claimsWith(nil)), false},
		"HS256 with the PEM":          {public, hs("HS256", publicPEM(rsaKey().Public())), false},
		"HS256":                       {shared, hs("HS256", []byte(secret)), true},
		"HS256 with another secret":   {shared, hs("HS256", []byte(secret[1:])), false},
		"HS256 with the line's end":   {shared, hs("HS256", []byte(secret+"\r\n")), false},
		"HS512, which is not allowed": {shared, hs("HS512", []byte(secret)), false},
		"RS256 at a secret":           {shared, rs256(nil), false},
	} {
		p, err := c.way.Authenticate(bearing(c.token))
		if (p != nil) != c.ok || (err == nil) != c.ok {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

func TestOptionsOfJWTs(t *testing.T) {
	keys, err := auth.ParseJWTKeys(publicPEM(p256().Public()), []string{"ES256"})
	must(t, err)
	for name, o := range map[string]auth.JWTOptions{
		"no issuer":      {Audience: "a", Algorithms: []string{"ES256"}, Keys: keys},
		"no audience":    {Issuer: "i", Algorithms: []string{"ES256"}, Keys: keys},
		"no keys":        {Issuer: "i", Audience: "a", Algorithms: []string{"ES256"}},
		"keys twice":     {Issuer: "i", Audience: "a", Algorithms: []string{"ES256"}, Keys: keys, JWKSURL: "https://h/"},
		"HS with a JWKS": {Issuer: "i", Audience: "a", Algorithms: []string{"HS256"}, JWKSURL: "https://h/"},
		"plain http":     {Issuer: "i", Audience: "a", Algorithms: []string{"ES256"}, JWKSURL: "http://id.example.com/"},
		"a file's URL":   {Issuer: "i", Audience: "a", Algorithms: []string{"ES256"}, JWKSURL: "file:///etc/passwd"},
		"a password":     {Issuer: "i", Audience: "a", Algorithms: []string{"ES256"}, JWKSURL: "https://u:p@h/"},
	} {
		if _, err := auth.NewJWT(o); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// FuzzJWT sends a way in what it was never sent: only what its key has signed comes in, in
// the one spelling that it was signed in.
func FuzzJWT(f *testing.F) {
	secret := []byte(strings.Repeat("s", 32))
	way := fileWay(f, secret, "HS256")
	for _, claims := range []string{claimsWith(nil), "{}", "[]", `{"sub":1e999}`} {
		f.Add(signed("HS256", secret, headerOf("HS256", "k"), claims))
	}
	for _, row := range slices.Concat(malformedRows()[:16], claimRows()[:4]) {
		f.Add(row.token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p, err := way.Authenticate(bearing(token))
		if p == nil {
			return
		}
		token = strings.Trim(token, " ")
		end := strings.LastIndexByte(token, '.')
		signature, bad := base64.RawURLEncoding.Strict().DecodeString(token[end+1:])
		if err != nil || bad != nil || jwt.SigningMethodHS256.Verify(token[:end], signature, secret) != nil {
			t.Errorf("%q comes in as %+v, %v", token, p, err)
		}
		if strings.ContainsAny(token, "=\r\n ") || p.Channel == "" || p.Channel == loglane.GlobalChannel {
			t.Errorf("%q comes in as %+v", token, p)
		}
	})
}
