package main

// The program's exit codes beside 0.
const (
	exitFailed           = 1
	exitUsage            = 2
	exitNotAuthenticated = 3
	exitForbidden        = 4
	exitGap              = 5
	exitSignal           = 128 // and the signal's number
)

// An exitError ends the program with a code of its own, and without a word where there is
// no cause.
type exitError struct {
	code  int
	cause error
}

func (e *exitError) Error() string {
	if e.cause == nil {
		return ""
	}
	return e.cause.Error()
}

func (e *exitError) Unwrap() error { return e.cause }
