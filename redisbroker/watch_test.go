package redisbroker_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// TestADeniedHistoryHidesNoOther follows a channel whose history the user has no right to: an entry
// of another channel that nobody rang for is reported all the same.
func TestADeniedHistoryHidesNoOther(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.MustDo("ACL", "SETUSER", "gateway", "on", ">secret", "+@all", "&*", "~stream:logs:User.*", "~loglane:*")
	broker := openURL(t, server.UserURL("gateway", "secret"), redisbroker.Options{})
	t.Cleanup(broker.Follow("logs:global", func(loglane.Event) {}))
	events := followed(t, broker)
	server.MustDo("XADD", "stream:"+alice, "*", "data", "nobody rings")
	awaitEvent(t, events, loglane.Broken, healedWithin)
}

// pid is a server's process.
func pid(t *testing.T, server *redistest.Server) int {
	t.Helper()
	for line := range strings.Lines(server.MustDo("INFO", "server")) {
		if text, found := strings.CutPrefix(strings.TrimSpace(line), "process_id:"); found {
			pid, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal("it does not tell its process_id")
	return 0
}

// TestAHungMasterHoldsUpNoOther stops one master of a cluster, before anybody calls it down: what
// nobody rang for at the others is found as soon as ever.
func TestAHungMasterHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, "--cluster-node-timeout", "60000", "--cluster-require-full-coverage", "no")
	broker := openURL(t, cluster.URL(), redisbroker.Options{})
	const channels, silent = 600, 30
	var confirmed sync.WaitGroup
	confirmed.Add(channels)
	found := make([]chan struct{}, channels)
	name := func(i int) string { return fmt.Sprintf("logs:User.u%d", i) }
	for i := range channels {
		found[i] = make(chan struct{})
		var once, found1 sync.Once
		t.Cleanup(broker.Follow(name(i), func(event loglane.Event) {
			switch {
			case event.Kind == loglane.Confirmed:
				once.Do(confirmed.Done)
			case event.Kind == loglane.Broken && event.Err == nil:
				found1.Do(func() { close(found[i]) })
			}
		}))
	}
	confirmed.Wait()
	hung := cluster.Owner(name(0))
	owners := make([]*redistest.Server, silent)
	for i := range owners {
		owners[i] = cluster.Owner(name(i))
	}
	process := pid(t, hung)
	if err := syscall.Kill(process, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(process, syscall.SIGCONT) }) // it was started by this test
	<-time.After(time.Second)
	for i, owner := range owners {
		if owner != hung {
			owner.MustDo("XADD", "stream:{"+name(i)+"}", "*", "data", "nobody rings")
		}
	}
	deadline := time.After(healedWithin + time.Second) // for it to be stored
	for i, owner := range owners {
		if owner == hung {
			continue
		}
		select {
		case <-found[i]:
		case <-deadline:
			t.Fatalf("what was stored for channel %d is not found in time", i)
		}
	}
}
