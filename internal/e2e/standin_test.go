package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A standIn takes lines as a gateway does, and can lose what it has taken.
type standIn struct {
	*httptest.Server
	mu       sync.Mutex
	channels map[string]*taken // by the request's query
	requests int
	fault    func(request int) bool // whether a request's answer is lost
	status   func(request int) int  // a refusal before anything is taken, or 0
	faulty   []string               // of the protocol
}

// A taken is what a standIn has of one channel.
type taken struct {
	numbers map[string]uint64 // by producer
	lines   []string          // messages
	claims  []string          // each request's Producer-After
}

func newStandIn(t *testing.T) *standIn {
	g := &standIn{channels: make(map[string]*taken), fault: func(int) bool { return false }, status: func(int) int { return 0 }}
	g.Server = httptest.NewServer(http.HandlerFunc(g.take))
	t.Cleanup(func() {
		g.Close()
		for _, fault := range g.faulty {
			t.Error(fault)
		}
	})
	return g
}

// faulting sets which requests meet what.
func (g *standIn) faulting(fault func(request int) bool, status func(request int) int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault, g.status = fault, status
}

func (g *standIn) channel(query string) *taken {
	if g.channels[query] == nil {
		g.channels[query] = &taken{numbers: make(map[string]uint64)}
	}
	return g.channels[query]
}

// of returns what is taken of the channel of a query.
func (g *standIn) of(query string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.channel(query).lines...)
}

// lose forgets all that is taken, as a Redis without its data does.
func (g *standIn) lose() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.channels {
		c.numbers, c.lines = make(map[string]uint64), nil
	}
}

func (g *standIn) take(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests++
	if status := g.status(g.requests); status != 0 {
		http.Error(w, `{"error":"not now"}`, status)
		return
	}
	producer, c := r.Header.Get("Producer"), g.channel(r.URL.RawQuery)
	first, err := strconv.ParseUint(r.Header.Get("Producer-Seq"), 10, 64)
	if err != nil || producer == "" || r.URL.Path != "/api/v1/logs" || r.Header.Get("Authorization") != "Bearer llt_test" {
		g.faulty = append(g.faulty, fmt.Sprintf("%s %s: %v", r.Method, r.URL, r.Header))
	}
	c.claims = append(c.claims, r.Header.Get("Producer-After"))
	after, _, _ := strings.Cut(r.Header.Get("Producer-After"), ",")
	if claim, err := strconv.ParseUint(after, 10, 64); err != nil {
		g.faulty = append(g.faulty, "Producer-After: "+r.Header.Get("Producer-After"))
	} else if claim > c.numbers[producer] {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, `{"error":"lines are lost","channel":"x","after":%d}`, c.numbers[producer])
		return
	}
	accepted, duplicates, k := 0, 0, first
	scanner := bufio.NewScanner(r.Body)
	scanner.Buffer(nil, 1<<20)
	for ; scanner.Scan(); k++ {
		var record struct{ Message, Msg string }
		if err := json.Unmarshal(scanner.Bytes(), &record); err != nil {
			g.faulty = append(g.faulty, err.Error())
		}
		if accepted++; k <= c.numbers[producer] {
			duplicates++
			continue
		}
		c.numbers[producer] = k
		c.lines = append(c.lines, record.Message+record.Msg)
	}
	if g.fault(g.requests) {
		panic(http.ErrAbortHandler) // no answer comes
	}
	fmt.Fprintf(w, `{"accepted":%d,"rejected":[],"duplicates":%d,"after":"%d,0"}`, accepted, duplicates, c.numbers[producer])
}
