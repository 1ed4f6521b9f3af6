package loglane_test

import (
	"testing"

	"github.com/loglane/loglane"
)

// A rewritten history is read from where the lines begin that are known again: how much
// stands before them costs nothing, for on its way through the oldest entries a read is
// overtaken by their trimming.
func TestARewindLeapsOverWhatWasHad(t *testing.T) {
	onStage(t, stageOptions{retention: loglane.Retention{Lines: 10_000, Bytes: 1 << 30}}, func(s *stage) {
		s.append(numbered("line", 1, 6000)...)
		v := s.open("backlog=1")
		v.wantMore("retry", "line 6000#")
		before := s.hub.Stats().Reads
		rewritten := false
		s.broker.set(func(b *faultyBroker) {
			b.onRead = func(page *loglane.Page) {
				if rewritten {
					return
				}
				rewritten = true
				oldest, err := b.MemoryBroker.Read(t.Context(), aliceChannel, loglane.Oldest(), 256)
				if err != nil {
					t.Error(err)
				}
				oldest.Status, oldest.Missed = loglane.StatusRewritten, -1
				*page = oldest
			}
		})
		end := s.broker.dropPayloads()
		s.append("new")
		end()
		s.broker.tell(loglane.Event{Kind: loglane.Broken})
		v.wantMore(`gap{"reason":"rewritten","missed":null}#start`, "#line 256", "#line 5000", "#line 5256", "#line 5512", "#line 5768", "new#")
		if reads := s.hub.Stats().Reads - before; reads > 8 {
			t.Errorf("%d reads", reads)
		}
		s.append("live")
		v.want("live#")
		s.open("last_event_id="+v.lastID()).want("retry", "#live")
	})
}
