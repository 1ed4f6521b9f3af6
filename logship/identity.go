package logship

import (
	"context"
	"sync/atomic"

	"github.com/loglane/loglane"
)

type identityKey struct{}

// An identity says whose lines a context's lines are. With neither user nor channel they
// are the process's own.
type identity struct {
	user    string
	channel string // of a job, or as it was given
	mute    bool   // the handler's own troubles: not to be published

	place atomic.Pointer[place] // of the user, as the last handler made it
}

// A place is where a user's lines go.
type place struct {
	template loglane.Template
	context  string
	channel  string
	err      error
}

// WithUser returns a context whose lines go to the channel of the user of that name.
// The innermost of WithUser, [WithJob] and [WithChannel] counts. With an empty name, nobody's, they go
// to the process's own channel, and so they do with a name that cannot be a channel.
func WithUser(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, identityKey{}, &identity{user: name})
}

// WithJob returns a context whose lines go to a new channel of their own, job_<uuid>,
// for work that belongs to no user. Make it once a job, never once a line. The
// innermost of [WithUser], WithJob and [WithChannel] counts.
func WithJob(ctx context.Context) context.Context {
	return context.WithValue(ctx, identityKey{}, &identity{channel: loglane.ChannelPrefix + loglane.NewJobContext()})
}

// WithChannel returns a context whose lines go to the channel logs:<name>, for a program
// that was told one, as a job's parts are. It fails for a name that [loglane.ChannelName]
// refuses.
func WithChannel(ctx context.Context, name string) (context.Context, error) {
	channel, err := loglane.ChannelName(name)
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, identityKey{}, &identity{channel: channel}), nil
}

var nobody = &identity{}

func identityOf(ctx context.Context) *identity {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok {
		return id
	}
	return nobody
}

// placeFor finds the user's channel once for each identity, that is mostly once a
// request, for normalising a name is dearer than a line.
func (id *identity) placeFor(t loglane.Template) *place {
	if p := id.place.Load(); p != nil && p.template == t {
		return p
	}
	p := &place{template: t}
	if p.context, p.err = t.Context(id.user); p.err == nil {
		p.channel, p.err = loglane.ChannelName(p.context)
	}
	id.place.Store(p)
	return p
}
