package redisbroker

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// Sessions keeps login sessions in Redis, so that every gateway knows them. The keys that
// it is given should be hashes: who reads the database must not be able to sign in.
type Sessions struct{ broker *Broker }

// Sessions returns the store of login sessions; it lives as long as the broker.
func (b *Broker) Sessions() *Sessions { return &Sessions{broker: b} }

// Load returns a session's data; found is false where there is none.
func (s *Sessions) Load(ctx context.Context, key string) (data []byte, found bool, err error) {
	data, err = s.broker.do(ctx, sessionKey(key), func(b rueidis.Builder) rueidis.Completed {
		return b.Get().Key(sessionKey(key)).Build()
	}).AsBytes()
	switch {
	case rueidis.IsRedisNil(err):
		return nil, false, nil
	case err != nil:
		return nil, false, unavailable(err)
	default:
		return data, true, nil
	}
}

// Save stores a session's data for ttl, at least a millisecond.
func (s *Sessions) Save(ctx context.Context, key string, data []byte, ttl time.Duration) error {
	set := func(b rueidis.Builder) rueidis.Completed {
		return b.Set().Key(sessionKey(key)).Value(rueidis.BinaryString(data)).PxMilliseconds(max(ttl.Milliseconds(), 1)).Build()
	}
	if err := s.broker.do(ctx, sessionKey(key), set).Error(); err != nil {
		return unavailable(err)
	}
	return nil
}

// Delete removes a session, and says whether there was one.
func (s *Sessions) Delete(ctx context.Context, key string) (existed bool, err error) {
	removed, err := s.broker.do(ctx, sessionKey(key), func(b rueidis.Builder) rueidis.Completed {
		return b.Del().Key(sessionKey(key)).Build()
	}).AsInt64()
	if err != nil {
		return false, unavailable(err)
	}
	return removed > 0, nil
}
