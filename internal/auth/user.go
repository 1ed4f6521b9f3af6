package auth

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/loglane/loglane"
)

// A User is a line of the file of users.
type User struct {
	Name    string // as it stands in the file
	Role    Role
	Channel string // the own channel's full name

	key  string // the name as its channel has it: what names are compared by
	hash string
}

func newUser(name string, role Role, hash string, template loglane.Template) (User, error) {
	key, err := loglane.EncodeName(name)
	if err != nil {
		return User{}, err
	}
	channel, err := template.Channel(name)
	if err != nil {
		return User{}, err
	}
	return User{Name: name, Role: role, Channel: channel, key: key, hash: hash}, nil
}

// version changes when the user's password or role does.
func (u User) version() string {
	sum := sha256.Sum256([]byte(u.key + "\x00" + u.Role.String() + "\x00" + u.hash))
	return hex.EncodeToString(sum[:16])
}
