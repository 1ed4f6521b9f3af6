package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/loglane/loglane"
)

// UsersFile edits the auth file, for a command line. Every edit replaces the file as a
// whole, so that a reader sees the state before or after it; lines that are not concerned
// stay as they are, and a user's that is gets a new stamp. Edits of several processes wait
// for each other where the system has flock.
//
// A new file can be read by its owner only (0600). A file that exists keeps its owner
// and group, and of its permissions only that the group may read.
type UsersFile struct {
	Path     string
	Template loglane.Template // makes channels: a name that cannot be one is refused
	Cost     Cost             // of new passwords
}

// Add adds a user, and creates the file where there is none. It fails where the name
// exists in any Unicode spelling or cannot be a channel, and where the password has
// fewer than [MinPasswordLength] characters or more than [MaxPasswordBytes] bytes.
func (f UsersFile) Add(name string, role Role, password string) error {
	if !role.valid() {
		return fmt.Errorf("user %q: unknown role %v", name, role)
	}
	return f.edit(true, func(lines []userLine) ([]userLine, error) {
		user, err := newUser(name, role, "", f.Template)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", name, err)
		}
		if i := f.find(lines, user.key); i >= 0 {
			return nil, fmt.Errorf("there is a user %s in %s already: change the password with %s",
				QuoteName(lines[i].user.Name), f.Path, f.command("passwd", name))
		}
		if user.hash, err = hashPassword(password, f.Cost); err != nil {
			return nil, fmt.Errorf("user %q: %w", name, err)
		}
		user.stamp = newStamp()
		return append(lines, formatUser(user)), nil
	})
}

// SetPassword changes a user's password, under the conditions of [UsersFile.Add].
func (f UsersFile) SetPassword(name, password string) error {
	return f.change(name, func(user *User) (err error) {
		user.hash, err = hashPassword(password, f.Cost)
		return err
	})
}

// SetRole changes a user's role. The role that the user has already changes nothing.
func (f UsersFile) SetRole(name string, role Role) error {
	return f.change(name, func(user *User) error {
		if !role.valid() {
			return fmt.Errorf("unknown role %v", role)
		}
		user.Role = role
		return nil
	})
}

// List returns the users in the order of the file.
func (f UsersFile) List() ([]User, error) {
	lines, err := f.read()
	if err != nil {
		return nil, err
	}
	var users []User
	for _, line := range lines {
		if line.user != nil {
			users = append(users, *line.user)
		}
	}
	return users, nil
}

// Remove removes a user. After the last one the file stays, with comments only.
func (f UsersFile) Remove(name string) error {
	return f.edit(false, func(lines []userLine) ([]userLine, error) {
		i, err := f.mustFind(lines, name)
		if err != nil {
			return nil, err
		}
		return withoutLine(lines, i), nil
	})
}

func withoutLine(lines []userLine, i int) []userLine {
	lines = slices.Delete(lines, i, i+1)
	if blank(formatUserLines(lines)) {
		return headerLines() // a blank file would be taken for one that is being written
	}
	return lines
}

func (f UsersFile) change(name string, change func(*User) error) error {
	return f.edit(false, func(lines []userLine) ([]userLine, error) {
		i, err := f.mustFind(lines, name)
		if err != nil {
			return nil, err
		}
		user := *lines[i].user
		if err := change(&user); err != nil {
			return nil, fmt.Errorf("user %q: %w", name, err)
		}
		if user == *lines[i].user {
			return lines, nil
		}
		user.stamp = newStamp()
		lines[i] = formatUser(user)
		return lines, nil
	})
}

func (f UsersFile) edit(create bool, edit func([]userLine) ([]userLine, error)) error {
	path, err := resolve(f.Path)
	if err != nil {
		return fmt.Errorf("the users file %s: %w", f.Path, err)
	}
	unlock, err := lockFolder(path)
	if err != nil {
		return fmt.Errorf("the users file %s cannot be locked: %w", f.Path, err)
	}
	defer unlock()
	lines, err := f.read()
	if create && errors.Is(err, fs.ErrNotExist) {
		lines, err = headerLines(), nil
	}
	if err != nil {
		return err
	}
	if lines, err = edit(lines); err != nil {
		return err
	}
	if err := replaceFile(path, formatUserLines(lines)); err != nil {
		return fmt.Errorf("the users file %s cannot be written: %w", f.Path, err)
	}
	return nil
}

func (f UsersFile) read() ([]userLine, error) {
	data, _, err := readUsersFile(f.Path)
	if err != nil {
		return nil, err
	}
	lines, err := parseUserLines(data, f.Template)
	if err != nil {
		return nil, fmt.Errorf("the users file %s is malformed, mend it by hand first: %w", f.Path, err)
	}
	return lines, nil
}

func (f UsersFile) mustFind(lines []userLine, name string) (int, error) {
	key, err := loglane.EncodeName(name)
	if err == nil {
		if i := f.find(lines, key); i >= 0 {
			return i, nil
		}
	}
	return 0, fmt.Errorf("there is no user %q in %s: add one with %s", name, f.Path, f.command("add", name))
}

func (f UsersFile) find(lines []userLine, key string) int {
	return slices.IndexFunc(lines, func(line userLine) bool { return line.user != nil && line.user.key == key })
}

func (f UsersFile) command(verb, name string) string {
	return fmt.Sprintf("\"loglane user %s %s --auth-file %s\"", verb, QuoteName(name), f.Path)
}

func headerLines() []userLine {
	lines, err := parseUserLines([]byte(fileHeader), loglane.DefaultTemplate)
	if err != nil {
		panic(err) // the header is a constant that a test reads
	}
	return lines
}
