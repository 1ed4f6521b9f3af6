package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/loglane/loglane/internal/tail"
)

var (
	errClosedPipe = errors.New("nobody reads the output any more")
	errTimeout    = errors.New("the time is over")
)

// A signalError is a signal that ended the reading.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return e.signal.String() }

func (e *signalError) code() int {
	if number, ok := e.signal.(syscall.Signal); ok {
		return exitSignal + int(number)
	}
	return exitFailed
}

// endings returns a context that ends with a signal, after the timeout (0 is none), or
// when nobody reads the output any more; its cause says which.
func endings(t terminal, timeout time.Duration) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signal.Ignore(syscall.SIGPIPE) // a write into a closed pipe is to be an error, not the end
	arriving := make(chan os.Signal, 1)
	signal.Notify(arriving, os.Interrupt, syscall.SIGTERM)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case s := <-arriving:
			signal.Stop(arriving) // a second one ends the program, whatever it is doing
			cancel(&signalError{s})
		case <-ctx.Done():
		}
	})
	unwatch := func() {}
	if file, ok := t.out.(*os.File); ok {
		unwatch = onClosedPipe(file, func() { cancel(errClosedPipe) })
	}
	end := func() bool { return true }
	if timeout > 0 {
		end = time.AfterFunc(timeout, func() { cancel(errTimeout) }).Stop
	}
	return ctx, func() {
		end()
		cancel(nil)
		waiting.Wait()
		unwatch()
		signal.Stop(arriving)
		signal.Reset(syscall.SIGPIPE)
	}
}

// outcome is how the program ends.
func (c *tailCmd) outcome(err error, view *tail.View) error {
	var signalled *signalError
	asked := errors.As(err, &signalled)
	switch {
	case err == nil, errors.Is(err, tail.ErrFound), errors.Is(err, errClosedPipe), errors.Is(err, syscall.EPIPE):
		asked, err = true, nil
	case errors.Is(err, errTimeout) && c.ExitOn == "":
		asked, err = true, nil
	case errors.Is(err, errTimeout):
		err = fmt.Errorf("no line matched --exit-on=%s within %v", c.ExitOn, c.Timeout)
	case signalled != nil:
		err = &exitError{code: signalled.code()}
	case errors.Is(err, tail.ErrNotAuthenticated):
		if token, _ := c.token(); token == "" {
			err = fmt.Errorf("%w: set --token-file or $LOGLANE_TOKEN", err)
		}
		err = &exitError{code: exitNotAuthenticated, cause: err}
	case errors.Is(err, tail.ErrForbidden):
		err = &exitError{code: exitForbidden, cause: err}
	case errors.Is(err, tail.ErrRejected):
		err = usage(err, "See 'loglane tail --help'.")
	}
	if asked && c.Strict && view.Gaps > 0 {
		return &exitError{code: exitGap, cause: errors.New("lines were missing (--strict)")}
	}
	return err
}
