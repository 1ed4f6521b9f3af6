package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
	"github.com/loglane/loglane/redisbroker"
)

// An upstream is a broker with what comes along with it.
type upstream struct {
	loglane.Broker
	name     string
	sessions auth.Sessions
	notices  auth.Notices
	uses     auth.TokenUses
	// arrive fails where the broker is there and will never serve us, and only tells
	// the log where it is away: it may come back at any time.
	arrive func(context.Context) error
	probes []server.Probe
	close  func(context.Context) error
}

// open connects to the broker. With a history out of range it still judges the URL, so
// that both are told; nothing is served then.
func (u Upstream) open(log *slog.Logger) (*upstream, error) {
	if u.check() != nil {
		u = Upstream{RedisURL: u.RedisURL}
	}
	keep := loglane.Retention{Lines: u.HistoryLines, Bytes: u.HistoryBytes, TTL: u.HistoryTTL}
	global := keep
	global.TTL = u.GlobalHistoryTTL
	if u.RedisURL == "" {
		return openMemory(keep, global)
	}
	return openRedis(u.RedisURL, keep, global, log)
}

func openMemory(keep, global loglane.Retention) (*upstream, error) {
	broker, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: keep, Global: global})
	if err != nil {
		return nil, err
	}
	nothing := func(context.Context) error { return nil }
	return &upstream{
		Broker: broker, name: "embedded",
		sessions: auth.NewMemorySessions(), notices: auth.NewMemoryNotices(), uses: &auth.MemoryTokenUses{},
		arrive: nothing, close: nothing,
	}, nil
}

func openRedis(url string, keep, global loglane.Retention, log *slog.Logger) (*upstream, error) {
	broker, err := redisbroker.New(redisbroker.Options{URL: url, Retention: keep, Global: global, Logger: log})
	if err != nil {
		return nil, &SettingError{Name: "redis-url", Wrong: err.Error()}
	}
	arrive := func(ctx context.Context) error {
		err := broker.Ping(ctx)
		if errors.Is(err, loglane.ErrUnavailable) {
			log.Warn("Redis is away: streams and sign-ins answer 503 until it is there", "redis", redisbroker.Redacted(url), "error", err)
			return nil
		}
		return err
	}
	// Live lines and the history come over connections of their own.
	healthy := func(ctx context.Context) error { return errors.Join(broker.Healthy(), broker.Ping(ctx)) }
	return &upstream{
		Broker: broker, name: "redis",
		sessions: broker.Sessions(), notices: broker.Notices(), uses: broker.TokenUses(),
		arrive: arrive, probes: []server.Probe{{Name: "broker", Check: healthy}}, close: broker.Close,
	}, nil
}
