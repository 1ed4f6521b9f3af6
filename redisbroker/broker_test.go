package redisbroker_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/brokertest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// quiet drops what brokers log of outages that tests make.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func open(t *testing.T, server *redistest.Server, opts redisbroker.Options) *redisbroker.Broker {
	t.Helper()
	opts.URL = server.URL()
	if opts.Logger == nil {
		opts.Logger = quiet()
	}
	b, err := redisbroker.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// subject is a broker on a real Redis, with redis commands for what other programs do.
type subject struct {
	*redisbroker.Broker
	t      *testing.T
	server *redistest.Server
}

func (s subject) Publish(channel string, payload []byte) {
	s.server.MustDo("PUBLISH", channel, string(payload))
}

func (s subject) Store(channel string, data []byte) loglane.ID {
	field, value := "data", string(data)
	if data == nil {
		field, value = "other", "x"
	}
	id, err := loglane.ParseID(s.server.MustDo("XADD", "stream:"+channel, "*", field, value))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s subject) EvictStream(channel string) { s.server.MustDo("DEL", "stream:"+channel) }

func (s subject) EvictMeta(channel string) { s.server.MustDo("DEL", "loglane:meta:{"+channel+"}") }

func (s subject) ForgetProducers(channel string) {
	s.server.MustDo("EVAL", forgetProducers, "1", "loglane:meta:{"+channel+"}")
}

// forgetProducers is a script that takes all producers out of a meta.
const forgetProducers = `for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 2) == 'p:' then redis.call('HDEL', KEYS[1], field) end
end return 1`

func (s subject) Flush(channel string) {
	s.server.MustDo("DEL", "stream:"+channel, "loglane:meta:{"+channel+"}")
}

func TestBroker(t *testing.T) {
	server := redistest.Start(t)
	brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
		return subject{Broker: open(t, server, redisbroker.Options{Retention: opts.Retention}), t: t, server: server}
	})
}
