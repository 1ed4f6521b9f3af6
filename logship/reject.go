package logship

import (
	"fmt"
	"log/slog"
)

// giveUp takes lines in flight that the sink will never take out of their queue, and puts
// their count into the channel. What is rejected of the handler's own notes is not noted
// again.
func (s *shipper) giveUp(q *queue, rejected []RejectedLine) {
	if len(rejected) == 0 {
		return
	}
	reasons := make(map[uint64]string, len(rejected))
	for _, r := range rejected {
		reasons[r.K] = r.Reason
	}
	left, n, first := q.acked, uint64(0), ""
	noted := false
	for _, e := range q.lines[q.acked : q.acked+q.flying] {
		reason, is := reasons[e.line.k]
		if !is {
			q.lines[left] = e
			left++
			continue
		}
		s.load.unwait(q, e.line)
		if n++; n == 1 {
			first = reason
		}
		noted = noted || !e.line.note
	}
	s.closeUp(q, left)
	s.stats.Rejected += n
	if n == 0 {
		return
	}
	if noted {
		s.pushNote(q, slog.LevelError, fmt.Sprintf("%s rejected and given up: %s", countLines(n), first))
	}
	s.tell(sinkRejects, slog.LevelError, "the sink rejects log lines, they are given up",
		"channel", q.channel, "lines", n, "reason", first)
}

// closeUp moves what is not in flight up to index left, where the flight ends now.
func (s *shipper) closeUp(q *queue, left int) {
	end := q.acked + q.flying
	moved := left + copy(q.lines[left:], q.lines[end:])
	clear(q.lines[moved:])
	q.lines = q.lines[:moved]
	q.flying = left - q.acked
}
