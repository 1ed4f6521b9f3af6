package server

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/loglane/loglane"
)

// A producer is what a request says of itself, so that it can be sent again without
// harm.
type producer struct {
	name        string
	seq         uint64 // number of the request's first line
	after       uint64 // what it claims to be stored in its channel
	globalAfter uint64 // and in the global one
}

const (
	producerHeader = "Producer"
	seqHeader      = "Producer-Seq"
	afterHeader    = "Producer-After"
)

// readProducer reads the headers of a producer; nil where there is none. Its errors name
// the header.
func readProducer(header http.Header) (*producer, error) {
	malformed := func(name, why string) (*producer, error) {
		return nil, &loglane.StatusError{Code: http.StatusBadRequest, Message: name + ": " + why}
	}
	for _, name := range []string{producerHeader, seqHeader, afterHeader} {
		if len(header.Values(name)) > 1 {
			return malformed(name, "the header stands there more than once")
		}
	}
	name, seq, after := header.Get(producerHeader), header.Get(seqHeader), header.Get(afterHeader)
	if name == "" && seq == "" && after == "" {
		return nil, nil
	}
	if !loglane.ValidProducer(name) {
		return malformed(producerHeader, "take 1 to 64 of [0-9A-Za-z_-], new for each start of the sender")
	}
	p := &producer{name: name}
	var ok bool
	if p.seq, ok = number(seq); !ok || p.seq == 0 {
		return malformed(seqHeader, fmt.Sprintf("take the number of the first line, from 1 to %d", uint64(loglane.MaxNumber)))
	}
	if after == "" {
		return p, nil
	}
	own, global, _ := strings.Cut(after, ",")
	var globalOK bool
	p.after, ok = number(strings.TrimSpace(own))
	p.globalAfter, globalOK = number(strings.TrimSpace(global))
	if !ok || !globalOK {
		return malformed(afterHeader, "take two numbers such as 17,17, as the answer to the request before says them; 0,0 claims nothing")
	}
	return p, nil
}

// number reads digits up to the highest number of a line.
func number(digits string) (uint64, bool) {
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && n <= loglane.MaxNumber
}

// checkLast refuses numbers beyond the highest one.
func (p *producer) checkLast(lines int) error {
	if p.seq+uint64(max(lines, 1))-1 <= loglane.MaxNumber {
		return nil
	}
	return &loglane.StatusError{
		Code:    http.StatusBadRequest,
		Message: fmt.Sprintf("%s: the last line's number would be above %d: begin again with another %s", seqHeader, uint64(loglane.MaxNumber), producerHeader),
	}
}

func (p *producer) afterHeader() string { return afterText(p.after, p.globalAfter) }

func afterText(own, global uint64) string { return fmt.Sprintf("%d,%d", own, global) }

// brokerName is the producer's name with the broker. No two tokens share one, and a sender
// that counts each of its channels on its own does no harm in the global one.
func (p *producer) brokerName(token, channel string) string {
	sum := sha256.Sum256([]byte(token + "\x00" + p.name + "\x00" + channel))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
