package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/loglane/loglane"
)

const (
	// MinPasswordLength is the least number of characters of a new password.
	MinPasswordLength = 8
	// MaxPasswordBytes bounds a password.
	MaxPasswordBytes = 1024

	saltBytes = 16
	keyBytes  = 32

	// What a hash in the file may ask for at most. A hash is computed before it is
	// known whether the password is right, so these bound what a line can cost.
	maxHashMemory     = 1 << 20 // KiB
	maxHashIterations = 64

	// maxHashWorkers keeps the memory of concurrent logins at 76 MiB with the default
	// cost, and what guessing passwords can make of it slow, however many cores there are.
	maxHashWorkers = 4
	// hashQueue is how many may wait for a worker: on one core for about a second.
	hashQueue = 32

	maxHashRest = 250 * time.Millisecond
)

// Cost is what one argon2id hash of a new password takes. The zero value of each field
// is its default; together they are OWASP's recommendation for password storage. Hashes
// that are in the file already keep the cost they were made with.
type Cost struct {
	Memory      uint32 // KiB, default 19456
	Iterations  uint32 // default 2
	Parallelism uint8  // threads, default 1, so that a login takes one core
}

func (c Cost) params() *argon2id.Params {
	p := &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: saltBytes, KeyLength: keyBytes}
	if c.Memory != 0 {
		p.Memory = c.Memory
	}
	if c.Iterations != 0 {
		p.Iterations = c.Iterations
	}
	if c.Parallelism != 0 {
		p.Parallelism = c.Parallelism
	}
	return p
}

func hashPassword(password string, cost Cost) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty")
	case utf8.RuneCountInString(password) < MinPasswordLength:
		return "", fmt.Errorf("the password has fewer than %d characters", MinPasswordLength)
	case len(password) > MaxPasswordBytes:
		return "", fmt.Errorf("the password has more than %d bytes", MaxPasswordBytes)
	}
	return argon2id.CreateHash(password, cost.params())
}

// checkHash reports a hash that cannot be verified, or only at an absurd cost.
func checkHash(hash string) (argon2id.Params, error) {
	params, _, key, err := argon2id.DecodeHash(hash)
	switch {
	case err != nil:
		return argon2id.Params{}, errors.New("the password is not an argon2id hash")
	case params.Iterations < 1 || params.Parallelism < 1 || params.SaltLength < 8 || len(key) < 16 || len(key) > 64:
		return argon2id.Params{}, errors.New("the password is an argon2id hash with parameters that are too small")
	case params.Memory > maxHashMemory || params.Iterations > maxHashIterations:
		return argon2id.Params{}, fmt.Errorf("the password is an argon2id hash that costs more than m=%d,t=%d", maxHashMemory, maxHashIterations)
	}
	return *params, nil
}

// dummyHash returns the hash of no password. To compare with it costs what params say.
func dummyHash(params argon2id.Params) string {
	random := make([]byte, saltBytes+keyBytes)
	_, _ = rand.Read(random) // crypto/rand.Read never fails since Go 1.24
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", params.Memory, params.Iterations, params.Parallelism,
		b64.EncodeToString(random[:saltBytes]), b64.EncodeToString(random[saltBytes:]))
}

// hashWorkers bounds how many passwords are hashed at once: each takes its memory and a
// core.
type hashWorkers struct {
	matches func(password, hash string) (bool, error)
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
}

// newHashWorkers takes half of the cores where n is 0, so that those who guess passwords
// leave the rest to the streams.
func newHashWorkers(n int, matches func(password, hash string) (bool, error)) *hashWorkers {
	if n == 0 {
		n = min(max(runtime.GOMAXPROCS(0)/2, 1), maxHashWorkers)
	}
	if matches == nil {
		matches = argon2id.ComparePasswordAndHash
	}
	return &hashWorkers{matches: matches, slots: make(chan struct{}, n), queue: hashQueue}
}

// compare says whether password has the hash. It waits for its turn, and fails with a
// [*loglane.StatusError] with code 503 where too many are waiting already.
func (w *hashWorkers) compare(ctx context.Context, password, hash string) (bool, error) {
	if err := w.enter(ctx); err != nil {
		return false, err
	}
	began := time.Now()
	defer func() { w.leave(time.Since(began)) }()
	return w.matches(password, hash)
}

// leave gives the worker back: at once, or, where others wait for it already, after a rest as
// long as the work was. So a flood of guesses takes a quarter of the cores, and not half.
func (w *hashWorkers) leave(took time.Duration) {
	if w.waiting.Load() == 0 {
		<-w.slots
		return
	}
	time.AfterFunc(min(took, maxHashRest), func() { <-w.slots })
}

func (w *hashWorkers) enter(ctx context.Context) error {
	select {
	case w.slots <- struct{}{}:
		return nil
	default:
	}
	defer w.waiting.Add(-1)
	if w.waiting.Add(1) > w.queue {
		return &loglane.StatusError{
			Code:       http.StatusServiceUnavailable,
			Message:    "Too many people are signing in at the moment (max-logins-at-once). Try again in a few seconds.",
			RetryAfter: 2*time.Second + mathrand.N(3*time.Second), Limit: "max-logins-at-once",
		}
	}
	select {
	case w.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
