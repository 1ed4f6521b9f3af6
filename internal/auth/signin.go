package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/loglane/loglane"
)

// SignIn makes a session for the user with this name and password, and sets its cookie
// on w, whose header must not have been written. A session that the request's cookie
// names ends, with its streams. All errors are, or wrap, a [*loglane.StatusError]:
//
//   - 403: see [Login.Admits]
//   - 401: [ErrCredentials], or a name that cannot be a channel, with the reason
//   - 429: too many failed logins with this name, from this address, or both
//   - 503: the session store cannot be asked, or too many are signing in at once
//
// Only wrong credentials count as a failed login.
func (l *Login) SignIn(w http.ResponseWriter, r *http.Request, name, password string) (*Principal, error) {
	if l.users == nil {
		return nil, ErrCredentials
	}
	if err := l.Admits(r); err != nil {
		return nil, err
	}
	account, err := loglane.EncodeName(name)
	if err == nil {
		_, err = l.names.Make(name)
	}
	if err == nil {
		_, err = l.users.template.Channel(name)
	}
	if err != nil {
		return nil, &loglane.StatusError{Code: http.StatusUnauthorized, Message: "Not signed in: " + err.Error() + "."}
	}
	user, err := l.verify(r, account, password)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	s := session{User: user.key, Version: user.version(), Ends: time.Now().Add(l.lifetime)}
	key, err := l.admit(ctx, w, r, newToken(), s)
	if err != nil {
		return nil, err
	}
	l.bound(ctx, user.key, key)
	return l.bind(&Principal{Name: user.Name, Role: user.Role, Channel: user.Channel}, key, s), nil
}

// admit makes a session with a new token, and sets its cookie. One that the request's cookie
// names ends, with its streams.
func (l *Login) admit(ctx context.Context, w http.ResponseWriter, r *http.Request, token string, s session) (key string, err error) {
	key = sessionKey(token)
	if err := l.save(ctx, key, s); err != nil {
		return "", unavailable(fmt.Errorf("session store: %w", err))
	}
	l.known.note(key, s.Told.about())
	if old := l.token(r); old != "" {
		// The login holds all the same. Where the store cannot be told, the old session,
		// whose cookie is gone, ends in its time.
		_ = l.endSession(ctx, sessionKey(old), "signed in again")
	}
	l.setToken(w, r, token, s.Ends)
	return key, nil
}

// verify is Users.Verify within the tries of the account and the address.
func (l *Login) verify(r *http.Request, account, password string) (User, error) {
	giveBack, err := l.take(account, l.address(r))
	if err != nil {
		return User{}, err
	}
	user, err := l.users.verify(r.Context(), account, password)
	if !errors.Is(err, ErrCredentials) {
		giveBack()
	}
	if address := l.address(r); err == nil && address != "" {
		l.homes.add(home(account, addressKey(address)))
	}
	if err != nil && !errors.As(err, new(*loglane.StatusError)) {
		err = unavailable(fmt.Errorf("verifying a password: %w", err))
	}
	return user, err
}

// take takes a try from all that a login counts with, or from none of them.
func (l *Login) take(account, address string) (giveBack func(), err error) {
	type count struct {
		tries *tries
		key   tryKey
		which string
		limit string // setting
	}
	var counts []count
	if address != "" {
		address = addressKey(address)
		counts = append(counts,
			count{l.addresses, tryKey{address: address}, "from this address", "login-tries-per-address"},
			count{l.accounts, tryKey{account, address}, "with this name from this address", "login-tries"})
	}
	if address == "" || !l.homes.has(home(account, address)) {
		counts = append(counts, count{l.totals, tryKey{account: account}, "with this name", "login-tries-per-user"})
	}
	giveBack = func() {
		for _, c := range counts {
			c.tries.giveBack(c.key)
		}
	}
	for i, c := range counts {
		if wait, ok := c.tries.take(c.key); !ok {
			counts = counts[:i]
			giveBack()
			return nil, tooManyTries(c.which, c.limit, wait)
		}
	}
	return giveBack, nil
}

// maxHomes bounds from where accounts are known to sign in, and homeLife for how long.
const (
	maxHomes = 10_000
	homeLife = 30 * 24 * time.Hour
)

// home is an account with an address from where its owner has signed in.
func home(account, address string) string { return account + "\x00" + address }

// bound ends the oldest sessions of a user who has too many. The login holds all the same:
// where the store cannot be told, they end in their time.
func (l *Login) bound(ctx context.Context, user, key string) {
	list, ok := l.sessions.(SessionList)
	if !ok || l.maxSessions == 0 {
		return
	}
	surplus, err := list.Enlist(ctx, sessionKey("user:"+user), key, l.lifetime, l.maxSessions)
	if err != nil {
		l.log.Warn("the sessions of a user cannot be counted; they work all the same", "error", err)
		return
	}
	for _, old := range surplus {
		_ = l.endSession(ctx, old, "signed in elsewhere") // see above
	}
}
