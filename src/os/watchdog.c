/* SPDX-License-Identifier: ISC */
#include "os/watchdog.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "os/error.h"

static volatile sig_atomic_t busy;
static volatile sig_atomic_t seen; /* the work was under way at the last tick */

static void on_tick(int number UNUSED)
{
	static const char text[] =
	    "watchdog: one request takes longer than daemon_timeout\n";

	if (!busy)
		return;
	if (!seen) {
		seen = 1;
		return;
	}
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(1);
}

int watchdog_start(usec limit)
{
	const struct sigaction action = { .sa_handler = on_tick,
		.sa_flags = SA_RESTART };
	const struct timeval step = { .tv_sec = (time_t)(limit / USEC_SEC),
		.tv_usec = (suseconds_t)(limit % USEC_SEC) };
	const struct itimerval timer = { step, step };

	if (sigaction(SIGALRM, &action, NULL) < 0)
		return -errno;
	return os_error(setitimer(ITIMER_REAL, &timer, NULL));
}

void watchdog_begin(void)
{
	seen = 0;
	busy = 1;
}

void watchdog_end(void)
{
	busy = 0;
}
