// Package door is the one way from a request to the lines of a channel. A [Door] has the
// hub and the broker, and gives nothing of them away but for a [Pass]; and a pass comes from
// one function only, which asks [auth.Principal.Authorize]:
//
//	pass, err := d.Authorize(principal, "logs:User.alice", auth.Purge)
//	if err != nil {
//		return err // 403, and nothing of the channel
//	}
//	return d.Purge(ctx, pass)
//
// So a handler that forgets to ask does not compile, and one that asks for one thing and does
// another is refused.
package door

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// A Pass says that somebody may do one thing with one channel. The zero value opens nothing.
type Pass struct {
	door    *Door
	channel string
	action  auth.Action
}

// Channel is the full name of the channel that the pass is for.
func (p Pass) Channel() string { return p.channel }

// Copies is the pass for the copies in the global channel of what a pass for another channel
// lets in.
func (p Pass) Copies() Pass {
	if p.action != auth.Write {
		return Pass{}
	}
	p.channel = loglane.GlobalChannel
	return p
}

// ErrNoPass says that a handler came without a pass, or with one for something else. It is a
// fault of the program, and tells the caller nothing.
var ErrNoPass = errors.New("door: there is no pass for that")

// A Door may be used concurrently.
type Door struct {
	hub    *loglane.Hub
	broker loglane.Broker
}

// New returns the door to a hub's and a broker's channels; the broker may be nil where no
// lines are taken.
func New(hub *loglane.Hub, broker loglane.Broker) *Door { return &Door{hub: hub, broker: broker} }

// Authorize returns a pass, or the [*loglane.StatusError] of [auth.Principal.Authorize].
func (d *Door) Authorize(p *auth.Principal, channel string, action auth.Action) (Pass, error) {
	if err := p.Authorize(channel, action); err != nil {
		return Pass{}, err
	}
	return Pass{door: d, channel: channel, action: action}, nil
}

func (d *Door) check(p Pass, action auth.Action) error {
	if p.door != d || p.action != action || p.channel == "" {
		return ErrNoPass
	}
	return nil
}

// A Reader is who reads with a pass.
type Reader struct {
	Pass    Pass
	Expires time.Time                   // as a [loglane.Grant] has it
	Check   func(context.Context) error // as a [loglane.Grant] has it
	Tag     any                         // as a [loglane.Grant] has it
	Floor   *loglane.Level              // as a [loglane.Grant] has it
	Members *loglane.Members            // as a [loglane.Grant] has it
	Opened  func()                      // as a [loglane.Grant] has it
	Ended   func(loglane.Ended)         // as a [loglane.Grant] has it
}

// Stream is [loglane.Hub.Stream] for who has a pass to read.
func (d *Door) Stream(admit func(*http.Request) (Reader, error), opts *loglane.StreamOptions) http.Handler {
	return d.hub.Stream(d.granting(admit), opts)
}

// History is [loglane.Hub.History] for who has a pass to read.
func (d *Door) History(admit func(*http.Request) (Reader, error), opts *loglane.StreamOptions) http.Handler {
	return d.hub.History(d.granting(admit), opts)
}

func (d *Door) granting(admit func(*http.Request) (Reader, error)) func(*http.Request) (loglane.Grant, error) {
	return func(r *http.Request) (loglane.Grant, error) {
		reader, err := admit(r)
		if err == nil {
			err = d.check(reader.Pass, auth.Read)
		}
		if err != nil {
			return loglane.Grant{}, err
		}
		return loglane.Grant{
			Channel: reader.Pass.channel, Expires: reader.Expires, Check: reader.Check, Tag: reader.Tag, Floor: reader.Floor, Members: reader.Members,
			Opened: reader.Opened, Ended: reader.Ended,
		}, nil
	}
}

// Stats are [loglane.Hub.Stats]. They take no pass, for they name no channel.
func (d *Door) Stats() loglane.Stats { return d.hub.Stats() }

// Tell is [loglane.Hub.Tell]. It takes no pass, for it shows nothing of a channel.
func (d *Door) Tell(match func(tag any) bool, event string, data []byte) {
	d.hub.Tell(match, event, data)
}

// Purge is [loglane.Hub.Purge] of the pass's channel.
func (d *Door) Purge(ctx context.Context, p Pass) error {
	if err := d.check(p, auth.Purge); err != nil {
		return err
	}
	return d.hub.Purge(ctx, p.channel)
}

// List is [loglane.Hub.List], with any pass to list.
func (d *Door) List(ctx context.Context, p Pass, prefix string, limit int) ([]loglane.ChannelInfo, bool, error) {
	if err := d.check(p, auth.List); err != nil {
		return nil, false, err
	}
	return d.hub.List(ctx, prefix, limit)
}

// Exists says whether the broker knows the pass's channel, to who may write there: it shows
// nothing of the lines.
func (d *Door) Exists(ctx context.Context, p Pass) (bool, error) {
	if err := d.check(p, auth.Write); err != nil {
		return false, err
	}
	page, err := d.broker.Read(ctx, p.channel, loglane.Last(0), 1)
	if err != nil {
		return false, err
	}
	return page.Tail != loglane.Cursor{} || page.Floor != loglane.Cursor{}, nil
}

// Append is [loglane.Broker]'s of the pass's channel.
func (d *Door) Append(ctx context.Context, p Pass, batch loglane.Batch) (loglane.Receipt, error) {
	if err := d.check(p, auth.Write); err != nil {
		return loglane.Receipt{}, err
	}
	return d.broker.Append(ctx, p.channel, batch)
}
