// Package brokertest is what every [loglane.Broker] must do, as a test suite.
//
// A broker's own tests open it and hand it over, with what the suite needs to play
// other programs:
//
//	func TestBroker(t *testing.T) {
//		brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
//			b := open(t, opts) // ends with t.Cleanup
//			return subject{b}
//		})
//	}
//
// Each case opens a broker of its own and has channels of its own, so that all may share
// one server, and all run in parallel: what the caller has set up must last until
// t.Cleanup. The suite runs in real time and waits for events, never for a while.
package brokertest

import (
	"testing"

	"github.com/loglane/loglane"
)

// Options are what a case needs of the broker that it opens. Zero members are defaults.
type Options struct {
	Retention loglane.Retention // of every channel but the global one
}

// A Subject is a broker under test and what other programs do to it.
type Subject interface {
	loglane.Broker

	// Publish reports a payload to followers and stores nothing.
	Publish(channel string, payload []byte)

	// Store stores an entry and reports nothing; nil is an entry without data.
	Store(channel string, data []byte) loglane.ID
}

// A StreamEvicter can take a channel's history away and leave its numbering, as an
// eviction or another program's DEL does. Cases that need it are skipped without it.
type StreamEvicter interface{ EvictStream(channel string) }

// A MetaEvicter can take a channel's numbering away and leave its history.
type MetaEvicter interface{ EvictMeta(channel string) }

// A ProducerForgetter can forget all producers' numbers of a channel.
type ProducerForgetter interface{ ForgetProducers(channel string) }

// A Flusher can take all of a channel away.
type Flusher interface{ Flush(channel string) }

type testCase struct {
	name string
	opts Options
	run  func(*fixture)
}

// Run holds a broker to the contract. open is called once a case, with the case's own t.
func Run(t *testing.T, open func(t *testing.T, opts Options) Subject) {
	groups := []struct {
		name  string
		cases []testCase
	}{
		{"append", appendCases},
		{"refusal", refusalCases},
		{"concurrent", concurrentCases},
		{"read", readCases},
		{"status", statusCases},
		{"loss", lossCases},
		{"foreign", foreignCases},
		{"retention", retentionCases},
		{"expiry", expiryCases},
		{"follow", followCases},
		{"join", joinCases},
		{"purge", purgeCases},
		{"list", listCases},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newFixture(t, open(t, c.opts)))
				})
			}
		})
	}
}
