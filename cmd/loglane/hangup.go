package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onHangup calls f at each SIGHUP, which then ends nothing, until stop has returned: programs
// that rotate files send it once they have.
func onHangup(f func()) (stop func()) {
	arriving, done, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(arriving, syscall.SIGHUP)
	go func() {
		defer close(ended)
		for {
			select {
			case <-arriving:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(arriving)
		close(done)
		<-ended
	}
}
