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
	Expires  time.Time // when the login ends for certain; zero is never

	// Check says whether the login still stands. A [*loglane.StatusError] with code 401
	// means that it has ended, any other error that it cannot be asked now. nil always
	// stands. It may be called concurrently, and long after the request.
	Check func(context.Context) error
}

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
)

// Authorize says whether the principal may do action with a channel, given by its full
// name: Read with the own and the granted channels, with the global one from operator,
// with any other from admin. Otherwise it returns a [*loglane.StatusError] with code 403
// that says nothing of the channel, not even whether there is one.
func (p *Principal) Authorize(channel string, action Action) error {
	if p != nil && action == Read && p.mayRead(channel) {
		return nil
	}
	return &loglane.StatusError{Code: http.StatusForbidden, Message: "You may not see this channel."}
}

func (p *Principal) mayRead(channel string) bool {
	context, found := strings.CutPrefix(channel, loglane.ChannelPrefix)
	if !found {
		return false
	}
	if _, err := loglane.ChannelName(context); err != nil {
		return false
	}
	switch {
	case channel == p.Channel, slices.Contains(p.Channels, channel):
		return true
	case channel == loglane.GlobalChannel:
		return p.Role >= Operator
	default:
		return p.Role >= Admin
	}
}
