package redisbroker

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

// Notices carries short messages between gateways, at most once: who listens must also
// hold without them.
type Notices struct{ broker *Broker }

// Notices returns the broker's notices; they live as long as the broker.
func (b *Broker) Notices() *Notices { return &Notices{broker: b} }

// Notify sends a message to every gateway that listens, this one included.
func (n *Notices) Notify(ctx context.Context, message []byte) error {
	publish := func(b rueidis.Builder) rueidis.Completed {
		return b.Arbitrary(n.broker.layout.publish(), controlChannel, string(message)).Build()
	}
	if err := n.broker.do(ctx, controlChannel, publish).Error(); err != nil {
		return unavailable(err)
	}
	return nil
}

// Listen calls receive with every message, and with nil where messages may have been
// missed. receive must neither block nor call the broker.
func (n *Notices) Listen(receive func(message []byte)) (stop func()) {
	return n.broker.subscriber.follow(controlChannel, func(event loglane.Event) {
		switch event.Kind {
		case loglane.Lines:
			for _, payload := range event.Payloads {
				receive(payload)
			}
		case loglane.Confirmed:
			receive(nil)
		}
	})
}
