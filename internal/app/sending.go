package app

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// Bounds of --max-ingest-bytes: several bodies are in memory at once.
const (
	leastIngestBytes = 64 << 10
	mostIngestBytes  = 256 << 20
)

func (s *Sending) check() error {
	_, err := s.copies()
	if s.MaxIngestBytes < leastIngestBytes || s.MaxIngestBytes > mostIngestBytes {
		err = errors.Join(err, Wrong("max-ingest-bytes", strconv.Itoa(s.MaxIngestBytes),
			fmt.Sprintf("it must be from %d to %d", leastIngestBytes, mostIngestBytes)))
	}
	return err
}

// copies is the level from which lines go to the global channel too, as the server takes
// it.
func (s *Sending) copies() (*loglane.Level, error) {
	switch s.Global {
	case "on":
		return nil, nil
	case "off":
		off := server.GlobalOff
		return &off, nil
	}
	level, err := loglane.ParseLevel(s.Global)
	if err != nil {
		return nil, Wrong("global", s.Global, "it is none of on, off and the levels such as info or warning")
	}
	return &level, nil
}
