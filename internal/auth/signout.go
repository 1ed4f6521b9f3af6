package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// ErrSignOutPending says that a sign-out holds on this process, but the session store
// could not be told yet. It is a [*loglane.StatusError] with code 503.
var ErrSignOutPending error = &loglane.StatusError{
	Code: http.StatusServiceUnavailable,
	Message: "You are signed out here, but the session store cannot be reached. " +
		"The session is deleted everywhere as soon as it can.",
	RetryAfter: storeTimeout,
}

// ErrSignOutLost says that a session's cookie is gone, but the session store could not be
// told and will not be: too many other sign-outs wait for the store already. It is a
// [*loglane.StatusError] with code 503.
var ErrSignOutLost error = &loglane.StatusError{
	Code: http.StatusServiceUnavailable,
	Message: "You are signed out in this browser, but the session store cannot be reached. " +
		"Change your password if somebody else may have this session.",
	RetryAfter: storeTimeout,
}

// SignOut ends the session of the request's cookie: the cookie is deleted from w, whose
// header must not have been written; open streams of the session end at once, here and
// on the other gateways; the store forgets it. That there is no session is no error.
//
// While the store cannot be asked, it returns [ErrSignOutPending]: here the streams have
// ended and the session is refused from now on; the store is asked again until it has
// answered, the session would have ended anyway, or the process ends. Few sign-outs can
// wait of sessions that this process has not seen lately, for they cannot be told from
// ones that never were; past that it returns [ErrSignOutLost].
func (l *Login) SignOut(w http.ResponseWriter, r *http.Request) error {
	token := l.token(r)
	l.deleteToken(w, r)
	if token == "" {
		return nil
	}
	// A browser that has gone has still asked to be signed out.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storeTimeout)
	defer cancel()
	return l.endSession(ctx, sessionKey(token), "signed out")
}

// endSession ends a session everywhere. Anybody can send a cookie: one that stands for
// nothing costs a question to the store and no more.
func (l *Login) endSession(ctx context.Context, key, reason string) error {
	known := l.known.has(key)
	pending := ending{until: time.Now().Add(l.lifetime), notify: true, strange: !known}
	if known {
		l.end(key, reason) // before the deletion: who puts the session's end off must see it
	}
	existed, err := l.sessions.Delete(ctx, key)
	switch {
	case err != nil && l.endings.waits(key):
		return ErrSignOutPending
	case err != nil && l.endings.later(key, pending):
		return ErrSignOutPending
	case err != nil:
		return ErrSignOutLost
	case known:
		err = l.notices.Notify(ctx, endNotice(key))
	case existed:
		l.end(key, reason)
		// A request that found the session a moment ago may have put its end off since.
		err = l.retire(ctx, key, true)
	}
	if err != nil {
		l.endings.later(key, pending) // other gateways refuse the session as it is, and only end its streams late
	}
	return nil
}

// end refuses a session on this process from here on and ends its streams.
func (l *Login) end(key, reason string) {
	l.endings.remember(key)
	l.known.forget(key)
	l.onEnd(func(session, _ string) bool { return session == key }, reason)
}

// retire tells the store and the other gateways that a session has ended.
func (l *Login) retire(ctx context.Context, key string, notify bool) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if _, err := l.sessions.Delete(ctx, key); err != nil || !notify {
		return err
	}
	return l.notices.Notify(ctx, endNotice(key))
}

// notice is a message between gateways.
type notice struct {
	End *endOrder `json:"end,omitempty"`
}

// endOrder asks for the end of one session, or of all of a user's streams.
type endOrder struct {
	Session string `json:"session,omitempty"`
	User    string `json:"user,omitempty"`
	Subject string `json:"subject,omitempty"` // of a provider, as told has it
	SID     string `json:"sid,omitempty"`
}

func endNotice(key string) []byte { return encodeNotice(endOrder{Session: key}) }

func encodeNotice(order endOrder) []byte {
	message, err := json.Marshal(notice{End: &order})
	if err != nil {
		panic(err) // strings can be marshalled
	}
	return message
}

