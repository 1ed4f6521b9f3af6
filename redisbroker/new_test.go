package redisbroker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct{ name, url, want string }{
		{"another scheme", "http://127.0.0.1", "invalid URL scheme"},
		{"no URL", "127.0.0.1:6379", "malformed"},
		{"database", "redis://127.0.0.1/x", "invalid database number"},
		{"control character", "redis://user:s3cret@host\x7f/", "malformed"},
		{"port", "redis://:s3cret@host:port/0", "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := redisbroker.New(redisbroker.Options{URL: c.url})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "redis://user:password@") {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
	if _, err := redisbroker.New(redisbroker.Options{URL: "redis://127.0.0.1", Retention: loglane.Retention{Lines: -1, TTL: 1}}); err == nil ||
		!strings.Contains(err.Error(), "history lines") || !strings.Contains(err.Error(), "history TTL") {
		t.Errorf("not all that is wrong is told: %v", err)
	}
}

func TestPing(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "right")
	for _, c := range []struct {
		name, url string
		check     func(error) bool
	}{
		{"right password", server.URL(), func(err error) bool { return err == nil }},
		{"wrong password", fmt.Sprintf("redis://:wrong@127.0.0.1:%d", server.Port), rejected},
		{"no password", fmt.Sprintf("redis://127.0.0.1:%d", server.Port), rejected},
		{"no such database", fmt.Sprintf("redis://:right@127.0.0.1:%d/99", server.Port), rejected},
		{"nobody there", "redis://127.0.0.1:1", func(err error) bool { return errors.Is(err, loglane.ErrUnavailable) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := redisbroker.New(redisbroker.Options{URL: c.url, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close(t.Context())
			if err := b.Ping(t.Context()); !c.check(err) {
				t.Errorf("%v", err)
			}
		})
	}
}

func rejected(err error) bool {
	var rejection *redisbroker.RejectedError
	return errors.As(err, &rejection) && strings.Contains(err.Error(), "--redis-url")
}
