//go:build !unix

package app

// connections is how many there may be at once; 0 is without limit.
func (l *Limits) connections() int { return l.MaxConnections }
