/* SPDX-License-Identifier: ISC */
/*
 * os/clock.h - reading the clocks (no system call: the kernel's vdso).
 *
 * Loop processes rather ask loop_now() and loop_wall(), which are read once
 * per round.
 */
#pragma once

#include "base/time.h"

/* Never goes back; of use only within this boot. */
usec clock_monotonic(void);
/* Since 1970, as the system believes. */
usec clock_wall(void);
