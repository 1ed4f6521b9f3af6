package auth

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// maxPending bounds the sign-outs that wait for the session store.
	maxPending = 10_000

	// maxStrange bounds those among them of sessions that this process has not seen: anybody
	// can make such a cookie up, and a process that has just started has seen none.
	maxStrange = 1_000

	// maxKnown bounds the sessions that this process knows to be real. It is well above
	// the streams that one process has, whose checks keep theirs among the newest.
	maxKnown = 40_000

	// A session that the store has forgotten is remembered here a while longer, in case
	// a request that had found it before puts it back.
	rememberFor   = time.Minute
	maxRemembered = 10_000

	// A sign-out is to reach the store before the other gateways ask it, see settleFor.
	minRetry = 250 * time.Millisecond
	maxRetry = 500 * time.Millisecond
)

// ending is a sign-out that the session store or the other gateways have yet to hear of.
type ending struct {
	until  time.Time // when the session is over anyway
	notify bool      // tell the other gateways too

	strange bool // the session may be made up
}

// endings is the sessions that are refused on this process, whatever the store says.
type endings struct {
	retire func(ctx context.Context, key string, notify bool) error
	log    *slog.Logger
	wake   chan struct{}
	hurry  chan struct{} // the store may be back

	mu       sync.Mutex
	pending  map[string]ending
	strange  int     // of pending
	recently *recent // ended a moment ago
}

func newEndings(retire func(context.Context, string, bool) error, log *slog.Logger) *endings {
	return &endings{
		retire:   retire,
		log:      log,
		wake:     make(chan struct{}, 1),
		hurry:    make(chan struct{}, 1),
		pending:  map[string]ending{},
		recently: newRecent(maxRemembered, rememberFor),
	}
}

// has says whether a session has ended here.
func (e *endings) has(key string) bool { return e.waits(key) || e.recently.has(key) }

// waits says whether a session's sign-out waits for the store.
func (e *endings) waits(key string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, pending := e.pending[key]
	return pending
}

// remember refuses a session for a minute.
func (e *endings) remember(key string) { e.recently.add(key) }

// later refuses a session until the store has been told; false means that too many are
// waiting for that already.
func (e *endings) later(key string, end ending) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old, waiting := e.pending[key]
	if !waiting && (len(e.pending) >= maxPending || end.strange && e.strange >= maxStrange) {
		return false
	}
	switch {
	case waiting:
		end.strange = old.strange
	case end.strange:
		e.strange++
	}
	end.notify = end.notify || old.notify
	e.pending[key] = end
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return true
}

// storeBack lets what waits be tried at once. It does not block.
func (e *endings) storeBack() {
	select {
	case e.hurry <- struct{}{}:
	default:
	}
}

// run tells the store of what waits, and tries again while it cannot be asked, until ctx
// ends; then it tries once more.
func (e *endings) run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-e.wake:
			e.retry(ctx)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := e.flush(last); err != nil {
		e.log.Error("sign-outs are lost: the session store could not be asked before the end", "waiting", e.waiting(), "error", err)
	}
}

func (e *endings) retry(ctx context.Context) {
	ceiling := minRetry
	failed := false
	for {
		err := e.flush(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			if failed {
				e.log.Info("the sign-outs that waited for the session store are done")
			}
			return
		}
		if !failed {
			e.log.Warn("sign-outs wait for the session store", "waiting", e.waiting(), "error", err)
		}
		failed = true
		select {
		case <-ctx.Done():
			return
		case <-e.hurry:
		case <-time.After(rand.N(ceiling)):
		}
		ceiling = min(2*ceiling, maxRetry)
	}
}

// flush tells the store of all that waits, up to the first error.
func (e *endings) flush(ctx context.Context) error {
	for key, end := range e.snapshot() {
		if time.Now().Before(end.until) {
			if err := e.retire(ctx, key, end.notify); err != nil {
				return err
			}
		}
		e.settle(key, end)
	}
	return nil
}

// settle forgets what was told, unless more is to be told by now.
func (e *endings) settle(key string, told ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.recently.add(key)
	if e.pending[key] == told {
		delete(e.pending, key)
		if told.strange {
			e.strange--
		}
	}
}

func (e *endings) snapshot() map[string]ending {
	e.mu.Lock()
	defer e.mu.Unlock()
	snapshot := make(map[string]ending, len(e.pending))
	for key, end := range e.pending {
		snapshot[key] = end
	}
	return snapshot
}

func (e *endings) waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.pending)
}
