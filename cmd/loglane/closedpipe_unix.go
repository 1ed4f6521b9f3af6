//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// onClosedPipe calls f once nobody reads what is written to file any more, which a program
// that has nothing to write would not notice. stop ends the watch and waits for it.
func onClosedPipe(file *os.File, f func()) (stop func()) {
	wake, end, err := os.Pipe()
	if err != nil { // then the next write tells
		return func() {}
	}
	done := make(chan struct{})
	output, woken := int32(file.Fd()), int32(wake.Fd())
	go func() {
		defer close(done)
		fds := []unix.PollFd{{Fd: output}, {Fd: woken, Events: unix.POLLIN}}
		for {
			_, err := unix.Poll(fds, -1)
			switch {
			case err == unix.EINTR:
			case err != nil, fds[1].Revents != 0:
				return
			case fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
				f()
				return
			case fds[0].Revents != 0: // no file that can be watched
				return
			}
		}
	}()
	return func() {
		end.Close()
		<-done
		wake.Close()
	}
}
