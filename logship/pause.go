package logship

import (
	"math/rand/v2"
	"time"
)

const (
	firstPause = 250 * time.Millisecond
	lastPause  = 5 * time.Second
)

// A pause spreads tries with full jitter, from 250 ms up to 5 s. The zero value is ready.
type pause struct{ bound time.Duration }

// next returns a random part of the bound, which doubles.
func (p *pause) next() time.Duration {
	p.bound = min(max(2*p.bound, firstPause), lastPause)
	return rand.N(p.bound) + time.Millisecond
}

func (p *pause) reset() { p.bound = 0 }

// failing says whether the last try went wrong.
func (p *pause) failing() bool { return p.bound > 0 }
