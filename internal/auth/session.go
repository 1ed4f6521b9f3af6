package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/loglane/loglane"
)

const (
	tokenBytes  = 32
	tokenLength = 43 // of tokenBytes in base64url without padding

	// storeTimeout bounds one question to the session store or the notices.
	storeTimeout = 2 * time.Second
)

// newToken returns what the cookie of a new session holds.
func newToken() string {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// sessionKey returns the identity of a token's session: what the store, the notices and
// the log may know of it.
func sessionKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func isSessionKey(s string) bool {
	sum, err := hex.DecodeString(s)
	return err == nil && len(sum) == sha256.Size
}

// session is what the store keeps.
type session struct {
	User    string    `json:"user"`    // as User.key has it
	Version string    `json:"version"` // of the user when they signed in
	Ends    time.Time `json:"ends"`
	Seen    time.Time `json:"seen"`           // when it was saved last
	Told    *told     `json:"told,omitempty"` // by another site; then there is no user of ours
}

// ended is what a Check returns once its login no longer stands.
func ended() error {
	return refusing("ended", &loglane.StatusError{Code: http.StatusUnauthorized, Message: "The login has ended."})
}

// An unavailableError is a StatusError for the caller with its cause for the log.
type unavailableError struct {
	status *loglane.StatusError
	cause  error
}

func unavailable(cause error) error {
	return &unavailableError{
		status: &loglane.StatusError{
			Code:       http.StatusServiceUnavailable,
			Message:    "Logins are temporarily unavailable.",
			RetryAfter: storeTimeout,
		},
		cause: cause,
	}
}

func (e *unavailableError) Error() string   { return e.cause.Error() }
func (e *unavailableError) Unwrap() []error { return []error{e.status, e.cause} }

// load returns the principal of a session as it is now; nil where the session, or whose it
// is, is no more or has changed since. An error means that the store cannot be asked.
func (l *Login) load(ctx context.Context, key string) (*Principal, error) {
	if l.endings.has(key) {
		return nil, nil
	}
	data, found, err := l.sessions.Load(ctx, key)
	if err != nil {
		return nil, unavailable(fmt.Errorf("session store: %w", err))
	}
	var s session
	// What is not ours to read is nobody's session.
	if !found || json.Unmarshal(data, &s) != nil || !l.endOf(s).After(time.Now()) {
		return nil, nil
	}
	p, err := l.whose(ctx, s)
	if p == nil || err != nil {
		return nil, err
	}
	if l.endings.has(key) {
		return nil, nil // while the store was asked
	}
	l.known.note(key, s.Told.about())
	l.keepAlive(ctx, key, s)
	return l.bind(p, key, s), nil
}

// whose returns whom a session belongs to as they are now; nil is nobody any more.
func (l *Login) whose(ctx context.Context, s session) (*Principal, error) {
	if s.Told != nil {
		if l.outside == nil {
			return nil, nil
		}
		p, err := l.outside(ctx, s.Told)
		if err != nil {
			return nil, unavailable(fmt.Errorf("session store: %w", err))
		}
		if p != nil {
			p.Way = wayOIDC
		}
		return p, nil
	}
	if l.users == nil {
		return nil, nil
	}
	user, found := l.users.find(s.User)
	if !found || user.version() != s.Version {
		return nil, nil
	}
	if _, err := l.names.Make(user.Name); err != nil {
		return nil, nil // another way in has the name since
	}
	return &Principal{Name: user.Name, Role: user.Role, Channel: user.Channel}, nil
}

// bind makes a principal that of a session.
func (l *Login) bind(p *Principal, key string, s session) *Principal {
	p.Session, p.Expires = key, s.Ends
	p.Check = func(ctx context.Context) error { return l.check(ctx, key) }
	return p
}

// endOf returns when a session ends if it is not used any more.
func (l *Login) endOf(s session) time.Time {
	if l.idle > 0 && s.Seen.Add(l.idle).Before(s.Ends) {
		return s.Seen.Add(l.idle)
	}
	return s.Ends
}

func (l *Login) save(ctx context.Context, key string, s session) error {
	s.Seen = time.Now()
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return l.sessions.Save(ctx, key, data, time.Until(l.endOf(s)))
}

// keepAlive puts off the end of an idle session, with one write in a quarter of the idle
// timeout.
func (l *Login) keepAlive(ctx context.Context, key string, s session) {
	if l.idle <= 0 || time.Since(s.Seen) < l.idle/4 {
		return
	}
	_ = l.save(ctx, key, s) // the session stands for now, and its next use tries again
	if l.endings.has(key) {
		l.endings.later(key, ending{until: s.Ends}) // a sign-out came between: undo
	}
}

// check is the Check of a session's principal.
func (l *Login) check(ctx context.Context, key string) error {
	if err := l.interruption.settle(ctx); err != nil {
		return unavailable(fmt.Errorf("session store: %w", err))
	}
	p, err := l.load(ctx, key)
	if err == nil && p == nil {
		return ended()
	}
	return err
}
