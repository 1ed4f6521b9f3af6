package audit

import (
	"log/slog"
	"time"
)

// What became of what somebody wanted.
const (
	Allowed = "allowed"
	Refused = "refused"
	Ended   = "ended" // what was allowed before
)

// An Entry is one line of the audit. It holds no secret: neither a cookie, a password, a
// token's text nor a header.
type Entry struct {
	Time    time.Time `json:"time"`              // UTC; filled in where it is zero
	Action  string    `json:"action"`            // stream, history, list, purge, write, sign-in, sign-out, lost
	Outcome string    `json:"outcome"`           // Allowed, Refused or Ended
	Who     string    `json:"who,omitempty"`     // a principal's name
	Role    string    `json:"role,omitempty"`    // viewer, operator or admin
	Channel string    `json:"channel,omitempty"` // full name
	Asked   string    `json:"asked,omitempty"`   // what the caller named, cut to 200 bytes
	From    string    `json:"from,omitempty"`    // the caller's address, before trusted proxies
	Way     string    `json:"way,omitempty"`     // the way in, such as password or token
	Token   string    `json:"token,omitempty"`   // id of an API token
	Request string    `json:"request,omitempty"` // X-Request-Id of a trusted proxy
	Reason  string    `json:"reason,omitempty"`  // why it was refused, as one word, or has ended
	Seconds *float64  `json:"seconds,omitempty"` // that a stream was open
	Lines   *int64    `json:"lines,omitempty"`   // that it was sent, or that were refused
	Lost    int64     `json:"lost,omitempty"`    // lines of the audit that are missing before this one
	Muted   int64     `json:"muted,omitempty"`   // refusals that were too many to be written
}

// attrs are the entry as a line of a program's own log has it.
func (e *Entry) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("action", e.Action), slog.String("outcome", e.Outcome)}
	for _, member := range []struct{ name, value string }{
		{"who", e.Who}, {"role", e.Role}, {"channel", e.Channel}, {"asked", e.Asked}, {"from", e.From}, {"way", e.Way},
		{"token", e.Token}, {"request", e.Request}, {"reason", e.Reason},
	} {
		if member.value != "" {
			attrs = append(attrs, slog.String(member.name, member.value))
		}
	}
	if e.Seconds != nil {
		attrs = append(attrs, slog.Float64("seconds", *e.Seconds))
	}
	if e.Lines != nil {
		attrs = append(attrs, slog.Int64("lines", *e.Lines))
	}
	if e.Muted > 0 {
		attrs = append(attrs, slog.Int64("muted", e.Muted))
	}
	return attrs
}
