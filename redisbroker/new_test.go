package redisbroker_test

import (
	"errors"
	"fmt"
	"net"
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
		{"further hosts of nothing", "redis://127.0.0.1?addr=s3cret:1", "its addr= needs master_set="},
		{"a further host that is none", "redis://127.0.0.1?cluster=1&addr=s3cret:x", "its addr= is no host:port"},
		{"a further host without its port", "redis://127.0.0.1?cluster=1&addr=s3cret:", "its addr= is no host:port"},
		{"a further host with more", "redis://127.0.0.1?cluster=1&addr=s3cret@host:1", "a /, ? or # where none can be"},
		{"a further host with more, escaped", "redis://127.0.0.1?cluster=1&addr=s3cret%40host:1", "its addr= is no host:port"},
		{"neither yes nor no", "redis://127.0.0.1?cluster=s3cret", "its cluster= is neither"},
		{"Sentinels of a cluster", "redis://127.0.0.1?cluster=true&master_set=s3cret", "it has master_set= of Sentinels and cluster=true"},
		{"no name", "redis://:s3cret@127.0.0.1?master_set=", "its master_set= has no name"},
		{"a database of a cluster", "redis://:s3cret@127.0.0.1/1?cluster=true", "a cluster has no database but 0"},
		{"a socket of a cluster", "unix://:s3cret@/run/redis.sock?cluster=true", "a socket is neither"},
		{"a password of no Sentinel", "redis://127.0.0.1?sentinel_password=s3cret", "needs master_set="},
		{"TLS parameters without TLS", "redis://:s3cret@127.0.0.1?ssl_ca_certs=s3cret", "need rediss://"},
		{"no file", "rediss://:s3cret@127.0.0.1?ssl_ca_certs=", "its ssl_ca_certs= names no file"},
		{"a key without a certificate", "rediss://:s3cret@127.0.0.1?ssl_keyfile=s3cret", "its ssl_keyfile= needs ssl_certfile="},
		{"a name that is none", "rediss://127.0.0.1?ssl_server_name=s3cret%2F", "its ssl_server_name= is no host name"},
		{"a misspelt parameter of TLS", "rediss://127.0.0.1?ssl_ca_cert=s3cret", "is none of ssl_ca_certs, ssl_certfile, ssl_keyfile, ssl_server_name"},
		{"two CAs", "rediss://127.0.0.1?ssl_ca_certs=s3cret&ssl_ca_certs=b", "is there twice"},
		{"certificates that are not verified", "rediss://:s3cret@127.0.0.1?ssl_cert_reqs=none", "certificates are always verified: leave ssl_cert_reqs= out"},
		{"names that are not verified", "rediss://:s3cret@127.0.0.1?ssl_check_hostname=false", "names are always verified"},
		{"nothing is verified", "rediss://:s3cret@127.0.0.1?skip_verify", "certificates are always verified: leave skip_verify= out"},
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
		"redis://127.0.0.1:6379/1":                                                           "redis://127.0.0.1:6379/1",
		"rediss://user:s3cret@redis_1.example.com":                                           "rediss://redis_1.example.com",
		"redis://s3cret@host/0":                                                              "redis://host/0",
		"redis://host/0?password=s3cret":                                                     "redis://host/0",
		"REDIS://:s3cret@[::1]:7000/15?client_name=x":                                        "redis://[::1]:7000/15",
		"unix://:s3cret@/run/redis@1.sock?db=1":                                              "unix://",
		"redis://:s3cret@a:7000?cluster=true&addr=b":                                         "redis://a:7000",
		"rediss://:s3cret@a/2?addr=b&addr=[::1]:26379&master_set=x&sentinel_password=s3cret": "rediss://a/2",
		"redis://:1234": "(not shown)",
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

func FuzzURL(f *testing.F) {
	for _, url := range []string{
		"redis://user:s3cret@127.0.0.1:6379/1", "rediss://:s3cret@a/2?addr=b&addr=[::1]:26379&master_set=x&sentinel_password=s3cret",
		"redis://a?cluster=true&addr=b:1", "rediss://:s3cret@a?ssl_ca_certs=s3cret&ssl_certfile=b&ssl_keyfile=c&ssl_server_name=d", "unix://:s3cret@/run/redis@1.sock?db=1", "redis://:s3cret@a?addr=%zz&cluster",
	} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		hosts, err := redisbroker.Hosts(url)
		if shown := redisbroker.Redacted(url); err != nil && (shown != "(not shown)" || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%q is refused with %q and shown as %s", url, err, shown)
		}
		for _, host := range hosts {
			if _, port, err := net.SplitHostPort(host); err != nil || port == "" || strings.ContainsAny(host, "/?#@ ") {
				t.Errorf("%q names the host %q", url, host)
			}
		}
	})
}
