package main

import (
	"os"
	"slices"
	"testing"

	"github.com/loglane/loglane/internal/app"
	"github.com/loglane/loglane/internal/leaktest"
)

// TestMain lets the test binary be the program itself, so that tests call it as a user
// does. Of what a gateway starts only the argument tells that it is to be the program.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_RUN_LOGLANE") != "" || slices.Equal(os.Args[1:], []string{app.HashVerb}) {
		main()
	}
	leaktest.Main(m)
}
