package server_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// A fault is one row of the contract's table of answers, made to happen.
type fault struct {
	name    string
	setup   func(*setup)
	gateway func(*gateway)
	request func(*http.Request)
	query   string
	want    int
	not     []string // the faults that it cannot stand beside
}

// faults are in the order in which they are to be found.
var faults = []fault{
	{name: "method", request: func(r *http.Request) { r.Method = http.MethodPut }, want: 405},
	{name: "no login, a page wanted", request: func(r *http.Request) {
		r.Header.Del("Cookie")
		r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	}, want: 302},
	{name: "no login", request: func(r *http.Request) { r.Header.Del("Cookie") }, want: 401, not: []string{"no login, a page wanted"}},
	{name: "session store away", gateway: func(g *gateway) { g.store.setAway(true) }, want: 503},
	{name: "switched off", setup: func(s *setup) { s.StreamDisabled = true }, want: 200},
	{name: "another's channel", query: "&channel=User.bob", want: 403},
	{name: "malformed parameter", query: "&backlog=many", want: 400},
	{name: "too many streams", setup: func(s *setup) { s.Limits = server.Limits{Streams: 1} }, gateway: func(g *gateway) {
		g.as("adam").open("api/v1/stream")
	}, want: 429, not: []string{"switched off", "broker away"}},
	{name: "broker away", setup: func(s *setup) { s.broker = awayBroker{s.broker} }, want: 503},
}

// An awayBroker cannot be reached.
type awayBroker struct{ loglane.Broker }

func (awayBroker) Follow(_ string, emit func(loglane.Event)) (stop func()) {
	emit(loglane.Event{Kind: loglane.Broken, Err: errors.New("away")})
	return func() {}
}

func TestFaultsAreFoundInTheOrderOfTheContract(t *testing.T) {
	for i, first := range faults {
		checkFaults(t, first)
		for _, second := range faults[i+1:] {
			if !slices.Contains(first.not, second.name) && !slices.Contains(second.not, first.name) {
				checkFaults(t, first, second)
			}
		}
	}
}

// checkFaults has all the faults happen at once and wants the answer of the first.
func checkFaults(t *testing.T, all ...fault) {
	t.Helper()
	name := all[0].name
	for _, f := range all[1:] {
		name += " and " + f.name
	}
	t.Run(name, func(t *testing.T) {
		g := newGateway(t, func(s *setup) {
			for _, f := range all {
				if f.setup != nil {
					f.setup(s)
				}
			}
		})
		alice := g.as("alice")
		path := "api/v1/stream?"
		for _, f := range all {
			path += f.query
		}
		r := alice.request(http.MethodGet, path, nil)
		for _, f := range slices.Backward(all) { // a stream cannot open once the store is away
			if f.gateway != nil {
				f.gateway(g)
			}
			if f.request != nil {
				f.request(r)
			}
		}
		if got := alice.do(r); got.code != all[0].want {
			t.Errorf("%d %s, want %d", got.code, got.body, all[0].want)
		}
	})
}
