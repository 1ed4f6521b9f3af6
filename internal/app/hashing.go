package app

import (
	"context"
	"io"

	"github.com/loglane/loglane/internal/auth"
)

// HashVerb is the argument with which the program is to call [ServeHashes].
const HashVerb = "__hashes"

// ServeHashes answers the gateway that started the process; see [Options].
func ServeHashes(in io.Reader, out io.Writer) error { return auth.ServeHashes(in, out) }

// hashing is how passwords are compared.
func (a *App) hashing(program string) *auth.UsersOptions {
	opts := &auth.UsersOptions{Logger: a.log, Hashing: a.settings.MaxLoginsAtOnce}
	if program == "" {
		return opts
	}
	hashers := auth.NewHashers([]string{program, HashVerb}, a.log)
	a.ending.push("processes that compare passwords", func(context.Context) error {
		hashers.Close()
		return nil
	})
	opts.Compare = hashers.Compare
	return opts
}
