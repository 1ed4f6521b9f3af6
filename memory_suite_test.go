package loglane_test

import (
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/brokertest"
)

type memorySubject struct{ *loglane.MemoryBroker }

func (s memorySubject) Publish(channel string, payload []byte) { s.PublishForeign(channel, payload) }

func (s memorySubject) Store(channel string, data []byte) loglane.ID {
	return s.StoreForeign(channel, data)
}

func TestMemoryBroker(t *testing.T) {
	brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
		b, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: opts.Retention})
		if err != nil {
			t.Fatal(err)
		}
		return memorySubject{b}
	})
}
