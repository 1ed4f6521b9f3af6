// Package auth turns a request into a [Principal]: who is asking, what they may see,
// and how to find out later whether that still holds.
//
// There is one [Authenticator] per way in. They are tried in a fixed order, and the first
// that knows the request, or refuses it, ends the search:
//
//  1. [Tokens]: "Authorization: Bearer llt_…" with a token of the auth file. A wrong,
//     expired or malformed one is refused with 401, and cookies beside it count for nothing.
//  2. [Login]: a session cookie. Names and passwords stand in the auth file, or an [OIDC] has
//     signed somebody in; a store that all gateways share keeps the sessions.
//  3. [JWT]: "Authorization: Bearer" with a JSON Web Token. One that does not count is
//     refused with 401; a bearer token without a dot is no JWT.
//  4. [Header]: a header in which a proxy says who sends the request. Of anybody else it
//     counts for nothing; what is unclear is refused with 400.
//  5. [Forward]: any other Authorization header, and any cookie; another application says
//     whose they are.
//
// A login by password is made so:
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
// # The auth file
//
// One user or API token a line, in any order; blank lines and lines that begin with # are
// kept by every edit:
//
//	# name, role, password, stamp
//	user alice viewer $argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$… kX3hTq0aZ_Lw
//	user "Zoë Smith" operator $argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$…
//	# id, scope, SHA-256 of the token, expiry; name and role, or contexts
//	token k3qv5zr7ab2m read 9f86d081884c7d65…0f00a08 2027-01-31T00:00:00Z alice viewer
//	token 7hx2c4nqpd5e write 60303ae22b998861…f9b2a3e - User.alice job_*
//
// A name with spaces or quotes stands in double quotes, with \" and \\ inside. Roles are
// viewer, operator and admin. The password is what "loglane user passwd" writes. The stamp,
// 1 to 64 of [0-9A-Za-z_-], may be missing; each edit by a command writes a new one. Names
// are the same when their channels are, so two Unicode spellings of one name are one
// user. The file is read again within a second of a change ([Users.Watch]).
//
// A file may have tokens only; nobody can sign in by password then.
//
// # API tokens
//
// A token is llt_, its id (12 of [0-9a-z]), an underscore, and 256 random bits in base64url.
// The file has the SHA-256 of all of that, as sha256sum counts it, so that a copy of it lets
// nobody in. Its expiry is a time as RFC 3339 writes it, or - for never: what a token is
// made for, such as a service that sends lines, should not fall silent unforeseen, and
// "loglane token list" shows what is no longer used.
//
// A token with the scope read is the user whom it names, with the role of its line; the
// user need not be in the file, and another password changes nothing about it. One with the
// scope write sends lines to its contexts: exact ones, and all that begin like one with a
// final *. What reads cannot write or empty a channel, and what writes reads nothing. A
// line that is changed or removed ends the token's streams within a second.
//
// # Names and groups
//
// Ways that name users make their principals by a [Mint]: a prefix keeps the names of several
// apart, and maps say what groups give.
//
// # Sessions
//
// The cookie holds 256 random bits; only their SHA-256 reaches the store, so that a
// copy of the store signs nobody in. A session remembers the user's role, password and
// stamp as they were: when one of them changes, or the user is removed, it no longer
// stands. Thanks to the stamp it does not come back where the others do.
//
// A session of an [OIDC] remembers what the provider told, and gets its role and channels from
// the maps each time. Where the provider ends it, a mark stays in the store under the hash of
// its subject or its own session for as long as a session can last: so the sessions that it
// ends need not be known.
package auth