// endTold ends the sessions here, as far as they are known, of a provider's subject or of one
// of its sessions, whichever is not "". It returns their keys; all others' checks find them.
func (l *Login) endTold(subject, sid string) map[string]bool {
	over := l.known.where(func(about string) bool {
		ofSubject, ofSession, _ := strings.Cut(about, " ")
		return subject != "" && ofSubject == subject || sid != "" && ofSession == sid
	})
	if len(over) == 0 {
		return nil
	}
	for key := range over {
		l.endings.remember(key)
		l.known.forget(key)
	}
	l.onEnd(func(session, _ string) bool { return over[session] }, "signed out")
	return over
}

const (
	// maxNotice bounds a message that is looked at.
	maxNotice = 4 << 10
	// noticeQueue bounds the messages that wait; where more come, every session with
	// streams is asked after instead.
	noticeQueue = 1024
)

// hear does what other gateways' notices say, until ctx ends.
func (l *Login) hear(ctx context.Context) {
	messages, missed := make(chan []byte, noticeQueue), make(chan struct{}, 1)
	stop := l.notices.Listen(func(message []byte) {
		switch {
		case len(message) > maxNotice: // nobody's
			return
		case len(message) == 0:
			l.endings.storeBack()
			if !l.interruption.over() {
				return // there was nothing before it
			}
		default:
			select {
			case messages <- bytes.Clone(message):
				return
			default:
			}
		}
		select {
		case missed <- struct{}{}:
		default:
		}
	})
	defer stop()
	recheck := time.NewTimer(settleFor)
	recheck.Stop()
	defer recheck.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-messages:
			l.obey(message)
		case <-missed:
			recheck.Reset(l.interruption.left())
		case <-recheck.C:
			l.recheck(ctx)
		}
	}
}

// recheck ends the streams here of all sessions that no longer stand. Where the store
// cannot be asked, the streams' own checks find them later.
func (l *Login) recheck(ctx context.Context) {
	var mu sync.Mutex
	open := map[string]bool{}
	l.onEnd(func(session, _ string) bool {
		if isSessionKey(session) { // others are another way in's
			mu.Lock()
			defer mu.Unlock()
			open[session] = true
		}
		return false
	}, "")
	mu.Lock()
	keys := slices.Collect(maps.Keys(open))
	mu.Unlock()
	over := map[string]bool{}
	for _, key := range keys {
		asking, cancel := context.WithTimeout(ctx, storeTimeout)
		p, err := l.load(asking, key)
		cancel()
		if err != nil {
			l.log.Warn("logins may have ended that this process was not told of, and the session store cannot be asked; open streams ask it again by themselves", "error", err)
			break
		}
		if p == nil {
			l.endings.remember(key)
			l.known.forget(key)
			over[key] = true
		}
	}
	if len(over) > 0 {
		l.onEnd(func(session, _ string) bool { return over[session] }, "signed out")
	}
}

func (l *Login) obey(message []byte) {
	var n notice
	if json.Unmarshal(message, &n) != nil || n.End == nil {
		return // another version's, or nobody's
	}
	if key := n.End.Session; isSessionKey(key) && !l.endings.has(key) {
		l.end(key, "signed out")
		// The session may just have been put off here, after the other's deletion.
		l.endings.later(key, ending{until: time.Now().Add(l.lifetime)})
	}
	if isSessionKey(n.End.Subject) || isSessionKey(n.End.SID) {
		l.endTold(n.End.Subject, n.End.SID)
	}
	if n.End.User != "" {
		l.onEnd(matchUsers([]string{n.End.User}), "revoked")
	}
}

// matchUsers matches the streams of users' sessions, in any Unicode spelling of their
// names. Tokens and logins of other ways in that have the same name stand on their own.
func matchUsers(names []string) func(session, user string) bool {
	keys := map[string]bool{}
	for _, name := range names {
		if key, err := loglane.EncodeName(name); err == nil {
			keys[key] = true
		}
	}
	return func(session, user string) bool {
		key, err := loglane.EncodeName(user)
		return err == nil && keys[key] && isSessionKey(session)
	}
}
