//go:build !linux

package auth

// lowerPriority does nothing: the process shares the processor as equals do.
func lowerPriority() {}
