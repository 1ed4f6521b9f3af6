package main

import (
	"os"
	"testing"

	"github.com/loglane/loglane/internal/leaktest"
)

// TestMain lets the test binary be the program itself, so that tests call it as a user
// does.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_RUN_LOGLANE") != "" {
		main()
	}
	leaktest.Main(m)
}
