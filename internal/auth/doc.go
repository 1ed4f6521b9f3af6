// Package auth turns a request into a [Principal]: who is asking, what they may see,
// and how to find out later whether that still holds.
//
// There is one [Authenticator] per way in. This one is the session login: names and
// passwords stand in a file of users, a cookie carries the session, and a store that
// all gateways share keeps it.
//
//	users, err := auth.OpenUsers("/etc/loglane/users", loglane.DefaultTemplate, nil)
//	if err != nil {
//		return err
//	}
//	login, err := auth.NewLogin(auth.LoginOptions{
//		Users:    users,
//		Sessions: auth.NewMemorySessions(), // or redisbroker's
//		Notices:  auth.NewMemoryNotices(),
//		OnEnd:    endStreams, // such as a call of Hub.End
//	})
//	if err != nil {
//		return err
//	}
//	defer login.Close()
//	go login.Run(ctx)
//
// A form's handler signs in and out; every other handler asks who is there, and asks
// for the channel before it opens anything:
//
//	principal, err := login.SignIn(w, r, r.PostFormValue("username"), r.PostFormValue("password"))
//	…
//	principal, err := login.Authenticate(r) // nil, nil: nobody is signed in
//	…
//	err := principal.Authorize(principal.Channel, auth.Read)
//
// Errors that are meant for the caller are, or wrap, a [*loglane.StatusError]: find it
// with errors.As and never show the rest, which is for the log.
//
// # The file of users
//
// One user a line, in any order; blank lines and lines that begin with # are kept by
// every edit:
//
//	# name, role, password, stamp
//	user alice viewer $argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$… kX3hTq0aZ_Lw
//	user "Zoë Smith" operator $argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$…
//
// A name with spaces or quotes stands in double quotes, with \" and \\ inside. Roles are
// viewer, operator and admin. The password is what "loglane user passwd" writes. The stamp,
// 1 to 64 of [0-9A-Za-z_-], may be missing; each edit by a command writes a new one. Names
// are the same when their channels are, so two Unicode spellings of one name are one
// user. The file is read again within a second of a change ([Users.Watch]).
//
// # Sessions
//
// The cookie holds 256 random bits; only their SHA-256 reaches the store, so that a
// copy of the store signs nobody in. A session remembers the user's role, password and
// stamp as they were: when one of them changes, or the user is removed, it no longer
// stands. Thanks to the stamp it does not come back where the others do.
package auth
