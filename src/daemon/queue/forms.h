/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/forms.h - small texts the queue process reads and writes.
 */
#pragma once

#include "store/sched.h"

struct active;

/* "300s", "5m", "0": the form conf has checked already. */
MUST_USE bool form_duration(span text, usec *ret);
/* "1", "0.5/concurrency", "1/sqrt_concurrency". */
struct sched_feedback form_feedback(span text);
/* What follows the last '@', or nothing. */
span form_domain(span address);
