package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/loglane/loglane"
)

// ErrCredentials says that name and password do not belong together. It is the same
// whether there is such a user or not. It is a [*loglane.StatusError] with code 401.
var ErrCredentials error = &loglane.StatusError{Code: http.StatusUnauthorized, Message: "The name or the password is wrong."}

// maxFileSize bounds the file of users; it is room for some 100,000.
const maxFileSize = 16 << 20

// UsersOptions is how users are read. The zero value is the default.
type UsersOptions struct {
	// Logger gets what happens between the calls, such as a broken edit; default
	// slog.Default().
	Logger *slog.Logger
	// Hashing is how many passwords are checked at once; default half of the cores, at least
	// 1 and at most 4.
	Hashing int
	// Compare says whether a password has a hash, as [Hashers.Compare] does; nil does it in
	// this process. It is called concurrently, by at most Hashing at once.
	Compare func(password, hash string) (bool, error)
}

// Users is the auth file: who may sign in, and the API tokens. Its methods may be called concurrently.
type Users struct {
	path     string
	template loglane.Template
	log      *slog.Logger
	workers  *hashWorkers
	roster   atomic.Pointer[roster]
}

// roster is one state of the file.
type roster struct {
	data   []byte
	stat   fs.FileInfo
	read   time.Time
	users  map[string]User
	tokens map[string]Token // by their ids
	dummy  string           // a hash that costs what most users' hashes do
}

// OpenUsers reads the file of users and validates it whole. template makes users'
// channels. opts may be nil. It fails where the file cannot be read, has a malformed
// line, a name that cannot be a channel, or neither users nor API tokens; the error says
// what mends it.
// It starts nothing: [Users.Watch] follows later changes.
func OpenUsers(path string, template loglane.Template, opts *UsersOptions) (*Users, error) {
	if opts == nil {
		opts = &UsersOptions{}
	}
	u := &Users{path: path, template: template, log: opts.Logger, workers: newHashWorkers(opts.Hashing, opts.Compare)}
	if u.log == nil {
		u.log = slog.Default()
	}
	first, err := u.load()
	if err != nil {
		return nil, err
	}
	if len(first.users) == 0 && len(first.tokens) == 0 {
		return nil, u.errNobody()
	}
	u.roster.Store(first)
	return u, nil
}

func (u *Users) errNobody() error {
	return fmt.Errorf("the users file %s has no users: add one with \"loglane user add NAME --auth-file %s\", or an API token with \"loglane token create\"", u.path, u.path)
}

// Any says whether there are users, and not only API tokens.
func (u *Users) Any() bool { return len(u.roster.Load().users) > 0 }

// Names returns the names of the users, in their order.
func (u *Users) Names() []string {
	var names []string
	for _, user := range u.roster.Load().users {
		names = append(names, user.Name)
	}
	slices.Sort(names)
	return names
}

// Lookup returns the user of a name, in any Unicode spelling of it.
func (u *Users) Lookup(name string) (User, bool) {
	key, err := loglane.EncodeName(name)
	if err != nil {
		return User{}, false
	}
	return u.find(key)
}

// find returns the user whose channel has the name as key.
func (u *Users) find(key string) (User, bool) {
	user, found := u.roster.Load().users[key]
	return user, found
}

// Verify returns the user with the name and the password, else [ErrCredentials]. An
// unknown name costs as much time as a wrong password. It fails with a
// [*loglane.StatusError] with code 503 when too many passwords are being verified, and
// with ctx's error when that ends while it waits for its turn.
func (u *Users) Verify(ctx context.Context, name, password string) (User, error) {
	key, err := loglane.EncodeName(name)
	if err != nil {
		return User{}, ErrCredentials // there cannot be such a user, which is no secret
	}
	return u.verify(ctx, key, password)
}

func (u *Users) verify(ctx context.Context, key, password string) (User, error) {
	user, found := u.find(key)
	hash := user.hash
	if !found {
		hash = u.roster.Load().dummy
	}
	if len(password) > MaxPasswordBytes {
		password, found = "", false
	}
	match, err := u.workers.compare(ctx, password, hash)
	switch {
	case err != nil:
		return User{}, err
	case !match || !found:
		return User{}, ErrCredentials
	}
	return user, nil
}

// load reads the file. The roster may be without users.
func (u *Users) load() (*roster, error) {
	read := time.Now()
	data, stat, err := readUsersFile(u.path)
	if err != nil {
		return nil, err
	}
	r, err := u.parse(data)
	if err != nil {
		return nil, err
	}
	r.stat, r.read = stat, read
	return r, nil
}

// parse makes a roster of the file's content; when it was read is the caller's to note.
func (u *Users) parse(data []byte) (*roster, error) {
	lines, err := parseUserLines(data, u.template)
	if err != nil {
		return nil, fmt.Errorf("the users file %s is malformed: %w", u.path, err)
	}
	users, tokens := map[string]User{}, map[string]Token{}
	params := argon2id.Params{}
	counts := map[argon2id.Params]int{}
	for _, line := range lines {
		if line.token != nil {
			tokens[line.token.ID] = *line.token
		}
		if line.user == nil {
			continue
		}
		users[line.user.key] = *line.user
		p, err := checkHash(line.user.hash)
		if err != nil {
			return nil, err
		}
		if counts[p]++; counts[p] > counts[params] {
			params = p
		}
	}
	if len(users) == 0 {
		params = *Cost{}.params()
	}
	return &roster{data: data, users: users, tokens: tokens, dummy: dummyHash(params)}, nil
}

// readUsersFile reads a regular file of bounded size.
func readUsersFile(path string) ([]byte, fs.FileInfo, error) {
	stat, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("the users file %s does not exist: create it with \"loglane user add NAME --auth-file %s\": %w", path, path, fs.ErrNotExist)
	case err != nil:
		return nil, nil, unreadable(path, err)
	case !stat.Mode().IsRegular():
		return nil, nil, fmt.Errorf("the users file %s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, unreadable(path, err)
	}
	defer file.Close()
	// The file that is read may be another than the one above by now.
	if stat, err = file.Stat(); err != nil {
		return nil, nil, unreadable(path, err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	switch {
	case err != nil:
		return nil, nil, unreadable(path, err)
	case len(data) > maxFileSize:
		return nil, nil, fmt.Errorf("the users file %s is longer than %d bytes", path, maxFileSize)
	}
	return data, stat, nil
}

func unreadable(path string, err error) error {
	mend := ""
	if errors.Is(err, fs.ErrPermission) {
		mend = ": let the account that runs loglane read it"
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Errorf("the users file %s cannot be read: %w%s", path, err, mend)
}

// blank says whether a file looks as if somebody was about to write it.
func blank(data []byte) bool { return strings.TrimSpace(string(data)) == "" }
