package redisbroker_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

func TestTokenUses(t *testing.T) {
	server := redistest.Start(t)
	uses, other := open(t, server, redisbroker.Options{}).TokenUses(), open(t, server, redisbroker.Options{}).TokenUses()
	ctx, at := t.Context(), time.Date(2027, 1, 31, 12, 0, 0, 500, time.UTC)
	for range 2 {
		if err := uses.Used(ctx, "abc", at); err != nil {
			t.Fatal(err)
		}
	}
	server.MustDo("SET", "loglane:token:strange", "yesterday")
	found, err := other.LastUsed(ctx, []string{"none", "abc", "strange"})
	if err != nil || len(found) != 1 || !found["abc"].Equal(at.Truncate(time.Second)) {
		t.Errorf("%v, %v", found, err)
	}
	if found, err := other.LastUsed(ctx, nil); err != nil || len(found) != 0 {
		t.Errorf("of no token: %v, %v", found, err)
	}
	const days400 = 400 * 24 * 60 * 60
	if ttl, err := strconv.Atoi(server.MustDo("TTL", "loglane:token:abc")); err != nil || ttl < days400-60 || ttl > days400 {
		t.Errorf("lives for %v s, %v", ttl, err)
	}
	server.Kill()
	_, err = uses.LastUsed(ctx, []string{"abc"})
	for _, err := range []error{err, uses.Used(ctx, "abc", at)} {
		if !errors.Is(err, loglane.ErrUnavailable) {
			t.Errorf("without Redis: %v", err)
		}
	}
}
