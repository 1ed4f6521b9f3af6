package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

const (
	// TokenPrefix begins the text of every API token: llt_, its id, an underscore, and 256
	// random bits in base64url.
	TokenPrefix = "llt_"

	tokenIDLength = 12

	// MaxTokenChannels bounds the channels of one token.
	MaxTokenChannels = 100
)

var (
	tokenIDForm     = regexp.MustCompile(`^[0-9a-z]{10,12}$`)
	tokenSecretForm = regexp.MustCompile(`^[0-9A-Za-z_-]{43}$`)
)

// Scope is what an API token is for. A token has one: what may read cannot write.
type Scope string

// The scopes.
const (
	ReadScope  Scope = "read"  // sees what a user of the token's name and role sees
	WriteScope Scope = "write" // sends lines to the token's channels
)

// A Token is an API token as the auth file has it: without its secret.
type Token struct {
	ID      string // 10 to 12 of [0-9a-z]; no secret
	Scope   Scope
	User    string    // of the scope read: whose channel is the own one
	Role    Role      // of the scope read
	Writes  []string  // of the scope write: contexts, exact or a prefix before a final *
	Expires time.Time // zero is never

	channel string // of the scope read: the user's
	hash    [sha256.Size]byte
}

// NewToken gives a token its id and secret, and returns its text, which nothing keeps.
// scope, user, role, writes and expires of t are judged as in the auth file; template
// makes the user's channel.
func NewToken(t Token, template loglane.Template) (token Token, text string, err error) {
	t.ID = strings.ToLower(rand.Text()[:tokenIDLength])
	text = TokenPrefix + t.ID + "_" + newToken()
	t.hash = sha256.Sum256([]byte(text))
	t.Expires = t.Expires.UTC().Truncate(time.Second)
	if !t.Expires.IsZero() && !t.Expires.After(time.Now()) {
		return Token{}, "", errors.New("the token would have expired already")
	}
	if err := t.settle(template); err != nil {
		return Token{}, "", err
	}
	return t, text, nil
}

// Expired says whether the token's time is over.
func (t Token) Expired() bool { return !t.Expires.IsZero() && !time.Now().Before(t.Expires) }

// settle judges what a token is for, and finds its channel.
func (t *Token) settle(template loglane.Template) (err error) {
	switch t.Scope {
	case ReadScope:
		t.channel, err = template.Channel(t.User)
		return err
	case WriteScope:
		if len(t.Writes) == 0 || len(t.Writes) > MaxTokenChannels {
			return fmt.Errorf("a token with the scope write has 1 to %d channels, not %d", MaxTokenChannels, len(t.Writes))
		}
		for _, scope := range t.Writes {
			if err := checkWrites(scope); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("unknown scope %q: a scope is read or write", t.Scope)
	}
}

// checkWrites judges a context that may be written to, or a prefix before a final *.
func checkWrites(scope string) error {
	if scope == "*" {
		return nil
	}
	_, err := loglane.ChannelName(strings.TrimSuffix(scope, "*"))
	return err
}

// UserWrites returns the context of a user's own channel as an entry of [Token.Writes]. It
// fails for a name that cannot have a channel, and for one whose context ends in *, which
// would stand for all that begin like it.
func UserWrites(name string, template loglane.Template) (string, error) {
	context, err := template.Context(name)
	if err == nil && strings.HasSuffix(context, "*") {
		err = fmt.Errorf("the user's context %q ends in *, which stands for every channel that begins like it: a token cannot be for this channel alone", context)
	}
	return context, err
}

// same says whether two tokens are one in all that counts.
func (t Token) same(other Token) bool {
	return t.ID == other.ID && t.Scope == other.Scope && t.User == other.User && t.Role == other.Role &&
		slices.Equal(t.Writes, other.Writes) && t.Expires.Equal(other.Expires) && t.hash == other.hash
}

// tokenID returns the id in a token's text, if it has the form of one.
func tokenID(text string) (id string, ok bool) {
	id, secret, found := strings.Cut(strings.TrimPrefix(text, TokenPrefix), "_")
	if !found || !strings.HasPrefix(text, TokenPrefix) || !tokenIDForm.MatchString(id) || !tokenSecretForm.MatchString(secret) {
		return "", false
	}
	return id, true
}

// sessionOf is the identity of a token's requests, as [Principal.Session] has it. No
// session's key looks like it.
func sessionOf(tokenID string) string { return "token:" + tokenID }
