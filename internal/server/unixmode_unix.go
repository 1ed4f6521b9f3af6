//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package server

import "syscall"

// narrowSocket sets a socket's mode before it has a path, so that nobody else comes in
// before listenUnix sets it again. Where a system has no mode of sockets without a path, it
// is the umask's until then.
func narrowSocket(_, _ string, socket syscall.RawConn) error {
	return socket.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), uint32(socketMode)) })
}
