package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/alexedwards/argon2id"
)

const (
	// hasherIdle is how long a process without work is kept.
	hasherIdle = time.Minute
	// hasherPatience is how long an answer may take: a hash that costs most takes seconds.
	hasherPatience = 30 * time.Second
	// hasherRetry is when a process is tried again after one could not be started.
	hasherRetry = time.Minute
)

// Hashers compare passwords with their hashes in processes of their own, of low priority. A
// hash takes a core for some 30 ms and 19 MiB: in the process that streams, it would hold up
// the streams by the slices in which Go's scheduler gives out a core, and let the collector
// look through all that the streams hold for each second hash. Methods may be called
// concurrently.
type Hashers struct {
	command  []string
	log      *slog.Logger
	idle     time.Duration
	patience time.Duration

	running sync.WaitGroup
	mu      sync.Mutex
	closed  bool
	free    []*hasher
	failed  time.Time   // when a process could not be started
	clock   *time.Timer // ends those that are free
}

// A hasher is one such process. It is used by one goroutine at a time.
type hasher struct {
	process *os.Process
	in      io.WriteCloser
	out     *os.File
	answers *json.Decoder
}

// The passwords are bytes, for they may be no valid text.
type comparison struct {
	Password []byte
	Hash     string
}

type compared struct {
	Match bool
	Error string
}

// NewHashers takes the command of a program that calls [ServeHashes], and starts none before
// there is a password to compare. [Hashers.Close] ends those that run. logger nil is
// slog.Default().
func NewHashers(command []string, logger *slog.Logger) *Hashers {
	if logger == nil {
		logger = slog.Default()
	}
	return &Hashers{command: command, log: logger, idle: hasherIdle, patience: hasherPatience}
}

// Compare says whether password has the hash. Where no process can be had, it does the work
// itself.
func (h *Hashers) Compare(password, hash string) (bool, error) {
	worker, err := h.take()
	if err != nil {
		return argon2id.ComparePasswordAndHash(password, hash)
	}
	answer, err := worker.ask(comparison{[]byte(password), hash}, h.patience)
	if err != nil {
		h.log.Warn("a process that compares passwords has failed, another takes its place", "error", err)
		worker.end()
		return argon2id.ComparePasswordAndHash(password, hash)
	}
	h.give(worker)
	if answer.Error != "" {
		return false, errors.New(answer.Error)
	}
	return answer.Match, nil
}

// Close ends the processes without work and waits for all; it is called once nobody
// compares. Later comparisons are done without a process.
func (h *Hashers) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.endFree()
	h.running.Wait()
}

var errNoHasher = errors.New("no process compares passwords")

func (h *Hashers) take() (*hasher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.free); n > 0 {
		worker := h.free[n-1]
		h.free = h.free[:n-1]
		return worker, nil
	}
	if h.closed || !h.failed.IsZero() && time.Since(h.failed) < hasherRetry {
		return nil, errNoHasher
	}
	worker, err := h.start()
	if err != nil {
		h.failed = time.Now()
		h.log.Warn("passwords are compared without a process of their own, which holds up the streams while many sign in", "error", err)
		return nil, err
	}
	return worker, nil
}

func (h *Hashers) give(worker *hasher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		worker.end()
		return
	}
	h.free = append(h.free, worker)
	if h.clock == nil {
		h.clock = time.AfterFunc(h.idle, h.endFree)
	}
	h.clock.Reset(h.idle)
}

func (h *Hashers) endFree() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, worker := range h.free {
		worker.end()
	}
	h.free = nil
	if h.clock != nil {
		h.clock.Stop()
	}
}

// start starts a process. It gets nothing of the environment, where secrets may be.
func (h *Hashers) start() (*hasher, error) {
	cmd := exec.Command(h.command[0], h.command[1:]...)
	cmd.Args[0] = "loglane"                       // as people look for it, however it is found
	cmd.Env = []string{"GOMAXPROCS=1", "GOGC=10"} // what a hash took is free again for the next
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, their, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = their
	err = cmd.Start()
	_ = their.Close() // the process has its own
	if err != nil {
		_ = out.Close() // nothing was read
		return nil, err
	}
	h.running.Go(func() { _ = cmd.Wait() }) // how it ends, who asks it sees
	return &hasher{process: cmd.Process, in: in, out: out, answers: json.NewDecoder(out)}, nil
}

func (w *hasher) ask(question comparison, patience time.Duration) (answer compared, err error) {
	if err := w.out.SetReadDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return compared{}, err
	}
	if err := json.NewEncoder(w.in).Encode(question); err != nil {
		return compared{}, err
	}
	return answer, w.answers.Decode(&answer)
}

// end ends the process, which has nothing to put in order.
func (w *hasher) end() {
	_ = w.process.Kill() // it may have ended
	_ = w.in.Close()
	_ = w.out.Close()
}

// ServeHashes answers those who compare passwords until in ends: what [Hashers] start. It
// lowers the process's priority and heeds no signal that a terminal or a service manager
// sends to all processes of a service.
func ServeHashes(in io.Reader, out io.Writer) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	lowerPriority()
	return answerHashes(in, out)
}

func answerHashes(in io.Reader, out io.Writer) error {
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var question comparison
		if err := questions.Decode(&question); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("a question that cannot be read: %w", err)
		}
		var answer compared
		match, err := argon2id.ComparePasswordAndHash(string(question.Password), question.Hash)
		if answer.Match = match; err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}
