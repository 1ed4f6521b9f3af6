// Package e2e tests whole ways: from a publishing program over a broker and a gateway to
// what a viewer gets. It has no code but tests.
package e2e
