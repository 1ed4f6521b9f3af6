package main

import (
	"os"
	"testing"

	"github.com/loglane/loglane/internal/leaktest"
)

// TestMain lets the test binary be the program itself, so that tests call it as a user
// does.
func TestMain(m *testing.M) {
	if os.Getenv("LOGLANE_TEST_RUN") != "" {
		main()
	}
	leaktest.Main(m)
}
