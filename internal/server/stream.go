package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// A streamTag is what an open stream is found by when its login ends.
type streamTag struct{ session, user string }

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
	return s.opts.Hub.Stream(s.admit, &loglane.StreamOptions{Disabled: s.opts.StreamDisabled, Limit: s.limiter.admit, Turn: s.limiter.open})
}

// admit says what a request may read, live or stored, in the order of checks that the
// contract names.
func (s *Server) admit(r *http.Request) (loglane.Grant, error) {
	p, err := s.caller(r)
	if err != nil {
		return loglane.Grant{}, err
	}
	channel, err := s.channel(p, r, auth.Read)
	if err != nil {
		return loglane.Grant{}, err
	}
	return loglane.Grant{
		Channel: channel, Expires: p.Expires, Check: p.Check,
		Tag: streamTag{session: p.Session, user: p.Name},
	}, nil
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

// channel is what a request is about: the principal's own, or another that it asks for
// and with which the principal may do that. Rights are judged before the form, so that
// refusals tell nothing. Only what is named can be emptied.
func (s *Server) channel(p *auth.Principal, r *http.Request, action auth.Action) (string, error) {
	asked := s.asked(r.URL.Query())
	for _, a := range asked {
		if err := s.authorize(p, a, r, action); err != nil {
			return "", err
		}
	}
	switch {
	case len(asked) == 0 && action == auth.Purge:
		if err := s.authorize(p, noChannel, r, action); err != nil {
			return "", err
		}
		return "", &loglane.StatusError{Code: http.StatusBadRequest, Message: "channel, user: name the channel to empty"}
	case len(asked) == 0:
		return p.Channel, p.Authorize(p.Channel, action)
	default:
		return onlyOne(asked)
	}
}

// onlyOne is the channel of a query that names one.
func onlyOne(all []asked) (channel string, err error) {
	switch {
	case len(all) > 1:
		return "", &loglane.StatusError{Code: http.StatusBadRequest, Message: "channel, user: take one of them, once"}
	case all[0].malformed != nil:
		return "", &loglane.StatusError{Code: http.StatusBadRequest, Message: all[0].malformed.Error()}
	default:
		return all[0].channel, nil
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

// errTokenPurges says that neither scope of a token is to empty channels.
var errTokenPurges = &loglane.StatusError{Code: http.StatusForbidden, Message: "An API token cannot empty a channel: sign in as an admin."}

// authorize judges what is done with a channel, and notes it where it is more than to read
// the own one.
func (s *Server) authorize(p *auth.Principal, a asked, r *http.Request, action auth.Action) error {
	err := p.Authorize(a.channel, action)
	if err == nil && action == auth.Purge && p.Token != "" {
		err = errTokenPurges
	}
	if a.channel == p.Channel && action == auth.Read {
		return err
	}
	verb := "read"
	if action == auth.Purge {
		verb = "purge"
	}
	outcome := "allowed"
	if err != nil {
		outcome = "refused"
	}
	line := []any{"action", verb, "outcome", outcome, "who", p.Name, "role", p.Role, "channel", a.channel, "asked", noted(a.name), "from", from(r)}
	s.log.Info("audit", withToken(line, p)...)
	return err
}

// withToken adds to an audit line which token it was: whose name the line has may have
// been elsewhere.
func withToken(line []any, p *auth.Principal) []any {
	if p.Token == "" {
		return line
	}
	return append(line, "token", p.Token)
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
