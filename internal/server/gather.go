package server

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/audit"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/door"
	"github.com/loglane/loglane/internal/ingest"
)

// Limits of one request.
const (
	maxIngestLines    = 100_000
	maxIngestChannels = 1_000
	maxListed         = 1_000 // rejected lines that the answer tells of
)

// gathered is what a body has: nothing of it is stored yet.
type gathered struct {
	lines    []sentLine
	passes   map[string]door.Pass // by the channels that the lines go to
	rejected []rejection
	unlisted int
	closed   closed
	last     int // number of the last line
}

// A sentLine is a line that may go into its channel.
type sentLine struct {
	number  int // in the body, from 1
	channel string
	data    []byte
}

// writable is the channel that the query names and that the principal may write to; ""
// where the query names none and the lines do. A session writes nothing, so that another
// site's page cannot either.
func (s *Server) writable(p *auth.Principal, r *http.Request) (door.Pass, error) {
	if p.Token == "" || len(p.Writes) == 0 {
		return s.door.Authorize(p, "", auth.Write)
	}
	asked := s.asked(r.URL.Query())
	var pass door.Pass
	for _, a := range asked {
		var err error
		if pass, err = s.door.Authorize(p, a.channel, auth.Write); err != nil {
			s.note(r, p, a, audit.Entry{Action: "write", Outcome: audit.Refused, Reason: reasonOf(err)})
			return door.Pass{}, err
		}
	}
	if len(asked) == 0 {
		return door.Pass{}, nil
	}
	return pass, onlyOne(asked)
}

// gather judges each line: pass is for the channel where all go, none where each names its
// own.
func (s *Server) gather(r *http.Request, p *auth.Principal, pass door.Pass, content ingest.Content, body []byte) (*gathered, error) {
	channel := pass.Channel()
	if channel == "" && content.Kind == ingest.Text {
		return nil, &loglane.StatusError{
			Code:    http.StatusBadRequest,
			Message: "lines of text name no channel: add ?user=NAME or ?channel=CONTEXT, or send NDJSON as Content-Type: application/x-ndjson",
		}
	}
	g := &gathered{passes: make(map[string]door.Pass)}
	defer func() { s.noteClosed(r, p, &g.closed) }()
	if channel != "" {
		g.passes[channel] = pass
	}
	for record := range content.Records(body) {
		if g.last = record.Line; g.last > maxIngestLines {
			return nil, tooMuch("lines", maxIngestLines)
		}
		own, err := pass, record.Err
		if err == nil && channel == "" {
			own, err = s.named(p, record.Data, &g.closed)
		}
		if err != nil {
			g.reject(record.Line, err)
			continue
		}
		if g.passes[own.Channel()] = own; len(g.passes) > maxIngestChannels {
			return nil, tooMuch("channels", maxIngestChannels)
		}
		g.lines = append(g.lines, sentLine{number: record.Line, channel: own.Channel(), data: record.Data})
	}
	return g, nil
}

func tooMuch(of string, limit int) error {
	return &loglane.StatusError{
		Code:    http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("the request has more than %d %s: send less at once", limit, of),
	}
}

var errUnnamed = errors.New("it names no channel: add ?user=NAME or ?channel=CONTEXT to the URL, or a member user or context to the record")

// named is the pass for the channel that a record names. A context says more than a user
// does.
func (s *Server) named(p *auth.Principal, record []byte, closed *closed) (door.Pass, error) {
	names, err := ingest.ReadNames(record)
	var channel string
	switch {
	case err != nil:
		return door.Pass{}, err
	case names.Context != "":
		channel, err = loglane.ChannelName(names.Context)
	case names.User != "":
		channel, err = s.opts.Template.Channel(names.User)
		if err != nil {
			err = fmt.Errorf("user: %w", err)
		}
	default:
		err = errUnnamed
	}
	if err != nil {
		return door.Pass{}, err
	}
	pass, err := s.door.Authorize(p, channel, auth.Write)
	if err != nil {
		closed.add(channel, err)
	}
	return pass, err
}

func (g *gathered) reject(line int, err error) {
	if len(g.rejected) == maxListed {
		g.unlisted++
		return
	}
	g.rejected = append(g.rejected, rejection{Line: line, Error: err.Error()})
}

// only is the one channel that all lines go to; "" where there is none.
func (g *gathered) only() (channel string, err error) {
	for name := range g.passes {
		channel = name
	}
	if len(g.passes) > 1 {
		return "", &loglane.StatusError{Code: http.StatusBadRequest, Message: producerHeader + ": the lines of such a request go to one channel, and these name several"}
	}
	return channel, nil
}

// answer tells what became of all lines. duplicates and after are of a producer; after is
// "" where there is none.
func (g *gathered) answer(duplicates int, after string) *ingested {
	answer := &ingested{Accepted: len(g.lines), Rejected: g.rejected, Unlisted: g.unlisted, After: after}
	if answer.Rejected == nil {
		answer.Rejected = []rejection{}
	}
	if after != "" {
		answer.Duplicates = &duplicates
	}
	return answer
}
