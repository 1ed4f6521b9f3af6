package auth

import (
	"fmt"
	"slices"

	"github.com/loglane/loglane"
)

// AddToken adds a token that [NewToken] has made, and creates the file where there is none.
func (f UsersFile) AddToken(t Token) error {
	return f.edit(true, func(lines []userLine) ([]userLine, error) {
		if f.findToken(lines, t.ID) >= 0 {
			return nil, fmt.Errorf("there is a token %s in %s already", t.ID, f.Path)
		}
		return append(lines, formatToken(t)), nil
	})
}

// RevokeToken removes a token, given by its id or its text. After the last line the file
// stays, with comments only.
func (f UsersFile) RevokeToken(id string) error {
	if found, whole := tokenID(id); whole {
		id = found
	}
	if !tokenIDForm.MatchString(id) { // it may be a secret, and is not shown
		return fmt.Errorf("that is no token's id: \"loglane token list --auth-file %s\" shows them", f.Path)
	}
	return f.edit(false, func(lines []userLine) ([]userLine, error) {
		i := f.findToken(lines, id)
		if i < 0 {
			return nil, fmt.Errorf("there is no token %s in %s: \"loglane token list --auth-file %s\" shows them", id, f.Path, f.Path)
		}
		return withoutLine(lines, i), nil
	})
}

// Tokens returns the API tokens in the order of the file, expired ones too.
func (f UsersFile) Tokens() ([]Token, error) {
	lines, err := f.read()
	if err != nil {
		return nil, err
	}
	var tokens []Token
	for _, line := range lines {
		if line.token != nil {
			tokens = append(tokens, *line.token)
		}
	}
	return tokens, nil
}

// Line is the token as a line of the auth file, to be added by hand where no command can
// write.
func (t Token) Line() string { return formatToken(t).text }

// Target is whom or what the token is for: the context of its user's channel, or those
// that it writes to.
func (t Token) Target() []string {
	if t.Scope == ReadScope {
		return []string{loglane.ContextOf(t.channel)}
	}
	return slices.Clone(t.Writes)
}

func (f UsersFile) findToken(lines []userLine, id string) int {
	return slices.IndexFunc(lines, func(line userLine) bool { return line.token != nil && line.token.ID == id })
}
