//go:build unix

package app

import "syscall"

// spareFiles are the descriptors that are left for Redis, files and the Go runtime.
const spareFiles = 200

// connections is how many there may be at once; 0 is without limit.
func (l *Limits) connections() int {
	if l.MaxConnections > 0 {
		return l.MaxConnections
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur <= 2*spareFiles || files.Cur > 1<<30 {
		return 0
	}
	return int(files.Cur) - spareFiles
}
