/* SPDX-License-Identifier: ISC */
/*
 * os/watchdog.h - ends a process whose work does not come to an end.
 *
 * A blocking worker says when it begins a piece of work and when that is
 * done, which costs nothing. When one piece takes longer than the limit (and
 * at most twice that) the process exits with status 1, so that somebody else
 * can be asked.
 */
#pragma once

#include "base/time.h"

/* From now on; again with another limit. Takes SIGALRM. 0 or -errno. */
MUST_USE int watchdog_start(usec limit);
void watchdog_begin(void);
void watchdog_end(void);
