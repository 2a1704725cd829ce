/* SPDX-License-Identifier: ISC */
/*
 * base/time.h - times are microseconds in a u64; reading a clock is os/clock.h.
 */
#pragma once

#include "base/base.h"

typedef uint64_t usec;

#define USEC_MSEC  ((usec)1000)
#define USEC_SEC   ((usec)1000000)
#define USEC_MIN   (60 * USEC_SEC)
#define USEC_HOUR  (60 * USEC_MIN)
#define USEC_DAY   (24 * USEC_HOUR)
#define USEC_NEVER UINT64_MAX
