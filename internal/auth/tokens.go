package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// ErrToken says that an API token does not stand: it is malformed, unknown, expired or
// revoked, which is not told apart. It is a [*loglane.StatusError] with code 401.
var ErrToken error = &loglane.StatusError{
	Code:    http.StatusUnauthorized,
	Message: "The API token is not valid: it is unknown, expired or revoked.",
}

const (
	// noteEvery is how often a token's use is written down at most.
	noteEvery = time.Minute
	// noteQueue bounds the uses that wait to be written.
	noteQueue = 256
)

// TokensOptions is what [Tokens] are made of. Users is needed.
type TokensOptions struct {
	Users *Users
	// Uses keeps when tokens were used last; nil keeps nothing.
	Uses TokenUses
	// Logger gets what happens between requests; default slog.Default().
	Logger *slog.Logger
}

// Tokens is the way in of programs: the header "Authorization: Bearer llt_…". Guessing is
// hopeless, for a token has 256 random bits, and a wrong one costs no more than a hash; so
// wrong ones are not counted. Its methods may be called concurrently. [NewTokens] starts
// nothing; [Tokens.Run] writes down the uses.
type Tokens struct {
	users *Users
	uses  TokenUses
	log   *slog.Logger
	queue chan tokenUse

	mu    sync.Mutex
	noted map[string]time.Time // uses that were queued last, by token
}

type tokenUse struct {
	id string
	at time.Time
}

var _ Authenticator = (*Tokens)(nil)

// NewTokens returns the API tokens of the auth file.
func NewTokens(o TokensOptions) *Tokens {
	t := &Tokens{users: o.Users, uses: o.Uses, log: o.Logger, queue: make(chan tokenUse, noteQueue), noted: map[string]time.Time{}}
	if t.log == nil {
		t.log = slog.Default()
	}
	return t
}

// Authenticate returns the principal of the request's token, nil and nil where it carries
// none of ours, or [ErrToken], which ends the search: cookies beside a token count for
// nothing. A read token is its user with its own role; a write token has no channel.
func (t *Tokens) Authenticate(r *http.Request) (*Principal, error) {
	text, ours := bearer(r.Header)
	if !ours {
		return nil, nil
	}
	id, _ := tokenID(text) // "" is nobody's
	token, found := t.users.roster.Load().tokens[id]
	sum := sha256.Sum256([]byte(text))
	// The comparison comes first, so that an unknown id costs what a wrong secret does.
	if subtle.ConstantTimeCompare(sum[:], token.hash[:]) != 1 || !found {
		return nil, ErrToken
	}
	if token.Expired() {
		return nil, refusal{ErrToken, "expired"}
	}
	t.note(id)
	return t.principal(token), nil
}

// bearer returns the token that a request carries if it is, or was meant to be, one of
// ours: whatever is wrong with the header around it, it goes to no other way in. "" is
// malformed.
func bearer(header http.Header) (text string, ours bool) {
	values := header.Values("Authorization")
	for _, value := range values {
		fields := strings.Fields(value)
		if !slices.ContainsFunc(fields, func(field string) bool { return strings.HasPrefix(field, TokenPrefix) }) {
			continue
		}
		if len(values) == 1 && len(fields) == 2 && strings.EqualFold(fields[0], "Bearer") {
			return fields[1], true
		}
		return "", true
	}
	return "", false
}

func (t *Tokens) principal(token Token) *Principal {
	p := &Principal{
		Name: token.User, Role: token.Role, Channel: token.channel, Writes: token.Writes,
		Session: sessionOf(token.ID), Token: token.ID, Expires: token.Expires,
		Check: func(context.Context) error { return t.check(token) },
	}
	if token.Scope == WriteScope {
		p.Name = sessionOf(token.ID)
	}
	return p
}

// check is the Check of a token's principal.
func (t *Tokens) check(token Token) error {
	now, found := t.users.roster.Load().tokens[token.ID]
	if !found || !now.same(token) || now.Expired() {
		return ended()
	}
	t.note(token.ID)
	return nil
}

// note queues a use to be written, unless one was a moment ago.
func (t *Tokens) note(id string) {
	if t.uses == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if last, noted := t.noted[id]; noted && now.Sub(last) < noteEvery {
		return
	}
	select {
	case t.queue <- tokenUse{id: id, at: now}:
		t.noted[id] = now
	default: // the next use tries again
	}
}

// Run writes down when tokens were used, until ctx ends; then what waits is tried once
// more, for up to two seconds. Without it tokens work, and their last use stays unknown.
// At most one Run may run.
func (t *Tokens) Run(ctx context.Context) error {
	failing := false
	for {
		select {
		case <-ctx.Done():
			t.flush(context.WithoutCancel(ctx))
			return nil
		case use := <-t.queue:
			err := t.write(ctx, use)
			if err != nil && !failing && ctx.Err() == nil {
				t.log.Warn("the last use of API tokens cannot be written down; they work all the same", "error", err)
			}
			failing = err != nil
		}
	}
}

func (t *Tokens) write(ctx context.Context, use tokenUse) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := t.uses.Used(ctx, use.id, use.at)
	if err != nil {
		t.forget(use)
	}
	return err
}

// forget lets a use that could not be written be tried again with the next one.
func (t *Tokens) forget(use tokenUse) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.noted[use.id].Equal(use.at) {
		delete(t.noted, use.id)
	}
}

func (t *Tokens) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for {
		select {
		case use := <-t.queue:
			if t.uses.Used(ctx, use.id, use.at) != nil {
				return // it is of no use to be told at the end
			}
		default:
			return
		}
	}
}
