package logship

import "time"

// A line is one record under way, shared by the channels that it goes to.
type line struct {
	k       uint64
	record  []byte
	note    bool // the handler's own
	waiting int  // in how many queues it is not yet acknowledged
	kept    int  // in how many it is acknowledged and kept for sending it again
}

// lineOverhead is what a waiting line costs beside its record, about.
const lineOverhead = 128

func (l *line) size() int { return len(l.record) + lineOverhead }

// An entry is a line's place in one queue.
type entry struct {
	line  *line
	acked time.Duration // when it was acknowledged, of a kept one
	round uint64        // by which of the queue's batches
}

// A load is what lines of all queues hold in memory, each line counted once.
type load struct {
	waiting int // bytes of lines that wait
	kept    int // bytes of records that are kept
}

func (m *load) wait(q *queue, l *line) {
	if l.waiting++; l.waiting == 1 {
		m.waiting += l.size()
	}
	q.bytes += l.size()
}

func (m *load) unwait(q *queue, l *line) {
	if l.waiting--; l.waiting == 0 {
		m.waiting -= l.size()
	}
	q.bytes -= l.size()
}

func (m *load) keep(l *line) {
	if l.kept++; l.kept == 1 {
		m.kept += len(l.record)
	}
}

func (m *load) unkeep(l *line) {
	if l.kept--; l.kept == 0 {
		m.kept -= len(l.record)
	}
}
