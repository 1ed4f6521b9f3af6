package auth_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
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
