//go:build race

package e2e

// scaled shrinks a load where the race detector makes everything several times slower.
func scaled(n int) int { return max(n/10, 1) }
