package app

import (
	"errors"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// Users edits the auth file, for a command line. Gateways take over what it changes
// within a second.
type Users struct{ file auth.UsersFile }

// A User is a line of the auth file.
type User struct {
	Name    string
	Role    string // viewer, operator or admin
	Context string // of the own channel
}

// Users returns the editor of the auth file, which need not exist yet. faults are what is
// known to be wrong with the settings; they are told with the rest.
func (i Identity) Users(faults error) (*Users, error) {
	if err := errors.Join(faults, i.Check()); err != nil {
		return nil, err
	}
	template, err := i.Template()
	return &Users{file: auth.UsersFile{Path: i.AuthFile, Template: template}}, err
}

// Context is the context of a user's own channel; it fails for names that cannot have one.
func (u *Users) Context(name string) (string, error) { return u.file.Template.Context(name) }

// Add adds a user, and makes the file where there is none.
func (u *Users) Add(name, role, password string) error {
	r, err := auth.ParseRole(role)
	if err != nil {
		return err
	}
	return u.file.Add(name, r, password)
}

// SetPassword changes a user's password, which ends the user's sessions.
func (u *Users) SetPassword(name, password string) error { return u.file.SetPassword(name, password) }

// SetRole changes a user's role, which ends the user's sessions.
func (u *Users) SetRole(name, role string) error {
	r, err := auth.ParseRole(role)
	if err != nil {
		return err
	}
	return u.file.SetRole(name, r)
}

// List returns the users in the order of the file.
func (u *Users) List() ([]User, error) {
	users, err := u.file.List()
	if err != nil {
		return nil, err
	}
	list := make([]User, len(users))
	for i, user := range users {
		list[i] = User{Name: user.Name, Role: user.Role.String(), Context: loglane.ContextOf(user.Channel)}
	}
	return list, nil
}

// TokensOf returns the ids of the API tokens that read as a user, which stay when the user
// is removed.
func (u *Users) TokensOf(name string) ([]string, error) {
	tokens, err := u.file.Tokens()
	if err != nil {
		return nil, err
	}
	channel, err := u.file.Template.Context(name)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, token := range tokens {
		if token.Scope == auth.ReadScope && token.Target()[0] == channel {
			ids = append(ids, token.ID)
		}
	}
	return ids, nil
}

// Remove removes a user, which ends the user's sessions.
func (u *Users) Remove(name string) error { return u.file.Remove(name) }

// QuoteName writes a name as it stands in the auth file and in a shell's command, without
// anything that a terminal would obey.
func QuoteName(name string) string { return auth.QuoteName(name) }
