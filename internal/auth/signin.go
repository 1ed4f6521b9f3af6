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
//   - 401: [ErrCredentials], or a name that cannot be a channel, with the reason
//   - 429: too many failed logins with this name or from this address
//   - 503: the session store cannot be asked, or too many are signing in at once
//
// Only wrong credentials count as a failed login.
func (l *Login) SignIn(w http.ResponseWriter, r *http.Request, name, password string) (*Principal, error) {
	account, err := loglane.EncodeName(name)
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
	token := newToken()
	key := sessionKey(token)
	s := session{User: user.key, Version: user.version(), Ends: time.Now().Add(l.lifetime)}
	if err := l.save(ctx, key, s); err != nil {
		return nil, unavailable(fmt.Errorf("session store: %w", err))
	}
	if old := l.token(r); old != "" {
		l.replace(ctx, sessionKey(old))
	}
	l.setToken(w, r, token, s.Ends)
	return l.principal(key, s, user), nil
}

// replace ends the session that the browser had before this login.
func (l *Login) replace(ctx context.Context, old string) {
	l.end(old, "signed in again")
	if l.retire(ctx, old, true) != nil {
		// The login holds all the same. Where too many wait, the old session, whose
		// cookie is gone, ends in its time.
		_ = l.endings.later(old, ending{until: time.Now().Add(l.lifetime), notify: true})
	}
}

// verify is Users.Verify within the tries of the account and the address.
func (l *Login) verify(r *http.Request, account, password string) (User, error) {
	address := addressKey(l.address(r))
	if wait, ok := l.addresses.take(address); !ok {
		return User{}, tooManyTries("from this address", wait)
	}
	if wait, ok := l.accounts.take(account); !ok {
		l.addresses.giveBack(address)
		return User{}, tooManyTries("with this name", wait)
	}
	user, err := l.users.verify(r.Context(), account, password)
	if !errors.Is(err, ErrCredentials) {
		l.addresses.giveBack(address)
		l.accounts.giveBack(account)
	}
	if err != nil && !errors.As(err, new(*loglane.StatusError)) {
		err = unavailable(fmt.Errorf("verifying a password: %w", err))
	}
	return user, err
}
