package loglane

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// roomRetry is what a viewer waits for whom there is no channel left.
const roomRetry = 10 * time.Second

// enter gives a viewer a place in a channel's feed, which may be a fresh one. It fails with
// [ErrUnavailable] when the hub closes, and with a [*StatusError] where as many channels are
// watched as may be; those that nobody watches any more make room.
func (h *Hub) enter(channel string) (s *subscription, fresh bool, err error) {
	h.mu.Lock()
	for !h.closing && h.feeds[channel] == nil && h.opts.MaxChannels > 0 && len(h.feeds) >= h.opts.MaxChannels {
		f := h.unwatched()
		h.mu.Unlock()
		if f == nil {
			return nil, false, &StatusError{
				Code:    http.StatusServiceUnavailable,
				Message: fmt.Sprintf("this gateway follows %d channels already, which is as many as it may (max-channels)", h.opts.MaxChannels),
				Limit:   "max-channels", RetryAfter: roomRetry,
			}
		}
		h.unfollow(f)
		h.mu.Lock()
	}
	defer h.mu.Unlock()
	if h.closing {
		return nil, false, fmt.Errorf("%w: the gateway is shutting down", ErrUnavailable)
	}
	f := h.feeds[channel]
	if fresh = f == nil; fresh {
		f = newFeed(h, channel)
		h.feeds[channel] = f
	}
	s = &subscription{feed: f, woken: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs[s] = struct{}{}
	if f.lingers {
		f.linger.Stop()
		f.endLinger()
	}
	return s, fresh, nil
}

// unwatched is a feed that nobody watches, nil for none. The hub is locked.
func (h *Hub) unwatched() *feed {
	if h.lingering.Load() == 0 {
		return nil
	}
	for _, f := range h.feeds {
		f.mu.Lock()
		free := f.lingers && f.stop != nil && !f.closed
		f.mu.Unlock()
		if free {
			return f
		}
	}
	return nil
}

// Shed ends the n newest streams with a bye that names the reason, so that those beside
// them keep going. It returns how many there were to end.
func (h *Hub) Shed(n int, reason string) int {
	h.mu.Lock()
	all := make([]*stream, 0, len(h.streams))
	for st := range h.streams {
		all = append(all, st)
	}
	h.mu.Unlock()
	slices.SortFunc(all, func(a, b *stream) int { return cmp.Compare(b.number, a.number) })
	all = all[:min(max(n, 0), len(all))]
	for _, st := range all {
		st.end("bye", reason)
	}
	return len(all)
}
