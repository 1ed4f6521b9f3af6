package server_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// A gateway that has died is forgotten, one that is there is not; and what is told of
// channels has a bound.
func TestWatchersOfADeadGatewayAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		notices := auth.NewMemoryNotices()
		told := map[string]int{}
		w := server.NewWatchers(notices, func(channel string, n int) { told[channel] = n })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.Run(ctx)
		synctest.Wait()
		say := func(gateway, channel string, n int) {
			must(t, notices.Notify(ctx, fmt.Appendf(nil, `{"watch":{"gateway":%q,"channel":%q,"watchers":%d}}`, gateway, channel, n)))
			synctest.Wait()
		}
		say("dead", "logs:User.alice", 2)
		say("alive", "logs:User.alice", 1)
		if told["logs:User.alice"] != 3 {
			t.Errorf("told %v", told)
		}
		for range 5 {
			time.Sleep(30 * time.Second)
			say("alive", "logs:User.alice", 1)
		}
		if told["logs:User.alice"] != 1 {
			t.Errorf("after the other has died: %v", told)
		}
		for _, n := range []int{-1, -1 << 40} {
			say("liar", "logs:User.alice", n)
		}
		must(t, notices.Notify(ctx, []byte(`{"watch":7}`)))
		if told["logs:User.alice"] != 1 {
			t.Errorf("after lies: %v", told)
		}
		for i := range 11_000 {
			say("many", fmt.Sprint("logs:job_", i), 1)
		}
		if n := w.Channels(); n != 10_000 {
			t.Errorf("%d channels are counted", n)
		}
	})
}
