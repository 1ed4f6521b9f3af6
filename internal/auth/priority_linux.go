package auth

import (
	"os"
	"strconv"
	"syscall"
)

// niceBy is how much less of a busy processor a process wants that others do not wait for.
const niceBy = 10

// lowerPriority makes all threads that there are, and so those that they begin, give way to
// other processes.
func lowerPriority() {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return // it then does its work at the priority that it has
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			continue
		}
		if priority, err := syscall.Getpriority(syscall.PRIO_PROCESS, id); err == nil { // the kernel tells 20 less the nice value
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, min(20-priority+niceBy, 19))
		}
	}
}
