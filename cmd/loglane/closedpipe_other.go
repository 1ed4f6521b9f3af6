//go:build !unix

package main

import "os"

// onClosedPipe does nothing where pipes cannot be watched: the next write tells.
func onClosedPipe(*os.File, func()) (stop func()) { return func() {} }
