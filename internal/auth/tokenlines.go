package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

// tokenForm is what a token's line looks like, for errors.
const tokenForm = `"token ID read SHA256 EXPIRES NAME ROLE" or "token ID write SHA256 EXPIRES CONTEXT…"`

const neverExpires = "-"

// parseTokenLine reads what follows the word token in a line of the auth file.
func parseTokenLine(rest string, template loglane.Template) (*Token, error) {
	id, rest := cutField(rest)
	scope, rest := cutField(rest)
	hash, rest := cutField(rest)
	expires, rest := cutField(rest)
	t := &Token{ID: id, Scope: Scope(scope)}
	sum, err := hex.DecodeString(hash)
	switch {
	case rest == "":
		return nil, errors.New("is not " + tokenForm)
	case !tokenIDForm.MatchString(id):
		return nil, errors.New("has no token's id: it is 10 to 12 of [0-9a-z]")
	case err != nil || len(sum) != sha256.Size:
		return nil, errors.New("has no SHA-256 of a token, which is 64 hex digits: never write a token itself here")
	}
	copy(t.hash[:], sum)
	if expires != neverExpires {
		t.Expires, err = time.Parse(time.RFC3339, expires)
		t.Expires = t.Expires.UTC()
		if err != nil || t.Expires.Year() < 2000 || t.Expires.Year() > 9999 { // the zero time would be never
			return nil, fmt.Errorf("has the expiry %q: it is - for never, or a time such as 2027-01-31T00:00:00Z", expires)
		}
	}
	if err := t.parseTarget(rest); err != nil {
		return nil, err
	}
	return t, t.settle(template)
}

// parseTarget reads what a token's line ends in.
func (t *Token) parseTarget(rest string) (err error) {
	if t.Scope != ReadScope {
		t.Writes = strings.FieldsFunc(rest, func(r rune) bool { return r == ' ' || r == '\t' })
		return nil
	}
	name, rest, err := cutName(rest)
	if err != nil {
		return err
	}
	role, rest := cutField(rest)
	if role == "" || rest != "" {
		return errors.New("is not " + tokenForm + "; a name with spaces stands in double quotes")
	}
	t.User = name
	t.Role, err = ParseRole(role)
	return err
}

func formatToken(t Token) userLine {
	expires := neverExpires
	if !t.Expires.IsZero() {
		expires = t.Expires.Format(time.RFC3339Nano)
	}
	target := strings.Join(t.Writes, " ")
	if t.Scope == ReadScope {
		target = QuoteName(t.User) + " " + t.Role.String()
	}
	text := fmt.Sprintf("token %s %s %x %s %s", t.ID, t.Scope, t.hash, expires, target)
	return userLine{text: text, token: &t}
}
