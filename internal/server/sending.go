package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/door"
)

// IngestLimits bound what comes in over HTTP; 0 is without limit, but where a default is
// named.
type IngestLimits struct {
	BytesPerSecond int // of a token, decompressed
	LinesPerSecond int // of a token
	Memory         int // bytes of all bodies that are read at once; default 8 times those of the longest
	Requests       int // at work at once; default 16
	PerToken       int // of them, those of one token; default 8
	NewChannels    int // of a token a minute, after a burst of a thousand
	NewProducers   int // of a token a minute, after as large a burst
}

const (
	defaultRequests         = 16
	defaultRequestsPerToken = 8

	// leastBodies is how many of the longest bodies must go into the memory, so that a token's
	// share has room for one, and it may be compressed.
	leastBodies   = 8
	ingestBurst   = 2 // seconds' worth
	newNamesBurst = maxIngestChannels
)

// LeastIngestMemory is the least [IngestLimits.Memory] with bodies of at most so many bytes.
func LeastIngestMemory(maxBody int) int { return leastBodies * maxBody }

func (l *IngestLimits) complete(maxBody int) {
	l.Requests = cmp.Or(l.Requests, defaultRequests)
	l.PerToken = cmp.Or(l.PerToken, defaultRequestsPerToken)
	l.Memory = max(l.Memory, LeastIngestMemory(maxBody))
}

// sending counts what each token sends.
type sending struct {
	limits    IngestLimits
	bytes     *rates[string]
	lines     *rates[string]
	channels  *rates[string]
	producers *rates[string]

	known names // channels
	runs  names // producers, with their tokens
}

func newSending(limits IngestLimits) *sending {
	return &sending{
		limits:    limits,
		bytes:     newRates[string](float64(limits.BytesPerSecond), ingestBurst*float64(limits.BytesPerSecond)),
		lines:     newRates[string](float64(limits.LinesPerSecond), ingestBurst*float64(limits.LinesPerSecond)),
		channels:  newRates[string](float64(limits.NewChannels)/60, newNamesBurst),
		producers: newRates[string](float64(limits.NewProducers)/60, newNamesBurst),
	}
}

// mayBegin says whether a token may send now: not while it owes for what it has sent.
func (s *sending) mayBegin(token string, sender *producer) error {
	if wait := s.bytes.owes(token); wait > 0 {
		return tooMuchSent("bytes", s.limits.BytesPerSecond, "max-ingest-bytes-per-second", wait)
	}
	if wait := s.lines.owes(token); wait > 0 {
		return tooMuchSent("lines", s.limits.LinesPerSecond, "max-ingest-lines-per-second", wait)
	}
	if sender == nil || s.producers == nil {
		return nil
	}
	run := token + "\x00" + sender.name
	if s.runs.has(run) {
		return nil
	}
	if wait := s.producers.take(token, 1); wait > 0 {
		return &loglane.StatusError{
			Code:       http.StatusTooManyRequests,
			Message:    fmt.Sprintf("this token names too many producers: at most %d new ones a minute are taken (max-new-producers-per-minute): keep the %s of one start of the sender", s.limits.NewProducers, producerHeader),
			RetryAfter: later(wait), Limit: "max-new-producers-per-minute",
		}
	}
	s.runs.add(run)
	return nil
}

// read counts the bytes of a body, and gathered its lines: also where they are not stored,
// for they were worked on.
func (s *sending) read(token string, bytes int)     { s.bytes.charge(token, bytes) }
func (s *sending) gathered(token string, lines int) { s.lines.charge(token, lines) }

// mayName says whether a token may write to channels, of which not too many are new. Those
// that exist are asked for where the token's burst is used up.
func (s *sending) mayName(ctx context.Context, token string, channels map[string]door.Pass, exists func(context.Context, door.Pass) (bool, error)) error {
	if s.channels == nil {
		return nil
	}
	var fresh []string
	for channel := range channels {
		if !s.known.has(channel) {
			fresh = append(fresh, channel)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	wait := s.channels.take(token, len(fresh))
	if wait > 0 {
		old := 0
		for _, channel := range fresh {
			found, err := exists(ctx, channels[channel])
			if err != nil {
				return err
			}
			if found {
				s.known.add(channel)
				old++
			}
		}
		wait = s.channels.take(token, len(fresh)-old)
	}
	if wait > 0 {
		return &loglane.StatusError{
			Code:       http.StatusTooManyRequests,
			Message:    fmt.Sprintf("this token names too many channels that have no lines yet: at most %d new ones a minute are made (max-new-channels-per-minute): nothing was stored, send it again later", s.limits.NewChannels),
			RetryAfter: later(wait), Limit: "max-new-channels-per-minute",
		}
	}
	for _, channel := range fresh {
		s.known.add(channel)
	}
	return nil
}

// exists says whether the broker knows a channel.
func (s *Server) exists(ctx context.Context, pass door.Pass) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, appendTime)
	defer cancel()
	found, err := s.door.Exists(ctx, pass)
	if err != nil {
		return false, away("the broker cannot be reached")
	}
	return found, nil
}

func tooMuchSent(of string, limit int, setting string, wait time.Duration) error {
	return &loglane.StatusError{
		Code:       http.StatusTooManyRequests,
		Message:    fmt.Sprintf("this token sends too much: at most %d %s a second are taken (%s): nothing of this request was stored, send it again later", limit, of, setting),
		RetryAfter: later(wait), Limit: setting,
	}
}

// names are those met lately: at most twice as many as maxNames.
type names struct {
	mu         sync.Mutex
	now, older map[string]struct{}
}

const maxNames = 50_000

func (n *names) has(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, found := n.now[name]; found {
		return true
	}
	_, found := n.older[name]
	if found {
		n.keep(name)
	}
	return found
}

func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keep(name)
}

func (n *names) keep(name string) {
	if len(n.now) >= maxNames || n.now == nil {
		n.now, n.older = make(map[string]struct{}), n.now
	}
	n.now[name] = struct{}{}
}
