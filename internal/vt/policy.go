package vt

import (
	"fmt"
	"strconv"
)

// Policy says what happens to the control sequences of a line. The zero value
// is [SGR], the safe default. A value that is none of the constants filters as
// SGR does. Policies are plain values and may be used by any number of
// goroutines at once.
type Policy int

const (
	// SGR lets colours and text attributes pass, conceal excepted, and makes
	// every other control visible.
	SGR Policy = iota

	// Strip removes the sequences that SGR lets pass and makes every other
	// control visible.
	Strip

	// None lets everything pass unchanged, invalid UTF-8 too. It is for
	// readers that are not terminals.
	None
)

// ParsePolicy reads a policy's name as [Policy.String] writes it: "sgr",
// "strip" or "none", in lower case. The error for any other name lists these
// three, and comes with SGR.
func ParsePolicy(name string) (Policy, error) {
	for _, p := range []Policy{SGR, Strip, None} {
		if name == p.String() {
			return p, nil
		}
	}
	return SGR, fmt.Errorf("unknown escape policy %q: it is one of sgr, strip, none", name)
}

// String returns the name that [ParsePolicy] reads; for a value that is none of
// the constants, something like "Policy(7)".
func (p Policy) String() string {
	switch p {
	case SGR:
		return "sgr"
	case Strip:
		return "strip"
	case None:
		return "none"
	}
	return "Policy(" + strconv.Itoa(int(p)) + ")"
}
