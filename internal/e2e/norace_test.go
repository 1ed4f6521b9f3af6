//go:build !race

package e2e

// scaled leaves a load as it is promised.
func scaled(n int) int { return n }
