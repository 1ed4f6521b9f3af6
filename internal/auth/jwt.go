package auth

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

// JWTOptions is what a [JWT] is made of. Issuer, Audience, Algorithms, and one of JWKSURL
// and Keys are needed.
type JWTOptions struct {
	// Issuer and Audience are what tokens must have as iss and as, or among, aud.
	Issuer, Audience string
	// Algorithms are those that tokens may be signed with, see [CheckJWTAlgorithms].
	Algorithms []string
	// JWKSURL has the issuer's public keys, see [CheckJWKSURL]. Keys are those of a file.
	JWKSURL string
	Keys    *JWTKeys
	// RootCAs are trusted for JWKSURL; nil is the system's.
	RootCAs *x509.CertPool

	// NameClaim has the user's name; default sub. RolesClaim has groups for the Mint, and
	// ChannelsClaim contexts that are granted beside the own: a text or a list; "" is none.
	// Where no claim has the whole name, dots lead into claims.
	NameClaim, RolesClaim, ChannelsClaim string
	// Mint makes principals of what the claims say.
	Mint Mint
	// Logger gets why keys cannot be had; default slog.Default().
	Logger *slog.Logger
}

// JWT is the way in with "Authorization: Bearer" and a JSON Web Token that an issuer has
// signed. Its methods may be called concurrently; [JWT.Close] ends it.
//
// A token counts if it has at most 8 KiB and one of the algorithms, if a key of the issuer
// that is for that algorithm has signed it, and if it has iss, aud, sub and exp. It ends with
// exp to the second; nbf and iat may be 10 s ahead. Its claims are read after its signature
// is verified, and lead to no URL.
//
// Keys from JWKSURL are asked for when a token has one that is not known, at most every
// 10 s, and when they are older than 5 minutes. A key that is no longer there ends the
// streams of its tokens at their next Check. While the URL cannot be asked, the keys that
// are known count, and others are an error with code 503.
type JWT struct {
	o    JWTOptions
	keys jwtKeySource
	log  *slog.Logger
	told *recent // channels that were refused a moment ago
}

var _ Authenticator = (*JWT)(nil)

// NewJWT returns a way in through the tokens of o.Issuer. It asks for keys when the first
// token comes.
func NewJWT(o JWTOptions) (*JWT, error) {
	if o.Issuer == "" || o.Audience == "" {
		return nil, errors.New("JWTs need an issuer and an audience")
	}
	if (o.JWKSURL == "") == (o.Keys == nil) {
		return nil, errors.New("JWTs need keys, of a URL or of a file")
	}
	if err := CheckJWTAlgorithms(o.Algorithms, o.JWKSURL != ""); err != nil {
		return nil, err
	}
	if o.NameClaim == "" {
		o.NameClaim = "sub"
	}
	j := &JWT{o: o, log: o.Logger, told: newRecent(maxTold, complainEvery)}
	if j.log == nil {
		j.log = slog.Default()
	}
	if o.Keys != nil {
		j.keys = o.Keys
		return j, nil
	}
	if err := CheckJWKSURL(o.JWKSURL); err != nil {
		return nil, err
	}
	j.keys = newJWKS(o.JWKSURL, o.Algorithms, o.RootCAs, j.log)
	return j, nil
}

// Close ends a question for keys that is under way, and waits for it; whoever waits for a
// key gets an error with code 503.
func (j *JWT) Close() { j.keys.close() }

// Examine asks for the keys once and returns how many can be used.
func (j *JWT) Examine() (int, error) {
	switch keys := j.keys.(type) {
	case *JWTKeys:
		return len(keys.keys), nil
	case *jwks:
		found, err := keys.fetch()
		return len(found), err
	default:
		return 0, errors.New("there are no keys")
	}
}

// Authenticate returns whom the request's token names, nil and nil where it carries none, or
// an error that ends the search: a token that does not count goes to no other way in. API
// tokens and bearer tokens without a dot are no JWTs.
func (j *JWT) Authenticate(r *http.Request) (*Principal, error) {
	text, err := bearerJWT(r.Header)
	if err != nil || text == "" {
		return nil, err
	}
	token, fault := readJWT(text)
	if fault == "" && !slices.Contains(j.o.Algorithms, token.alg) {
		fault = jwtAlgorithm
	}
	if fault != "" {
		return nil, fault.refused()
	}
	key, err := j.verify(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return j.principal(token, key)
}

// bearerJWT returns the token of a request if it is meant to be a JWT.
func bearerJWT(header http.Header) (string, error) {
	values := header.Values("Authorization")
	if len(values) > 1 {
		return "", &loglane.StatusError{Code: http.StatusBadRequest, Message: "The request has more than one Authorization header."}
	}
	if len(values) == 0 {
		return "", nil
	}
	scheme, text := values[0], ""
	if end := strings.IndexAny(scheme, " \t"); end >= 0 {
		scheme, text = scheme[:end], strings.Trim(scheme[end:], " ")
	}
	if !strings.EqualFold(scheme, "Bearer") || strings.HasPrefix(text, TokenPrefix) {
		return "", nil
	}
	if !strings.Contains(text, ".") && !strings.HasPrefix(text, "eyJ") {
		return "", nil
	}
	return text, nil
}

// verify returns the key that has signed a token.
func (j *JWT) verify(ctx context.Context, token compactJWT) (jwtKey, error) {
	keys, err := j.keys.find(ctx, token.alg, token.kid)
	switch {
	case err != nil:
		return jwtKey{}, err
	case len(keys) == 0:
		return jwtKey{}, jwtNoKey.refused()
	}
	for _, key := range keys {
		if key.verifies(token) {
			return key, nil
		}
	}
	return jwtKey{}, jwtSignature.refused()
}

// principal is who a verified token is for.
func (j *JWT) principal(token compactJWT, key jwtKey) (*Principal, error) {
	object, err := strictObject(token.claims)
	if err != nil {
		return nil, jwtMalformed.refused()
	}
	claims := jwtClaims(object)
	expires, fault := claims.judge(j.o.Issuer, j.o.Audience, time.Now())
	var name string
	if fault == "" {
		name, fault = claims.name(j.o.NameClaim)
	}
	var groups, contexts []string
	if fault == "" {
		groups, fault = claims.texts(j.o.RolesClaim)
	}
	if fault == "" {
		contexts, fault = claims.texts(j.o.ChannelsClaim)
	}
	if fault != "" {
		return nil, fault.refused()
	}
	p, err := j.o.Mint.Principal(name, groups)
	if err != nil {
		return nil, err
	}
	j.grant(p, contexts)
	p.Expires = expires
	p.Check = func(context.Context) error {
		if !time.Now().Before(expires) || !j.keys.holds(key) {
			return ended()
		}
		return nil
	}
	return p, nil
}

// grant adds the channels of contexts; one that cannot be a channel is told and left out.
func (j *JWT) grant(p *Principal, contexts []string) {
	for _, context := range contexts {
		channel, err := loglane.ChannelName(context)
		if err == nil {
			err = unicodeOnly(context)
		}
		if err == nil && channel == loglane.GlobalChannel {
			err = errors.New("it is for operators: give a role")
		}
		switch {
		case err == nil && !slices.Contains(p.Channels, channel):
			p.Channels = append(p.Channels, channel)
		case err != nil && !j.told.has(context):
			j.told.add(context)
			j.log.Warn("a JWT grants a channel that cannot be granted; it is left out", "name", p.Name, "context", context, "error", err)
		}
	}
}
