package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/audit"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/door"
)

// A streamTag is what an open stream is found by when its login ends.
type streamTag struct {
	session, user string
	own           string // the channel, where it is the user's own
	opened        *byte  // of this stream alone
}

// EndStreams returns what ends the hub's streams of a login, as auth.LoginOptions.OnEnd
// takes it.
func EndStreams(hub *loglane.Hub) func(match func(session, user string) bool, reason string) {
	return func(match func(session, user string) bool, reason string) {
		hub.End(func(tag any) bool {
			t, ok := tag.(streamTag)
			return ok && match(t.session, t.user)
		}, reason)
	}
}

func (s *Server) stream() http.Handler {
	return s.door.Stream(s.admit("stream"), &loglane.StreamOptions{Disabled: s.opts.StreamDisabled, Limit: s.limiter.admit, Turn: s.limiter.open})
}

// admit returns what says what a request may read, live or stored, in the order of checks
// that the contract names. The verb is for the audit.
func (s *Server) admit(verb string) func(*http.Request) (door.Reader, error) {
	return func(r *http.Request) (door.Reader, error) {
		p, err := s.caller(r)
		if err != nil {
			return door.Reader{}, err
		}
		pass, err := s.pass(p, r, auth.Read, verb)
		if err != nil {
			return door.Reader{}, err
		}
		reader := door.Reader{
			Pass: pass, Expires: p.Expires, Check: p.Check,
			Tag: streamTag{session: p.Session, user: p.Name},
		}
		if p.Role < auth.Operator { // whichever channel it is: a granted one shows no more
			reader.Floor, reader.Members = s.opts.ViewerFloor, s.opts.ViewerMembers
		}
		if channel := pass.Channel(); channel == p.Channel {
			reader.Tag = streamTag{session: p.Session, user: p.Name, own: channel, opened: new(byte)}
			reader.Opened = func() { s.greet(reader.Tag, channel) }
		} else {
			reader.Opened = func() { s.watching(channel, 1) }
			reader.Ended = func(end loglane.Ended) {
				s.watching(channel, -1)
				s.noteEnd(r, p, pass, end)
			}
		}
		return reader, nil
	}
}

// caller is who asks for log lines; its errors are the answers for who may not.
func (s *Server) caller(r *http.Request) (*auth.Principal, error) {
	if !mayRead(r) {
		return nil, errCrossSite
	}
	p, err := s.principal(r)
	switch {
	case err != nil:
		return nil, err
	case p == nil && takesHTML(r) && r.Method != http.MethodDelete:
		return nil, &loglane.StatusError{Code: http.StatusFound, Message: errNotSignedIn.Message, Location: s.loginURL(r)}
	case p == nil:
		return nil, errNotSignedIn
	}
	return p, nil
}

// fromThisSite says whether a browser, which tells where a request comes from, names this
// very origin or a person. Other programs tell nothing.
func fromThisSite(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "" && !strings.EqualFold(site, "same-origin") && !strings.EqualFold(site, "none") {
			return false
		}
	}
	return true
}

// pass is for what a request is about: the principal's own channel, or another that it asks
// for and with which the principal may do that. Rights are judged before the form, so that
// refusals tell nothing. Only what is named can be emptied.
func (s *Server) pass(p *auth.Principal, r *http.Request, action auth.Action, verb string) (pass door.Pass, err error) {
	asked := s.asked(r.URL.Query())
	for _, a := range asked {
		if pass, err = s.authorize(p, a, r, action, verb); err != nil {
			return door.Pass{}, err
		}
	}
	switch {
	case len(asked) == 0 && action == auth.Purge:
		if _, err := s.authorize(p, noChannel, r, action, verb); err != nil {
			return door.Pass{}, err
		}
		return door.Pass{}, &loglane.StatusError{Code: http.StatusBadRequest, Message: "channel, user: name the channel to empty"}
	case len(asked) == 0:
		return s.door.Authorize(p, p.Channel, action)
	default:
		return pass, onlyOne(asked)
	}
}

// onlyOne refuses a query that names more than one channel, or what cannot be one.
func onlyOne(all []asked) error {
	switch {
	case len(all) > 1:
		return &loglane.StatusError{Code: http.StatusBadRequest, Message: "channel, user: take one of them, once"}
	case all[0].malformed != nil:
		return &loglane.StatusError{Code: http.StatusBadRequest, Message: all[0].malformed.Error()}
	default:
		return nil
	}
}

// asked is a channel that a query names.
type asked struct {
	channel   string
	name      string // as the query has it
	malformed error
}

// anyOther stands for names that cannot be a channel: what is wrong with them learns who
// may read every channel.
const anyOther = loglane.ChannelPrefix + "?"

// maxAsked bounds the channels of one query that are judged and noted: a second one is
// refused anyway.
const maxAsked = 2

func (s *Server) asked(query url.Values) []asked {
	var all []asked
	channels := query["channel"]
	channels = channels[:min(len(channels), maxAsked)]
	users := query["user"]
	users = users[:min(len(users), maxAsked-len(channels))]
	for _, context := range channels {
		channel, err := loglane.ChannelName(context)
		all = append(all, asked{channel: channel, name: context, malformed: err})
	}
	for _, user := range users {
		channel, err := s.opts.Template.Channel(user)
		if err != nil {
			err = fmt.Errorf("user: %w", err)
		}
		all = append(all, asked{channel: channel, name: user, malformed: err})
	}
	for i, a := range all {
		if a.malformed != nil {
			all[i].channel = anyOther
		}
	}
	return all
}

// noChannel stands for the channel where none is named.
var noChannel = asked{channel: anyOther}

// authorize judges what is done with a channel, and notes it where it is more than to read
// the own one.
func (s *Server) authorize(p *auth.Principal, a asked, r *http.Request, action auth.Action, verb string) (door.Pass, error) {
	pass, err := s.door.Authorize(p, a.channel, action)
	if a.channel == p.Channel && action == auth.Read {
		return pass, err
	}
	entry := audit.Entry{Action: verb, Outcome: audit.Allowed}
	if err != nil {
		entry.Outcome, entry.Reason = audit.Refused, reasonOf(err)
	}
	if noted := s.note(r, p, a, entry); err == nil && noted != nil {
		return door.Pass{}, noted
	}
	return pass, err
}

// maxNoted bounds what a caller can write into an audit line.
const maxNoted = 200

// noted is a caller's text for the audit: what is longer is cut, and ends in an ellipsis.
func noted(text string) string {
	const mark = "…"
	if len(text) <= maxNoted {
		return text
	}
	end := maxNoted - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}
