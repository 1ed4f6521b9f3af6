package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

const (
	// maxUnpacks bounds the bodies that are decompressed at once: a few bytes may demand a
	// window and a body of 8 MiB each. As nothing is waited for meanwhile, a turn is short.
	maxUnpacks = 2

	// turnTime is how long a request waits for its turn.
	turnTime = 5 * time.Second

	turnRetry = time.Second
)

// senders bound the requests with lines that are at work at once.
type senders struct {
	tokens, producers, unpacks *turns
	working                    *queue
}

func newSenders(limits IngestLimits) *senders {
	return &senders{
		tokens:    newTurns(limits.PerToken, "requests of this token at once", "max-ingest-requests-per-token"),
		producers: newTurns(1, "request of this producer at once", ""),
		unpacks:   newTurns(maxUnpacks, "compressed requests at once", ""),
		working: &queue{
			places: limits.Requests, each: min(limits.PerToken, limits.Requests), wait: turnTime,
			full: func() error {
				return tooManyAtOnce(limits.Requests, "requests with lines at once", "max-ingest-requests")
			},
		},
	}
}

// admit waits for one of the token's places, which are also those of slow bodies.
func (s *senders) admit(ctx context.Context, token string) (release func(), err error) {
	return s.tokens.take(ctx, token)
}

// work waits until lines that have been read may be judged and stored.
func (s *senders) work(ctx context.Context, token string) (release func(), err error) {
	return s.working.take(ctx, token)
}

// unpack waits until a body may be decompressed.
func (s *senders) unpack(ctx context.Context) (release func(), err error) {
	return s.unpacks.take(ctx, "")
}

// turn waits for a producer's request before, so that numbers do not overtake each other.
func (s *senders) turn(ctx context.Context, producer string) (release func(), err error) {
	return s.producers.take(ctx, producer)
}

// turns let few holders of one key go on at once; the others wait.
type turns struct {
	each    int
	what    string // of which there are each
	setting string // that says how many; "" is none

	mu   sync.Mutex
	keys map[string]*places
}

type places struct {
	free  chan struct{}
	users int // who hold one or wait for one
}

func newTurns(each int, what, setting string) *turns {
	return &turns{each: each, what: what, setting: setting, keys: make(map[string]*places)}
}

// take waits at most [turnTime], and then fails with code 429.
func (t *turns) take(ctx context.Context, key string) (release func(), err error) {
	p := t.join(key)
	timeout := time.NewTimer(turnTime)
	defer timeout.Stop()
	select {
	case p.free <- struct{}{}:
		return func() {
			<-p.free
			t.leave(key, p)
		}, nil
	case <-ctx.Done():
	case <-timeout.C:
	}
	t.leave(key, p)
	return nil, tooManyAtOnce(t.each, t.what, t.setting)
}

func tooManyAtOnce(limit int, what, setting string) error {
	names := ""
	if setting != "" {
		names = " (" + setting + ")"
	}
	return &loglane.StatusError{
		Code:       http.StatusTooManyRequests,
		Message:    fmt.Sprintf("too many requests: the limit is %d %s%s", limit, what, names),
		RetryAfter: turnRetry, Limit: setting,
	}
}

func (t *turns) join(key string) *places {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.keys[key]
	if p == nil {
		p = &places{free: make(chan struct{}, t.each)}
		t.keys[key] = p
	}
	p.users++
	return p
}

func (t *turns) leave(key string, p *places) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.users--; p.users == 0 {
		delete(t.keys, key)
	}
}
