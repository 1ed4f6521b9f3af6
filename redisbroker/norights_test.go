package redisbroker_test

import (
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// Whoever gets hold of the gateway's Redis user has its keys and channels, and no others, nor
// the server.
func TestTheSmallestRightsAreNoMore(t *testing.T) {
	server := redistest.Start(t)
	server.MustDo("SET", "session:of-another-app", "secret")
	server.MustDo("XADD", "orders", "*", "data", "secret")
	option, err := rueidis.ParseURL(withUser(server, strings.Fields(redisbroker.ACL())...))
	if err != nil {
		t.Fatal(err)
	}
	option.DisableCache = true
	client, err := rueidis.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, command := range []string{
		"GET session:of-another-app",
		"SET session:of-another-app x",
		"DEL session:of-another-app",
		"XRANGE orders - +",
		"XADD orders * data x",
		"PUBLISH orders x",
		"PUBSUB CHANNELS",
		"KEYS *",
		"FLUSHALL",
		"FLUSHDB",
		"SWAPDB 0 1",
		"CONFIG GET *",
		"CONFIG SET dir /tmp",
		"ACL LIST",
		"ACL SETUSER loglane allkeys",
		"CLIENT LIST",
		"MONITOR",
		"SAVE",
		"SHUTDOWN NOSAVE",
		"REPLICAOF 127.0.0.1 1",
		"BGREWRITEAOF",
		"MODULE LIST",
		"MIGRATE 127.0.0.1 1 orders 0 1000",
		"RESTORE orders2 0 x",
		"DUMP orders",
		"FUNCTION LIST",
		"SLOWLOG GET",
	} {
		words := strings.Fields(command)
		err := client.Do(t.Context(), client.B().Arbitrary(words...).Build()).Error()
		if reply, answered := rueidis.IsRedisErr(err); !answered || !strings.HasPrefix(reply.Error(), "NOPERM") {
			t.Errorf("%s: %v, want NOPERM", command, err)
		}
	}
	for what, subscribe := range map[string]rueidis.Completed{
		"SUBSCRIBE orders": client.B().Subscribe().Channel("orders").Build(),
		"PSUBSCRIBE *":     client.B().Psubscribe().Pattern("*").Build(),
	} {
		if err := client.Receive(t.Context(), subscribe, func(rueidis.PubSubMessage) {}); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%s: %v, want NOPERM", what, err)
		}
	}
	// A script is judged by what it does.
	script := `return redis.call("GET", "session:of-another-app")`
	err = client.Do(t.Context(), client.B().Arbitrary("EVAL", script, "0").Build()).Error()
	if err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "can't access") && !strings.Contains(err.Error(), "permission") {
		t.Errorf("EVAL: %v", err)
	}
}
