package auth

import (
	"context"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

const (
	// answerLife is how long an answer holds, from its question on.
	answerLife = 5 * time.Second
	// maxAnswers bounds the answers that are kept.
	maxAnswers = 10_000

	// Questions under way at once: of those who come, and of those whose streams are open.
	// Whoever comes with many made-up cookies must not keep the others' logins from being
	// checked.
	maxNewcomers = 48
	maxRegulars  = 32
	maxResidents = 64
	// maxFlights bounds the questions that wait for their turn, too.
	maxFlights = 1024
)

// errand is why an application is asked.
type errand int

const (
	newcomer errand = iota // somebody comes
	regular                // somebody comes who was somebody a while ago
	checking               // somebody is here, and may have gone: only a new answer will do
)

// answers keeps what an application said for a few seconds, and lets all who want to know
// the same wait for one question.
type answers struct {
	ask    func(context.Context, credentials) (*answer, error)
	places map[errand]chan struct{}
	learn  func(answerKey, *answer) // is told of each answer, once it is known and before anybody else

	ctx    context.Context // of the questions; ends with close
	cancel context.CancelFunc
	asking sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	kept    map[answerKey]keptAnswer
	flights map[answerKey]*flight
}

type answerKey [sha256.Size]byte

type keptAnswer struct {
	who  *answer // nil is nobody
	ends time.Time
}

// flight is a question under way.
type flight struct {
	done   chan struct{} // closed once who and err stand
	landed func(*answer, error)
	who    *answer
	err    error
}

func newAnswers(ask func(context.Context, credentials) (*answer, error)) *answers {
	ctx, cancel := context.WithCancel(context.Background())
	return &answers{
		ask: ask, ctx: ctx, cancel: cancel,
		places: map[errand]chan struct{}{
			newcomer: make(chan struct{}, maxNewcomers),
			regular:  make(chan struct{}, maxRegulars),
			checking: make(chan struct{}, maxResidents),
		},
		kept:    map[answerKey]keptAnswer{},
		flights: map[answerKey]*flight{},
	}
}

// get returns who the credentials stand for; nil and nil is nobody. Where that takes a new
// question, admit may refuse it; what it returns is told the answer.
func (a *answers) get(ctx context.Context, given credentials, why errand, admit func() (landed func(*answer, error), err error)) (*answer, error) {
	key := answerKey(given.key())
	f, done := a.join(key, given, why, admit)
	if done != nil {
		return done.who, done.err
	}
	select {
	case <-f.done:
		return f.who, f.err
	case <-ctx.Done():
		return nil, errForwardAway()
	}
}

// join returns the flight that will have the answer, or one that has it.
func (a *answers) join(key answerKey, given credentials, why errand, admit func() (landed func(*answer, error), err error)) (waiting, done *flight) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if kept, found := a.kept[key]; found && why != checking && time.Now().Before(kept.ends) {
		return nil, &flight{who: kept.who}
	}
	if f, found := a.flights[key]; found {
		return f, nil
	}
	if a.closed || why != checking && len(a.flights) >= maxFlights {
		return nil, &flight{err: errForwardAway()}
	}
	f := &flight{done: make(chan struct{}), landed: func(*answer, error) {}}
	if admit != nil {
		landed, err := admit()
		if err != nil {
			return nil, &flight{err: err}
		}
		f.landed = landed
	}
	a.flights[key] = f
	a.asking.Go(func() { a.fly(f, key, given, why) })
	return f, nil
}

// fly asks, whoever may have stopped waiting.
func (a *answers) fly(f *flight, key answerKey, given credentials, why errand) {
	ctx, cancel := context.WithTimeout(a.ctx, askTimeout)
	defer cancel()
	var asked time.Time
	select {
	case a.places[why] <- struct{}{}:
		asked = time.Now()
		f.who, f.err = a.ask(ctx, given)
		<-a.places[why]
		if f.who != nil {
			f.who.asked = asked
		}
		if f.err == nil && a.learn != nil {
			a.learn(key, f.who)
		}
	case <-ctx.Done():
		f.err = errForwardAway()
	}
	f.landed(f.who, f.err)
	a.land(f, key, asked)
}

// land keeps a flight's answer, but no error: who asks again may be luckier. The answer is
// as old as its question: whoever signs out while it is on its way must not stay for longer.
func (a *answers) land(f *flight, key answerKey, asked time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.flights, key)
	if f.err == nil {
		a.keep(key, keptAnswer{who: f.who, ends: asked.Add(answerLife)})
	}
	close(f.done)
}

// keep makes room among what is over, else in place of any.
func (a *answers) keep(key answerKey, answer keptAnswer) {
	if len(a.kept) >= maxAnswers {
		now, looked := time.Now(), 0
		for other, kept := range a.kept {
			if looked++; looked == 1 || !now.Before(kept.ends) {
				delete(a.kept, other)
			}
			if looked == sampled {
				break
			}
		}
	}
	a.kept[key] = answer
}

// sampled is how many answers are looked at to make room for one.
const sampled = 64

// close ends the questions under way and waits for them.
func (a *answers) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.cancel()
	a.asking.Wait()
}

func errForwardAway() error {
	return &loglane.StatusError{
		Code:       http.StatusServiceUnavailable,
		Message:    "Logins are temporarily unavailable.",
		RetryAfter: askTimeout,
	}
}
