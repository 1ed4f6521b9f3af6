package auth

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

// A Principal is who a request comes from. It is not changed after it was made, and may
// be used concurrently.
type Principal struct {
	Name     string    // as the way in spells it
	Role     Role      // the zero value is the least
	Channel  string    // the own channel's full name, such as "logs:User.alice"
	Channels []string  // further granted channels, full names
	Session  string    // identity of the session, "" without one; gives no access by itself
	Way      string    // which way in it came by, such as password; "" where the way does not say
	Token    string    // id of the API token that the request carries, "" without one
	Writes   []string  // contexts that may be written to: exact, or a prefix before a final *
	Expires  time.Time // when the login ends for certain; zero is never

	// Check says whether the login still stands. A [*loglane.StatusError] with code 401
	// means that it has ended, any other error that it cannot be asked now. nil always
	// stands. It may be called concurrently, and long after the request.
	Check func(context.Context) error
}

// SignsOut says whether there is a session of this gateway to sign out of.
func (p *Principal) SignsOut() bool { return isSessionKey(p.Session) && p.Token == "" }

// An Authenticator is one way in. Several are tried in a fixed order until one returns a
// principal or an error.
type Authenticator interface {
	// Authenticate returns whom a request comes from, nil and nil where the request
	// carries nothing that stands for this way in, or an error that ends the search,
	// such as a [*loglane.StatusError] with code 503 while it cannot be found out.
	Authenticate(r *http.Request) (*Principal, error)
}

// Action is what somebody wants to do with a channel.
type Action int

// The actions. The zero value is none, and nobody may do it.
const (
	// Read is to see a channel's lines, stored and live.
	Read Action = iota + 1
	// Write is to send lines to a channel.
	Write
	// Purge is to empty a channel's history.
	Purge
	// List is to see which channels there are.
	List
)

// Authorize says whether the principal may do action with a channel, given by its full
// name. Otherwise it returns a [*loglane.StatusError] with code 403 that says nothing of
// the channel, not even whether there is one.
//
//   - Read: the own and the granted channels, the global one from operator, any from admin
//   - Write: what Writes names, whatever the role; a session writes nothing
//   - Purge: any channel from admin, but not with an API token, which changes nothing
//   - List: any channel from admin, but not with an API token that only writes
func (p *Principal) Authorize(channel string, action Action) error {
	switch {
	case p == nil, !wellNamed(channel):
	case action == Read && p.mayRead(channel),
		action == Write && p.mayWrite(channel),
		action == List && p.Role >= Admin && len(p.Writes) == 0,
		action == Purge && p.Role >= Admin && p.Token == "":
		return nil
	}
	if action == Read && p != nil && p.Channel == "" && len(p.Writes) > 0 {
		return refusing("scope", &loglane.StatusError{Code: http.StatusForbidden, Message: "This API token only writes: to read takes one with the scope read."})
	}
	reason := "role"
	if p != nil && p.Token != "" {
		reason = "scope"
	}
	return refusing(reason, &loglane.StatusError{Code: http.StatusForbidden, Message: refusals[action]})
}

var refusals = map[Action]string{
	Read:  "You may not see this channel.",
	Write: "You may not write to this channel: it takes an API token with the scope write that names it.",
	Purge: "You may not empty this channel: it takes a login with the role admin.",
	List:  "You may not list the channels: it takes the role admin.",
}

// wellNamed says whether a channel's name is one that [loglane.ChannelName] makes.
func wellNamed(channel string) bool {
	context, found := strings.CutPrefix(channel, loglane.ChannelPrefix)
	if !found {
		return false
	}
	_, err := loglane.ChannelName(context)
	return err == nil
}

func (p *Principal) mayWrite(channel string) bool {
	context := loglane.ContextOf(channel)
	for _, scope := range p.Writes {
		prefix, open := strings.CutSuffix(scope, "*")
		if context == scope || open && strings.HasPrefix(context, prefix) {
			return true
		}
	}
	return false
}

func (p *Principal) mayRead(channel string) bool {
	switch {
	case channel == loglane.GlobalChannel: // whatever was granted
		return p.Role >= Operator
	case channel == p.Channel, slices.Contains(p.Channels, channel):
		return true
	default:
		return p.Role >= Admin
	}
}
