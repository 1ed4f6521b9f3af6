package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/loglane/loglane"
)

// A User is a line of the file of users.
type User struct {
	Name    string // as it stands in the file
	Role    Role
	Channel string // the own channel's full name

	key   string // the name as its channel has it: what names are compared by
	hash  string
	stamp string // another one after each edit; "" where none was made by a command
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

// version changes when the user's password or role does. With a stamp it never comes
// back, also where the password and the role do.
func (u User) version() string {
	text := u.key + "\x00" + u.Role.String() + "\x00" + u.hash
	if u.stamp != "" {
		text += "\x00" + u.stamp
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func newStamp() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}
