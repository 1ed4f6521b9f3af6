package redisbroker_test

import (
	"fmt"
	"testing"

	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// Other keys and 10,000 channels are no burden: no step of the search keeps Redis busy for
// long.
func TestListOfManyChannels(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	server.MustDo("EVAL", `
		for i = 1, 10000 do
			redis.call('XADD', string.format('stream:logs:User.%05d', i), '*', 'data', string.rep('x', 500))
			redis.call('SET', 'other:' .. i, i)
		end
		redis.call('SET', 'stream:logs:User.text', 'no stream')
		redis.call('XADD', 'stream:logs:not a name', '*', 'data', 'x')
		redis.call('XADD', 'stream:else', '*', 'data', 'x')`, "0")
	server.MustDo("CONFIG", "SET", "slowlog-log-slower-than", "100000")
	server.MustDo("SLOWLOG", "RESET")
	for _, c := range []struct {
		prefix, first, last string
		limit, want         int
		more                bool
	}{
		{"logs:", "logs:User.00001", "logs:User.10000", 20_000, 10_000, false},
		{"logs:User.0", "logs:User.00001", "logs:User.00500", 500, 500, true},
		{"logs:User.100", "logs:User.10000", "logs:User.10000", 500, 1, false},
	} {
		list, more, err := b.List(t.Context(), c.prefix, c.limit)
		if err != nil || len(list) != c.want || more != c.more {
			t.Fatalf("%s: %d channels, more %v, %v; want %d, %v", c.prefix, len(list), more, err, c.want, c.more)
		}
		if got := fmt.Sprint(list[0].Channel, list[len(list)-1].Channel); got != fmt.Sprint(c.first, c.last) {
			t.Errorf("%s: %s, want %s to %s", c.prefix, got, c.first, c.last)
		}
	}
	if n := server.MustDo("SLOWLOG", "LEN"); n != "0" {
		t.Errorf("%s commands took 100 ms or more", n)
	}
}
