package auth

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	// watchEvery is how often the file of users is looked at.
	watchEvery = 500 * time.Millisecond

	// settled is the age from which a file's modification time tells of every later
	// change: some file systems count in steps of two seconds.
	settled = 3 * time.Second
)

// Watch follows the file of users until ctx ends. It looks twice a second, so that a
// change holds within a second. onChange gets the names, in no order, of users whose
// password or role is no longer the same or who are gone; it is called after the change
// holds, never concurrently, and may be nil.
//
// An edit that cannot be read, is malformed or leaves the file blank changes nothing and
// is logged once; the users from before it stay. A file with only comments in it is read
// as one without users. At most one Watch may run.
func (u *Users) Watch(ctx context.Context, onChange func(changed []string)) {
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
		if len(changed) > 0 && onChange != nil {
			onChange(changed)
		}
	}
}

// reload takes over what the file has now, and returns the names of users who are no
// longer what they were.
func (u *Users) reload() (changed []string, err error) {
	old := u.roster.Load()
	if stat, err := os.Stat(u.path); err == nil && old.current(stat) {
		return nil, nil
	}
	next, err := u.load()
	if err != nil {
		return nil, err
	}
	if bytes.Equal(next.data, old.data) {
		next.users, next.dummy = old.users, old.dummy
		u.roster.Store(next)
		return nil, nil
	}
	if blank(next.data) {
		return nil, fmt.Errorf("the users file %s is empty", u.path)
	}
	u.roster.Store(next)
	changed = old.changed(next)
	u.log.Info("the users file was read again", "path", u.path, "users", len(next.users), "revoked", len(changed))
	if len(next.users) == 0 {
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

func (r *roster) changed(next *roster) []string {
	var names []string
	for key, user := range r.users {
		if now, found := next.users[key]; !found || now.version() != user.version() {
			names = append(names, user.Name)
		}
	}
	return slices.Clip(names)
}
