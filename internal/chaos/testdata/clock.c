/* Lets a program have a clock that is CLOCK_OFFSET seconds off; its monotonic one is right. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t offset(void) {
	static time_t seconds;
	static int known;
	if (!known) {
		const char *text = getenv("CLOCK_OFFSET");
		seconds = text ? atol(text) : 0;
		known = 1;
	}
	return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
	int failed = syscall(SYS_clock_gettime, clock, at);
	if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += offset();
	return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
	int failed = syscall(SYS_gettimeofday, at, zone);
	if (!failed && at) at->tv_sec += offset();
	return failed;
}

time_t time(time_t *at) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (at) *at = now.tv_sec;
	return now.tv_sec;
}
