package logship

// Stats are the numbers of a [Handler]. A record that goes to two channels is two
// lines; over a [Gateway], which copies, it is one. The handler's own lines count too.
type Stats struct {
	Queued   int    // lines that no acknowledgement has come for yet
	Kept     int    // acknowledged lines that are kept for sending them again
	Channels int    // channels that have lines queued or kept
	Sent     uint64 // lines that were acknowledged; again, where the sink lost them
	Dropped  uint64 // lines that found the queue full, or the handler shut down
	Resent   uint64 // lines sent again after an error or a refusal
	Refused  uint64 // batches refused because the sink had lost what it acknowledged
	Lost     uint64 // the least number of lines that a refusal found lost and that were no longer kept
	Rejected uint64 // lines that the sink will never take, and that were given up
	Misnamed uint64 // records of users whose names cannot be channels
	Redacted uint64 // secrets taken out of records, see [Redaction]
}

func (s *shipper) statsNow() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Channels = len(s.queues)
	stats.Redacted = s.opts.redacted.Load()
	for _, q := range s.queues {
		stats.Queued += q.waiting()
		stats.Kept += q.acked
	}
	return stats
}
