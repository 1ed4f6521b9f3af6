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

// Enlist notes a session as its owner's newest for ttl, and takes those from the list that
// are beyond the most newest ones: the caller is to end them. The owner should be a hash.
func (s *Sessions) Enlist(ctx context.Context, owner, key string, ttl time.Duration, most int) (surplus []string, err error) {
	list := sessionKey("of:" + owner)
	n, err := s.broker.do(ctx, list, func(b rueidis.Builder) rueidis.Completed {
		return b.Lpush().Key(list).Element(key).Build()
	}).AsInt64()
	if err != nil {
		return nil, unavailable(err)
	}
	expire := func(b rueidis.Builder) rueidis.Completed {
		return b.Pexpire().Key(list).Milliseconds(max(ttl.Milliseconds(), 1)).Build()
	}
	if err := s.broker.do(ctx, list, expire).Error(); err != nil {
		return nil, unavailable(err)
	}
	if n <= int64(most) {
		return nil, nil
	}
	surplus, err = s.broker.do(ctx, list, func(b rueidis.Builder) rueidis.Completed {
		return b.Rpop().Key(list).Count(n - int64(most)).Build()
	}).AsStrSlice()
	if err != nil && !rueidis.IsRedisNil(err) {
		return nil, unavailable(err)
	}
	return surplus, nil
}
