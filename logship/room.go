package logship

import (
	"context"

	"github.com/loglane/loglane"
)

// awaitRoom returns when a line may enter its channel and, where wanted, the global one,
// when ctx has ended, or when no further record is taken. It gives the lock away
// meanwhile.
func (s *shipper) awaitRoom(ctx context.Context, l *line, channel string, global bool) {
	for !s.closed && (s.full(channel, l) || global && s.full(loglane.GlobalChannel, l)) {
		if s.room == nil {
			s.room = make(chan struct{})
		}
		room := s.room
		s.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			return
		}
	}
}

func (s *shipper) full(channel string, l *line) bool {
	return s.fullFor(s.queues[channel], l) != ""
}

// makeRoom wakes those who wait for room.
func (s *shipper) makeRoom() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}
