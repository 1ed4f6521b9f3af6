package auth

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
)

const (
	// watchEvery is how often the file of users is looked at: of the second that a change
	// has until its streams are closed, most is left for closing them.
	watchEvery = 200 * time.Millisecond

	// settled is the age from which a file's modification time tells of every later
	// change: some file systems count in steps of two seconds.
	settled = 3 * time.Second
)

// Changed is what an edit of the auth file ends: who and what is gone or no longer the
// same, in no order.
type Changed struct {
	Users  []string // names
	Tokens []string // ids
}

// Watch follows the auth file until ctx ends. It looks five times a second, so that a change
// holds well within one. onChange gets the users whose password or role is no longer the
// same or who are gone, and the tokens of which anything is; it is called after the change
// holds, never concurrently, and may be nil.
//
// An edit that cannot be read, is malformed or leaves the file blank changes nothing and
// is logged once; the users from before it stay. A file with only comments in it is read
// as one without users. At most one Watch may run.
func (u *Users) Watch(ctx context.Context, onChange func(Changed)) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	complaint := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		changed, err := u.reload()
		if err != nil {
			if complaint != err.Error() {
				complaint = err.Error()
				u.log.Error("the users file was changed and cannot be used; the users from before the change stay", "error", err)
			}
			continue
		}
		if complaint != "" {
			complaint = ""
			u.log.Info("the users file can be used again", "path", u.path)
		}
		if len(changed.Users)+len(changed.Tokens) > 0 && onChange != nil {
			onChange(changed)
		}
	}
}

// reload takes over what the file has now, and returns what is no longer what it was.
func (u *Users) reload() (changed Changed, err error) {
	old := u.roster.Load()
	if stat, err := os.Stat(u.path); err == nil && old.current(stat) {
		return Changed{}, nil
	}
	read := time.Now()
	data, stat, err := readUsersFile(u.path)
	if err != nil {
		return Changed{}, err
	}
	if bytes.Equal(data, old.data) {
		same := *old
		same.stat, same.read = stat, read
		u.roster.Store(&same)
		return Changed{}, nil
	}
	next, err := u.parse(data)
	if err != nil {
		return Changed{}, err
	}
	next.stat, next.read = stat, read
	if blank(next.data) {
		return Changed{}, fmt.Errorf("the users file %s is empty", u.path)
	}
	u.roster.Store(next)
	changed = old.changed(next)
	u.log.Info("the users file was read again", "path", u.path, "users", len(next.users), "tokens", len(next.tokens), "revoked", len(changed.Users)+len(changed.Tokens))
	if len(next.users) == 0 && (len(old.users) > 0 || len(next.tokens) == 0) {
		u.log.Warn("nobody can sign in any more", "error", u.errNobody())
	}
	return changed, nil
}

// current says whether stat shows for certain that the file is still what was read.
func (r *roster) current(stat os.FileInfo) bool {
	return os.SameFile(stat, r.stat) &&
		stat.Size() == r.stat.Size() &&
		stat.ModTime().Equal(r.stat.ModTime()) &&
		r.read.Sub(stat.ModTime()) > settled
}

func (r *roster) changed(next *roster) (c Changed) {
	for key, user := range r.users {
		if now, found := next.users[key]; !found || now.version() != user.version() {
			c.Users = append(c.Users, user.Name)
		}
	}
	for id, token := range r.tokens {
		if now, found := next.tokens[id]; !found || !now.same(token) {
			c.Tokens = append(c.Tokens, id)
		}
	}
	return c
}

// Revoke returns what [Users.Watch] is to call, so that the open streams of what has
// changed end; onEnd is as in [LoginOptions]. A [Login] does so itself.
func Revoke(onEnd func(match func(session, user string) bool, reason string)) func(Changed) {
	return func(c Changed) {
		if len(c.Users) > 0 {
			onEnd(matchUsers(c.Users), "revoked")
		}
		sessions := map[string]bool{}
		for _, id := range c.Tokens {
			sessions[sessionOf(id)] = true
		}
		if len(sessions) > 0 {
			onEnd(func(session, _ string) bool { return sessions[session] }, "revoked")
		}
	}
}
