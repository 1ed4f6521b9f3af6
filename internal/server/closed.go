package server

import (
	"net/http"

	"github.com/loglane/loglane/internal/audit"
	"github.com/loglane/loglane/internal/auth"
)

// maxClosed bounds the channels that the audit names of one request.
const maxClosed = 10

// closed are the channels that lines of a request named and their token may not write to: an
// entry of the audit each, however many lines there are. The zero value is ready.
type closed struct {
	channels []refusedLines
	others   int64 // lines for channels beyond maxClosed
	reason   string
}

type refusedLines struct {
	channel, reason string
	lines           int64
}

func (c *closed) add(channel string, err error) {
	c.reason = reasonOf(err)
	for i := range c.channels {
		if c.channels[i].channel == channel {
			c.channels[i].lines++
			return
		}
	}
	if len(c.channels) == maxClosed {
		c.others++
		return
	}
	c.channels = append(c.channels, refusedLines{channel, c.reason, 1})
}

// noteClosed writes down what was refused; the lines beyond the channels that are named make one
// entry without a channel.
func (s *Server) noteClosed(r *http.Request, p *auth.Principal, c *closed) {
	all := c.channels
	if c.others > 0 {
		all = append(all, refusedLines{reason: c.reason, lines: c.others})
	}
	for _, refused := range all {
		e := audit.Entry{Action: "write", Outcome: audit.Refused, Channel: refused.channel, Reason: refused.reason, Lines: &refused.lines}
		s.describe(&e, r, p)
		s.audit.Note(e)
	}
}
