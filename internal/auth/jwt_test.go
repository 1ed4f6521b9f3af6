package auth_test

import (
	"encoding/base64"
	"fmt"
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

// rs256 signs with the issuer's RSA key.
func rs256(change map[string]any) string {
	return signed("RS256", rsaKey(), headerOf("RS256", "rsa"), claimsWith(change))
}

// rs256Raw signs claims as they are written.
func rs256Raw(claims string) string {
	return signed("RS256", rsaKey(), headerOf("RS256", "rsa"), claims)
}

// rs256Header signs good claims below a header as it is written.
func rs256Header(header string) string { return signed("RS256", rsaKey(), header, claimsWith(nil)) }

// segments changes a good token by its three segments.
func segments(change func(parts []string) string) string {
	return change(strings.Split(rs256(nil), "."))
}

// flipped has one bit of a segment changed.
func flipped(part int) string {
	return segments(func(parts []string) string {
		data, err := base64.RawURLEncoding.DecodeString(parts[part])
		if err != nil {
			panic(err)
		}
		data[len(data)/2] ^= 1
		parts[part] = b64(data)
		return strings.Join(parts, ".")
	})
}

func unsigned(header string) string {
	return b64([]byte(header)) + "." + b64([]byte(claimsWith(nil))) + "."
}

// plusSign has a spelling of the signature's last character with other bits in its padding.
func plusSign(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

type jwtRow struct {
	name, token, want string
}

// malformedRows are tokens that are none, or none that this gateway reads.
func malformedRows() []jwtRow {
	object := func(name, header string) jwtRow { return jwtRow{name, rs256Header(header), "malformed"} }
	return []jwtRow{
		{"nothing but dots", "..", "malformed"},
		{"one segment", "eyJhbGciOiJub25lIn0", "malformed"},
		{"two segments", segments(func(p []string) string { return p[0] + "." + p[1] }), "malformed"},
		{"four segments", rs256(nil) + ".AAAA", "malformed"},
		{"five segments: a JWE", segments(func(p []string) string { return p[0] + "." + p[1] + "." + p[1] + "." + p[1] + "." + p[2] }), "malformed"},
		{"no signature", segments(func(p []string) string { return p[0] + "." + p[1] + "." }), "malformed"},
		{"no header", segments(func(p []string) string { return "." + p[1] + "." + p[2] }), "malformed"},
		{"detached claims", segments(func(p []string) string { return p[0] + ".." + p[2] }), "malformed"},
		{"a space within", segments(func(p []string) string { return p[0] + " ." + p[1] + "." + p[2] }), "malformed"},
		{"a tab before", "\t" + rs256(nil), "malformed"},
		{"a line break within", segments(func(p []string) string { return p[0] + "." + p[1] + "\n." + p[2] }), "malformed"},
		{"a return at the end", rs256(nil) + "\r", "malformed"},
		{"padding", rs256(nil) + "==", "malformed"},
		{"base64 that is not url-safe", strings.NewReplacer("-", "+", "_", "/").Replace(edToken("--__")), "malformed"},
		{"another spelling of the last byte", plusSign(rs256(nil)), "malformed"},
		{"a NUL", rs256(nil) + "\x00", "malformed"},
		{"8 KiB and more", rs256(map[string]any{"x": strings.Repeat("x", 8<<10)}), "malformed"},
		{"a header of 1 MiB", rs256Header(headerOf("RS256", "rsa", "x", `"`+strings.Repeat("x", 1<<20)+`"`)), "malformed"},
		{"brackets 8,000 deep", b64([]byte(`{"alg":"RS256","x":`+strings.Repeat("[", 4000))) + "." + b64([]byte("{}")) + ".AAAA", "malformed"},
		object("a header that is a list", `["RS256"]`),
		object("a header that is null", `null`),
		object("a header and something after it", headerOf("RS256", "rsa")+"{}"),
		object("a header that is not UTF-8", "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"x\":\"\xff\"}"),
		object("alg twice", `{"alg":"none","alg":"RS256","kid":"rsa"}`),
		object("kid twice", `{"alg":"RS256","kid":"other","kid":"rsa"}`),
		object("kid twice, once escaped", `{"alg":"RS256","\u006bid":"other","kid":"rsa"}`),
		object("a member twice, deep within", headerOf("RS256", "rsa", "x", `{"y":[{"z":1,"z":2}]}`)),
		object("no alg", `{"typ":"JWT","kid":"rsa"}`),
		object("alg is null", `{"alg":null,"kid":"rsa"}`),
		object("alg is a list", `{"alg":["RS256"],"kid":"rsa"}`),
		object("Alg", `{"Alg":"RS256","kid":"rsa"}`),
		object("kid is a number", `{"alg":"RS256","kid":1}`),
		object("kid is empty", `{"alg":"RS256","kid":""}`),
		object("kid is null", `{"alg":"RS256","kid":null}`),
		object("a kid of 257 bytes", headerOf("RS256", strings.Repeat("k", 257))),
		object("crit", headerOf("RS256", "rsa", "crit", `["exp"]`)),
		object("crit is empty", headerOf("RS256", "rsa", "crit", `[]`)),
		object("b64 is false", headerOf("RS256", "rsa", "b64", `false`, "crit", `["b64"]`)),
		object("b64 alone", headerOf("RS256", "rsa", "b64", `false`)),
		object("enc: a JWE", headerOf("RS256", "rsa", "enc", `"A256GCM"`)),
		object("zip", headerOf("RS256", "rsa", "zip", `"DEF"`)),
		object("cty: a JWT within", headerOf("RS256", "rsa", "cty", `"JWT"`)),
		object("a logout token", `{"alg":"RS256","kid":"rsa","typ":"logout+jwt"}`),
		object("typ is a number", `{"alg":"RS256","kid":"rsa","typ":1}`),
	}
}

func edToken(sub string) string {
	return signed("EdDSA", edKey(), headerOf("EdDSA", "ed"), claimsWith(map[string]any{"sub": sub, "x": "\u00ff\u00fe??>>"}))
}

// signatureRows are tokens that nobody, or somebody else, has signed.
func signatureRows() []jwtRow {
	none := unsigned(`{"alg":"none"}`)
	rows := []jwtRow{
		{"none with a signature", segments(func(p []string) string { return b64([]byte(`{"alg":"none"}`)) + "." + p[1] + "." + p[2] }), "algorithm"},
		{"none", none, "malformed"},
		{"none and a byte", none + "AA", "algorithm"},
		{"HS256 with the PEM of the RSA key", signed("HS256", publicPEM(rsaKey().Public()), headerOf("HS256", "rsa"), claimsWith(nil)), "algorithm"},
		{"HS256 with the modulus", signed("HS256", rsaKey().N.Bytes(), headerOf("HS256", "rsa"), claimsWith(nil)), "algorithm"},
		{"HS512 with the empty secret", signed("HS512", []byte{}, headerOf("HS512", "rsa"), claimsWith(nil)), "algorithm"},
		{"an algorithm that is not allowed", signed("RS512", rsaKey(), headerOf("RS512", "rsa"), claimsWith(nil)), "algorithm"},
		{"an algorithm of another key", signed("ES256", p256(), headerOf("ES256", "rsa"), claimsWith(nil)), "key"},
		{"an algorithm that the key is not declared for", signed("PS256", rsaKey(), headerOf("PS256", "rsa"), claimsWith(nil)), "key"},
		{"ES256 by the key of ES384", signed("ES256", p256(), headerOf("ES256", "p384"), claimsWith(nil)), "key"},
		{"another's key with the kid", signed("RS256", otherRSA(), headerOf("RS256", "rsa"), claimsWith(nil)), "signature"},
		{"a key in the header", signed("RS256", otherRSA(), headerOf("RS256", "rsa", "jwk", jsonText(jwk("rsa", otherRSA().Public()))), claimsWith(nil)), "signature"},
		{"x5c in the header", signed("RS256", otherRSA(), headerOf("RS256", "rsa", "x5c", `["MIIB"]`), claimsWith(nil)), "signature"},
		{"a kid that is nobody's", signed("RS256", rsaKey(), headerOf("RS256", "gone"), claimsWith(nil)), "key"},
		{"no kid, several keys", signed("RS256", rsaKey(), `{"alg":"RS256"}`, claimsWith(nil)), "key"},
		{"a kid that two keys have", signed("RS256", rsaKey(), headerOf("RS256", "twins"), claimsWith(nil)), "key"},
		{"a kid that is a path", signed("HS256", []byte{}, headerOf("HS256", "../../../dev/null"), claimsWith(nil)), "algorithm"},
		{"a path and RS256", signed("RS256", otherRSA(), headerOf("RS256", "../../../../etc/hostname"), claimsWith(nil)), "key"},
		{"a kid that is SQL", signed("RS256", otherRSA(), headerOf("RS256", "x' UNION SELECT 'key';--"), claimsWith(nil)), "key"},
		{"a weak RSA key", signed("RS256", weakRSA(), headerOf("RS256", "weak"), claimsWith(nil)), "key"},
		{"a key for encryption", signed("RS256", rsaKey(), headerOf("RS256", "encryption"), claimsWith(nil)), "key"},
		{"claims with a bit changed", flipped(1), "signature"},
		{"a signature with a bit changed", flipped(2), "signature"},
		{"the signature of another token", segments(func(p []string) string {
			return p[0] + "." + p[1] + "." + strings.Split(rs256(map[string]any{"sub": "bob"}), ".")[2]
		}), "signature"},
		{"a signature of one byte", segments(func(p []string) string { return p[0] + "." + p[1] + ".AA" }), "signature"},
		{"ECDSA with r = s = 0", strings.Join(append(strings.Split(ecToken(), ".")[:2], b64(make([]byte, 64))), "."), "signature"},
		{"ECDSA with r = s = 1", strings.Join(append(strings.Split(ecToken(), ".")[:2], b64(append(append(make([]byte, 31), 1), append(make([]byte, 31), 1)...))), "."), "signature"},
		{"ECDSA as DER", strings.Join(append(strings.Split(ecToken(), ".")[:2], b64(append([]byte{0x30, 0x44}, make([]byte, 68)...))), "."), "signature"},
		{"ECDSA and two bytes more", ecToken() + "AAA", "malformed"},
		{"Ed25519 with zeros", strings.Join(append(strings.Split(edToken("alice"), ".")[:2], b64(make([]byte, 64))), "."), "signature"},
	}
	// Nothing but the exact name is an algorithm.
	for _, alg := range []string{"None", "NONE", "nOnE", " none", "none ", "", "rs256", "RS256 ", "ＲＳ２５６", "RЅ256", "RS256\u0000", "HS256", "A256KW"} {
		rows = append(rows, jwtRow{fmt.Sprintf("alg %q", alg), segments(func(p []string) string {
			return b64([]byte(jsonText(map[string]string{"alg": alg, "kid": "rsa"}))) + "." + p[1] + "." + p[2]
		}), "algorithm"})
	}
	// Where a URL is named, it is not asked.
	for _, name := range []string{"jku", "x5u"} {
		rows = append(rows, jwtRow{name, signed("RS256", otherRSA(), headerOf("RS256", "rsa", name, `"https://127.0.0.1:1/keys"`), claimsWith(nil)), "signature"})
	}
	return rows
}

func ecToken() string { return signed("ES256", p256(), headerOf("ES256", "p256"), claimsWith(nil)) }

// claimRows are tokens of the issuer that are not for here, or not for now.
func claimRows() []jwtRow {
	now := time.Now()
	rows := []jwtRow{
		{"another issuer", rs256(map[string]any{"iss": "https://evil.example.com/"}), "issuer"},
		{"the issuer without its slash", rs256(map[string]any{"iss": strings.TrimSuffix(jwtIssuer, "/")}), "issuer"},
		{"the issuer in capitals", rs256(map[string]any{"iss": strings.ToUpper(jwtIssuer)}), "issuer"},
		{"a list of issuers", rs256(map[string]any{"iss": []string{jwtIssuer}}), "issuer"},
		{"another audience", rs256(map[string]any{"aud": "billing"}), "audience"},
		{"a part of the audience", rs256(map[string]any{"aud": "loglane2"}), "audience"},
		{"other audiences", rs256(map[string]any{"aud": []string{"billing", "mail"}}), "audience"},
		{"no audience", rs256(map[string]any{"aud": []string{}}), "audience"},
		{"the audience beside a number", rs256(map[string]any{"aud": []any{"loglane", 1}}), "audience"},
		{"the audience in an object", rs256(map[string]any{"aud": map[string]any{"loglane": "loglane"}}), "audience"},
		{"an empty sub", rs256(map[string]any{"sub": ""}), "subject"},
		{"sub is a number", rs256(map[string]any{"sub": 1}), "subject"},
		{"expired by a second", rs256(map[string]any{"exp": now.Add(-time.Second).Unix()}), "expired"},
		{"expired now", rs256(map[string]any{"exp": now.Unix()}), "expired"},
		{"expired long ago", rs256(map[string]any{"exp": 1}), "expired"},
		{"exp is 0", rs256(map[string]any{"exp": 0}), "claims"},
		{"exp is negative", rs256(map[string]any{"exp": -1}), "claims"},
		{"exp is a text", rs256(map[string]any{"exp": fmt.Sprint(now.Unix() + 100)}), "claims"},
		{"exp is true", rs256(map[string]any{"exp": true}), "claims"},
		{"exp in a list", rs256(map[string]any{"exp": []int64{now.Unix() + 100}}), "claims"},
		{"exp in milliseconds", rs256(map[string]any{"exp": now.UnixMilli()}), "claims"},
		{"nbf in a minute", rs256(map[string]any{"nbf": now.Unix() + 60}), "not yet valid"},
		{"iat in a minute", rs256(map[string]any{"iat": now.Unix() + 60}), "not yet valid"},
		{"nbf is a text", rs256(map[string]any{"nbf": "0"}), "claims"},
		{"iat is an object", rs256(map[string]any{"iat": map[string]any{}}), "claims"},
		{"roles is a number", rs256(map[string]any{"roles": 7}), "claims"},
		{"roles has an object", rs256(map[string]any{"roles": []any{"admin", map[string]any{}}}), "claims"},
		{"channels is an object", rs256(map[string]any{"channels": map[string]any{"a": "b"}}), "claims"},
		{"claims that are a list", rs256Raw(`[]`), "malformed"},
		{"claims that are a text", rs256Raw(`"alice"`), "malformed"},
		{"claims that are none", rs256Raw(`not json`), "malformed"},
		{"claims with a token within", rs256Raw(rs256(nil)), "malformed"},
		{"sub twice", rs256Raw(`{"sub":"bob",` + claimsWith(nil)[1:]), "malformed"},
		{"exp twice", rs256Raw(strings.TrimSuffix(claimsWith(nil), "}") + `,"exp":1}`), "malformed"},
		{"Sub beside no sub", rs256Raw(strings.Replace(claimsWith(nil), `"sub"`, `"Sub"`, 1)), "subject"},
		{"claims with a byte order mark", rs256Raw("\ufeff" + claimsWith(nil)), "malformed"},
		{"claims with a comment", rs256Raw("/**/" + claimsWith(nil)), "malformed"},
		{"claims that are not UTF-8", rs256Raw(`{"sub":"` + "\xff" + `"}`), "malformed"},
	}
	for _, name := range []string{"iss", "aud", "sub", "exp"} {
		want := map[string]string{"iss": "issuer", "aud": "audience", "sub": "subject", "exp": "claims"}[name]
		rows = append(rows, jwtRow{"no " + name, rs256(map[string]any{name: nil}), want},
			jwtRow{name + " is null", rs256Raw(strings.Replace(claimsWith(map[string]any{name: "@"}), `"@"`, "null", 1)), want})
	}
	for _, number := range []string{"1e999", "9e18", "1" + strings.Repeat("0", 400), "1e-999"} {
		rows = append(rows, jwtRow{"exp is " + number[:4], rs256Raw(strings.Replace(claimsWith(map[string]any{"exp": "@"}), `"@"`, number, 1)), "claims"})
	}
	return rows
}

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

// allKeys are the issuer's: good ones, and ones that must not be used.
func allKeys() []map[string]any {
	return []map[string]any{
		jwk("rsa", rsaKey().Public(), "alg", "RS256"), jwk("pss", rsaKey().Public(), "alg", "PS256"),
		jwk("p256", p256().Public()), jwk("p384", p384().Public(), "alg", "ES384"), jwk("ed", edKey().Public()),
		jwk("twins", rsaKey().Public(), "alg", "RS256"), jwk("twins", otherRSA().Public(), "alg", "RS256"),
		jwk("weak", weakRSA().Public()), jwk("encryption", rsaKey().Public(), "use", "enc"),
		{"kty": "oct", "kid": "secret", "k": b64([]byte(strings.Repeat("s", 64)))},
		{"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
		{"kty": "EC", "kid": "off the curve", "crv": "P-256", "x": b64(make([]byte, 32)), "y": b64(make([]byte, 32))},
		{"kty": "other", "kid": "other"},
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
