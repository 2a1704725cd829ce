/* SPDX-License-Identifier: ISC */
#include "os/clock.h"

#include <time.h>

static usec read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		bug("clock_gettime(%d)", (int)id);
	return (usec)ts.tv_sec * USEC_SEC + (usec)ts.tv_nsec / 1000;
}

usec clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

usec clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}
