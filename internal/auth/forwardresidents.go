package auth

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// DefaultRecheck is how often an application is asked about a login with open streams,
	// unless ForwardOptions say otherwise.
	DefaultRecheck = time.Minute
	// MinRecheck is the shortest such time.
	MinRecheck = time.Second

	// recheckGrace is how long an answer holds beyond its time while no other can be had: an
	// application that is deployed anew must not stop every stream.
	recheckGrace = 30 * time.Second
	// residentGone is when a login has no streams any more: an open one checks it every 30 s.
	residentGone = 45 * time.Second
	// residentRetry is when an application that cannot be asked is asked again.
	residentRetry = 5 * time.Second
	// maxResidentLogins bounds the logins that are looked after. It is well above the streams
	// that one process has; beyond it each check asks by itself.
	maxResidentLogins = 40_000
)

// residents are the logins with open streams: the application is asked about each once in
// a while, however many streams hang on it, and spread so that it is not asked about all
// at once.
type residents struct {
	every time.Duration
	ask   func(context.Context, credentials) (*answer, error)
	same  func(a, b *answer) bool
	onEnd func(match func(session, user string) bool, reason string)

	asking sync.WaitGroup

	mu     sync.Mutex
	closed bool
	all    map[answerKey]*resident
}

// resident is one of them.
type resident struct {
	given credentials
	who   *answer   // as the application said last
	seen  time.Time // when a stream checked it last
	timer *time.Timer
}

// forwardSession is the identity of a credential's streams, as [Principal.Session] has it.
// No session's key looks like it.
func forwardSession(key answerKey) string { return "forward:" + hex.EncodeToString(key[:]) }

// stands says whether the application stands by what it said of a login, from what it said
// lately; known is false where it has to be asked.
func (r *residents) stands(key answerKey, given credentials, before *answer) (stands, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, now := r.all[key], time.Now()
	if one == nil {
		if r.closed || len(r.all) >= maxResidentLogins {
			return false, false
		}
		one = &resident{given: given, who: before}
		r.all[key] = one
		one.timer = time.AfterFunc(max(0, time.Until(before.asked.Add(r.spread(r.every)))), func() { r.visit(key, one) })
	}
	one.seen = now
	if now.Sub(one.who.asked) > r.every+recheckGrace {
		return false, false
	}
	return r.same(one.who, before), true
}

// spread is a time of which at most half is left to chance.
func (r *residents) spread(most time.Duration) time.Duration { return most/2 + rand.N(most/2) }

// visit asks the application about a login that still has streams.
func (r *residents) visit(key answerKey, one *resident) {
	r.mu.Lock()
	switch age := time.Since(one.who.asked); {
	case r.closed || r.all[key] != one:
		r.mu.Unlock()
		return
	case time.Since(one.seen) > residentGone:
		delete(r.all, key)
		r.mu.Unlock()
		return
	case age < r.every/2: // somebody else has asked since
		one.timer.Reset(r.spread(r.every) - age)
		r.mu.Unlock()
		return
	}
	r.asking.Add(1)
	r.mu.Unlock()
	defer r.asking.Done()
	_, err := r.ask(context.Background(), one.given) // a question has its own end
	next := r.every
	if err != nil {
		next = min(residentRetry, r.every)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && r.all[key] == one {
		one.timer.Reset(r.spread(next))
	}
}

// learn takes what the application has just said of a credential, whoever asked: where that
// is not what it said before, the credential's streams end.
func (r *residents) learn(key answerKey, who *answer) {
	r.mu.Lock()
	one := r.all[key]
	reason := ""
	switch {
	case one == nil:
	case who == nil:
		reason = "signed out"
		one.timer.Stop()
		delete(r.all, key)
	case !r.same(who, one.who):
		reason = "revoked"
		fallthrough
	default:
		one.who = who
	}
	r.mu.Unlock()
	if reason != "" {
		session := forwardSession(key)
		r.onEnd(func(of, _ string) bool { return of == session }, reason)
	}
}

// close ends the questions to come; those under way end with the answers.
func (r *residents) close() {
	r.mu.Lock()
	r.closed = true
	for _, one := range r.all {
		one.timer.Stop()
	}
	clear(r.all)
	r.mu.Unlock()
	r.asking.Wait()
}
