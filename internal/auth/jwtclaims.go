package auth

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// jwtSkew is how far an issuer's clock may be ahead of this one. A token's end has none.
	jwtSkew = 10 * time.Second
	// latestTime is the end of the year 9999, past which no time is meant.
	latestTime = 253402300799
	// maxJWTGroups bounds the groups, and the channels, of one token.
	maxJWTGroups = 1000
	maxJWTName   = 1 << 10 // bytes
)

// jwtClaims are what a token says whose signature is verified.
type jwtClaims map[string]any

// at returns the claim of a name or, where there is none, at a path of names with dots
// between them.
func (c jwtClaims) at(path string) (value any, found bool) {
	if value, found = c[path]; found {
		return value, true // https://example.com/groups is a name, too
	}
	value = map[string]any(c)
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		if value, found = object[name]; !found {
			return nil, false
		}
	}
	return value, true
}

// time reads a claim with a time; ok is false where it is no time.
func (c jwtClaims) time(name string) (at time.Time, found, ok bool) {
	value, found := c[name]
	if !found {
		return time.Time{}, false, true
	}
	number, isNumber := value.(json.Number)
	if !isNumber {
		return time.Time{}, true, false
	}
	seconds, err := number.Float64()
	if err != nil || seconds <= 0 || seconds > latestTime {
		return time.Time{}, true, false
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)), true, true
}

// judge says what speaks against the claims that every token must have; expires is its end.
func (c jwtClaims) judge(issuer, audience string, now time.Time) (expires time.Time, fault jwtFault) {
	if told, isText := c["iss"].(string); !isText || told != issuer {
		return time.Time{}, jwtIssuer
	}
	if !c.isFor(audience) {
		return time.Time{}, jwtAudience
	}
	if subject, isText := c["sub"].(string); !isText || subject == "" {
		return time.Time{}, jwtSubject
	}
	expires, found, ok := c.time("exp")
	switch {
	case !found || !ok:
		return time.Time{}, jwtClaim
	case !now.Before(expires):
		return time.Time{}, jwtExpired
	}
	for _, name := range []string{"nbf", "iat"} {
		begins, _, ok := c.time(name)
		switch {
		case !ok:
			return time.Time{}, jwtClaim
		case begins.After(now.Add(jwtSkew)):
			return time.Time{}, jwtEarly
		}
	}
	return expires, ""
}

// isFor says whether the audience is among the token's, which are one text or a list of
// nothing but texts.
func (c jwtClaims) isFor(audience string) bool {
	switch told := c["aud"].(type) {
	case string:
		return told == audience
	case []any:
		texts, ok := onlyTexts(told)
		return ok && slices.Contains(texts, audience)
	default:
		return false
	}
}

// name is what somebody is called by. An address that nobody has verified is anybody's.
func (c jwtClaims) name(claim string) (string, jwtFault) {
	value, _ := c.at(claim)
	name, isText := value.(string)
	verified, _ := c.at("email_verified")
	if !isText || name == "" || len(name) > maxJWTName || claim == "email" && verified != true {
		return "", jwtClaim
	}
	return name, ""
}

// texts are those of a claim that has one or a list of them; a claim that is not there has
// none, and so has the claim "".
func (c jwtClaims) texts(claim string) ([]string, jwtFault) {
	if claim == "" {
		return nil, ""
	}
	value, found := c.at(claim)
	if !found || value == nil {
		return nil, ""
	}
	switch value := value.(type) {
	case string:
		return []string{value}, ""
	case []any:
		if texts, ok := onlyTexts(value); ok && len(texts) <= maxJWTGroups {
			return texts, ""
		}
	}
	return nil, jwtClaim
}

func onlyTexts(list []any) ([]string, bool) {
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, isText := item.(string)
		if !isText {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}
