package redisbroker

import (
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// askEvery is about how often Sentinels, or nodes of a cluster, are asked who is who;
	// each process has its own rhythm.
	askEvery   = time.Second
	askTimeout = 1500 * time.Millisecond
	// askGrace is how long the others are waited for once most have answered.
	askGrace = 100 * time.Millisecond
	// askReset is how long all must tell of an older state until they are believed:
	// somebody has set them up anew.
	askReset = 10 * time.Second
)

// A server is one of several, with a client of its own.
type server struct {
	addr   string // host:port
	option rueidis.ClientOption

	mu     sync.Mutex
	client rueidis.Client
	closed bool
}

func newServer(addr string, option rueidis.ClientOption) *server {
	option.InitAddress = []string{addr}
	return &server{addr: addr, option: option}
}

// connect makes the client when it is first needed; it connects again by itself, whenever
// it is asked for something.
func (s *server) connect() (rueidis.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, rueidis.ErrClosing
	case s.client != nil:
		return s.client, nil
	}
	client, err := rueidis.NewClient(s.option)
	if client == nil {
		return nil, err
	}
	s.client = client
	return client, nil
}

func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.client != nil {
		s.client.Close()
	}
}
