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
		{"another scheme", "http://s3cret@127.0.0.1", "begins with none of redis://"},
		{"no URL", "127.0.0.1:6379", "begins with none of redis://"},
		{"another program's way", "127.0.0.1:1,password=s3cret", "begins with none of redis://"},
		{"the same as a URL", "redis://127.0.0.1,password=s3cret", "its host is none"},
		{"no slashes", "redis:s3cret@127.0.0.1", "begins with none of redis://"},
		{"database", "redis://127.0.0.1/s3cret", "its database number is none"},
		{"control character", "redis://user:s3cret@host\x7f/", "its host, its port"},
		{"port", "redis://:s3cret@host:port/0", "its host, its port"},
		{"no such port", "redis://:s3cret@host:65536/0", "its port is not a number from 1 to 65535"},
		{"password in the port's place", "redis://:s3cret", "its host, its port"},
		{"slash in the password", "redis://user:12/34s3cret@host/0", "a /, ? or # where none can be"},
		{"question mark in the password", "redis://user:12?34s3cret@host/0", "a /, ? or # where none can be"},
		{"hash in the password", "redis://user:12#34s3cret@host/0", "a /, ? or # where none can be"},
		{"escape in the password", "redis://user:s3cret%zz@host/0", "its host, its port or an escape"},
		{"parameter", "redis://127.0.0.1?db=s3cret", "a parameter after its ?"},
		{"slash in the password before a socket", "unix://user:12/34s3cret@/run/redis.sock", "it has no path of a socket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := redisbroker.New(redisbroker.Options{URL: c.url})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "redis://user:password@") {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the password: %v", err)
			}
			if shown := redisbroker.Redacted(c.url); shown != "(not shown)" {
				t.Errorf("%s is shown", shown)
			}
		})
	}
	if _, err := redisbroker.New(redisbroker.Options{URL: "redis://127.0.0.1", Retention: loglane.Retention{Lines: -1, TTL: 1}}); err == nil ||
		!strings.Contains(err.Error(), "history lines") || !strings.Contains(err.Error(), "history TTL") {
		t.Errorf("not all that is wrong is told: %v", err)
	}
}

func TestOnlyTheHarmlessPartsOfAURLAreShown(t *testing.T) {
	for url, want := range map[string]string{
		"redis://127.0.0.1:6379/1":                    "redis://127.0.0.1:6379/1",
		"rediss://user:s3cret@redis_1.example.com":    "rediss://redis_1.example.com",
		"redis://s3cret@host/0":                       "redis://host/0",
		"redis://host/0?password=s3cret":              "redis://host/0",
		"REDIS://:s3cret@[::1]:7000/15?client_name=x": "redis://[::1]:7000/15",
		"unix://:s3cret@/run/redis@1.sock?db=1":       "unix://",
		"redis://:1234":                               "(not shown)",
	} {
		if got := redisbroker.Redacted(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}

func TestPing(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "right")
	for _, c := range []struct {
		name, url string
		check     func(error) bool
	}{
		{"right password", server.URL(), func(err error) bool { return err == nil }},
		{"a slash and no database", fmt.Sprintf("redis://:right@127.0.0.1:%d/", server.Port), func(err error) bool { return err == nil }},
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
