package demo

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

var (
	errRefused = errors.New("the card was refused")
	errTimeout = errors.New("payment provider: POST /v1/charges: deadline exceeded after 2s")
)

// A payment provider takes most cards, refuses some, and is down now and then.
type payments struct {
	mood func() float64 // from 0 to below 1
}

func newPayments() *payments { return &payments{mood: rand.Float64} }

// charge returns the provider's reference, or an error that is errRefused or errTimeout.
func (p *payments) charge(amount Cents) (reference string, err error) {
	switch mood := p.mood(); {
	case mood < 0.07:
		return "", errTimeout
	case mood < 0.25:
		return "", fmt.Errorf("%w for %v", errRefused, amount)
	}
	return fmt.Sprintf("ch_%08x", rand.Uint32()), nil
}
