package redisbroker

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// tokenUseTTL is how long a token's last use is remembered.
const tokenUseTTL = 400 * 24 * time.Hour

// TokenUses keeps when API tokens were used last, for 400 days.
type TokenUses struct{ broker *Broker }

// TokenUses returns the store of last uses; it lives as long as the broker.
func (b *Broker) TokenUses() *TokenUses { return &TokenUses{broker: b} }

// Used notes a use of a token, in place of what was noted before.
func (u *TokenUses) Used(ctx context.Context, tokenID string, at time.Time) error {
	set := func(b rueidis.Builder) rueidis.Completed {
		return b.Set().Key(tokenKey(tokenID)).Value(at.UTC().Format(time.RFC3339)).Ex(tokenUseTTL).Build()
	}
	if err := u.broker.do(ctx, tokenKey(tokenID), set).Error(); err != nil {
		return unavailable(err)
	}
	return nil
}

// LastUsed returns the last uses, to the second, of those tokens that have one.
func (u *TokenUses) LastUsed(ctx context.Context, tokenIDs []string) (map[string]time.Time, error) {
	keys := make([]string, len(tokenIDs))
	for i, id := range tokenIDs {
		keys[i] = tokenKey(id)
	}
	get := func(b rueidis.Builder, key string) rueidis.Completed { return b.Get().Key(key).Build() }
	found := make(map[string]time.Time)
	for i, result := range u.broker.doEach(ctx, keys, get) {
		text, err := result.ToString()
		switch {
		case rueidis.IsRedisNil(err):
			continue
		case err != nil:
			return nil, unavailable(err)
		}
		if at, err := time.Parse(time.RFC3339, text); err == nil { // another's value tells nothing
			found[tokenIDs[i]] = at
		}
	}
	return found, nil
}
