package app

import (
	"errors"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// Logins are how long those by password last.
type Logins struct {
	SessionLifetime time.Duration `name:"session-lifetime" env:"LOGLANE_SESSION_LIFETIME" default:"12h" help:"How long a login by password lasts, however much it is used; its open streams end with it."`
	SessionIdle     time.Duration `name:"session-idle" env:"LOGLANE_SESSION_IDLE" default:"0s" help:"How long a login by password lasts that is not used; an open stream uses its login. 0s is as long as --session-lifetime."`
}

const maxSessionLifetime = 90 * 24 * time.Hour

func (l *Logins) check() error {
	err := within("session-lifetime", l.SessionLifetime, time.Minute, maxSessionLifetime)
	if l.SessionIdle == 0 {
		return err
	}
	return errors.Join(err, within("session-idle", l.SessionIdle, auth.MinIdleTimeout, maxSessionLifetime))
}
