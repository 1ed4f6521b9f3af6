package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/redisbroker"
)

// Tokens edits the API tokens of the auth file, for a command line. Gateways take over
// what it changes within a second.
type Tokens struct{ file auth.UsersFile }

// NewToken is an API token to be made.
type NewToken struct {
	Scope    string    // read or write
	User     string    // of the scope read: whom it reads as; of write: whose channel it writes to, "" is nobody's
	Role     string    // of the scope read: viewer, operator or admin
	Channels []string  // of the scope write: contexts, exact or with * at the end
	Expires  time.Time // zero is never
}

// A Token is an API token of the auth file.
type Token struct {
	ID       string
	Scope    string
	Target   string // for people: whom it reads as, or where it writes to
	Expires  time.Time
	Expired  bool
	LastUsed time.Time // zero where it is not known
}

// Tokens returns the editor of the auth file's tokens; the file need not exist yet. faults
// are what is known to be wrong with the settings; they are told with the rest.
func (i Identity) Tokens(faults error) (*Tokens, error) {
	users, err := i.Users(faults)
	if err != nil {
		return nil, err
	}
	return &Tokens{file: users.file}, nil
}

// Maker returns what makes tokens and has no file to edit.
func (i Identity) Maker(faults error) (*Tokens, error) {
	if err := errors.Join(faults, i.check()); err != nil {
		return nil, err
	}
	template, err := i.Template()
	return &Tokens{file: auth.UsersFile{Template: template}}, err
}

// ParseExpires reads when a token is to end: never, a number of days such as 90d, a time
// with its unit such as 720h, or a date, whose beginning in UTC counts. Zero is never.
func ParseExpires(text string) (time.Time, error) {
	if text == "never" {
		return time.Time{}, nil
	}
	if days, err := strconv.Atoi(strings.TrimSuffix(text, "d")); err == nil && strings.HasSuffix(text, "d") && days > 0 && days <= maxDays {
		return time.Now().Add(time.Duration(days) * 24 * time.Hour), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return time.Now().Add(d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("it is neither never, a number of days such as 90d, a time such as 720h, nor a date such as 2027-01-31")
}

// maxDays bounds an expiry in days: 100 years.
const maxDays = 36_500

// A MadeToken is a token that is nowhere yet.
type MadeToken struct {
	ID   string
	Text string // what a request carries; nothing keeps it
	Line string // of the auth file

	token auth.Token
}

// Make makes a token, and changes nothing.
func (t *Tokens) Make(want NewToken) (*MadeToken, error) {
	token := auth.Token{Scope: auth.Scope(want.Scope), Expires: want.Expires}
	var err error
	if token.Scope == auth.WriteScope {
		token.Writes, err = t.writes(want)
	} else {
		token.User = want.User
		token.Role, err = auth.ParseRole(want.Role)
	}
	if err != nil {
		return nil, err
	}
	token, text, err := auth.NewToken(token, t.file.Template)
	if err != nil {
		return nil, err
	}
	return &MadeToken{ID: token.ID, Text: text, Line: token.Line(), token: token}, nil
}

// writes are the contexts of a write token, each once.
func (t *Tokens) writes(want NewToken) ([]string, error) {
	var writes []string
	for _, context := range want.Channels {
		if short, found := strings.CutPrefix(context, loglane.ChannelPrefix); found {
			return nil, fmt.Errorf("channel %q: name its context, which is %q", context, short)
		}
		writes = append(writes, context)
	}
	if want.User != "" {
		context, err := auth.UserWrites(want.User, t.file.Template)
		if err != nil {
			return nil, err
		}
		writes = append(writes, context)
	}
	return unique(writes), nil
}

func unique(list []string) (once []string) {
	seen := make(map[string]bool)
	for _, item := range list {
		if !seen[item] {
			once = append(once, item)
		}
		seen[item] = true
	}
	return once
}

// Add adds a token that Make has made, and makes the file where there is none.
func (t *Tokens) Add(made *MadeToken) error { return t.file.AddToken(made.token) }

// Revoke removes a token; its streams end within a second.
func (t *Tokens) Revoke(id string) error { return t.file.RevokeToken(id) }

// List returns the tokens in the order of the file, and when they were used last as the
// Redis at redisURL knows it; "" asks none.
func (t *Tokens) List(ctx context.Context, redisURL string) ([]Token, error) {
	tokens, err := t.file.Tokens()
	if err != nil {
		return nil, err
	}
	uses, err := lastUses(ctx, redisURL, tokens)
	if err != nil {
		return nil, err
	}
	list := make([]Token, len(tokens))
	for i, token := range tokens {
		list[i] = Token{
			ID: token.ID, Scope: string(token.Scope), Target: target(token),
			Expires: token.Expires, Expired: token.Expired(), LastUsed: uses[token.ID],
		}
	}
	return list, nil
}

func target(token auth.Token) string {
	if token.Scope == auth.ReadScope {
		return fmt.Sprintf("%s (%s)", auth.QuoteName(token.User), token.Role)
	}
	return strings.Join(token.Writes, " ")
}

// lastUsesTime bounds the question for the last uses.
const lastUsesTime = 5 * time.Second

func lastUses(ctx context.Context, redisURL string, tokens []auth.Token) (uses map[string]time.Time, err error) {
	if redisURL == "" {
		return nil, nil
	}
	broker, err := redisbroker.New(redisbroker.Options{URL: redisURL, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, &SettingError{Name: "redis-url", Wrong: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, lastUsesTime)
	defer cancel()
	ids := make([]string, len(tokens))
	for i, token := range tokens {
		ids[i] = token.ID
	}
	uses, err = broker.TokenUses().LastUsed(ctx, ids)
	if err != nil {
		err = fmt.Errorf("asking %s for the last uses: %w", redisbroker.Redacted(redisURL), err)
	}
	return uses, errors.Join(err, broker.Close(ctx))
}
