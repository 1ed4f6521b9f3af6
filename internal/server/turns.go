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
	// maxSends bounds the requests with lines whose bodies are in memory at once.
	maxSends         = 16
	maxSendsPerToken = 8

	// maxUnpacks bounds the bodies that are decompressed at once: a few bytes may demand a
	// window and a body of 8 MiB each. As nothing is waited for meanwhile, a turn is short.
	maxUnpacks = 2

	// turnTime is how long a request waits for its turn.
	turnTime = 5 * time.Second

	turnRetry = time.Second
)

// senders bound the requests with lines that are at work at once.
type senders struct {
	all, tokens, producers, unpacks *turns
}

func newSenders() *senders {
	return &senders{all: newTurns(maxSends), tokens: newTurns(maxSendsPerToken), producers: newTurns(1), unpacks: newTurns(maxUnpacks)}
}

// admit waits for a place of the token's and one of the gateway's.
func (s *senders) admit(ctx context.Context, token string) (release func(), err error) {
	ofToken, err := s.tokens.take(ctx, token, "requests of this token at once")
	if err != nil {
		return nil, err
	}
	ofAll, err := s.all.take(ctx, "", "requests with lines at once")
	if err != nil {
		ofToken()
		return nil, err
	}
	return func() {
		ofAll()
		ofToken()
	}, nil
}

// unpack waits until a body may be decompressed.
func (s *senders) unpack(ctx context.Context) (release func(), err error) {
	return s.unpacks.take(ctx, "", "compressed requests at once")
}

// turn waits for a producer's request before, so that numbers do not overtake each other.
func (s *senders) turn(ctx context.Context, producer string) (release func(), err error) {
	return s.producers.take(ctx, producer, "request of this producer at once")
}

// turns let few holders of one key go on at once; the others wait.
type turns struct {
	each int

	mu   sync.Mutex
	keys map[string]*places
}

type places struct {
	free  chan struct{}
	users int // who hold one or wait for one
}

func newTurns(each int) *turns {
	return &turns{each: each, keys: make(map[string]*places)}
}

// take waits at most [turnTime], and then fails with code 429.
func (t *turns) take(ctx context.Context, key, what string) (release func(), err error) {
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
	return nil, &loglane.StatusError{
		Code:       http.StatusTooManyRequests,
		Message:    fmt.Sprintf("too many requests: the limit is %d %s", t.each, what),
		RetryAfter: turnRetry,
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
