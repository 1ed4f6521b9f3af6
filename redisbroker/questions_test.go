package redisbroker_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/loglane/loglane/redisbroker"
)

// Connections look for their server at any time, also while and after the broker is closed.
func TestQuestionsEndWhileOthersBegin(t *testing.T) {
	for range 1000 {
		var q redisbroker.Questions
		var asking sync.WaitGroup
		var under atomic.Int32
		first := make(chan struct{}, 4)
		for range 4 {
			asking.Go(func() {
				ask := func() {
					under.Add(1)
					first <- struct{}{}
					under.Add(-1)
				}
				for q.Begin(ask) {
					<-first
				}
			})
		}
		q.End()
		if n := under.Load(); n != 0 {
			t.Fatalf("%d questions are under way after the end", n)
		}
		asking.Wait()
	}
}
