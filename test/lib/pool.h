/* SPDX-License-Identifier: ISC */
/*
 * test/lib/pool.h - for tests of a pool whose processes are real.
 */
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include "daemon/deliver/pool.h"
#include "test/lib/unit.h"

static inline void pool_test_stop(struct pool **pool, struct loop **loop)
{
	pool_free(pool);
	loop_free(loop);
	while (wait(NULL) > 0)
		continue;
}

/* Until so many are answered. */
static inline void pool_test_run(
    struct loop *loop, const unsigned *nanswered, unsigned wanted)
{
	for (int i = 0; *nanswered < wanted; i++) {
		assert_true(i < 2000);
		assert_int_equal(loop_round(loop, USEC_SEC), 0);
	}
}

/* Processes below us that are alive: "4711 4712 ". */
static inline FILE *pool_test_children(void)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)getpid(), (int)getpid());
	f = fopen(path, "r");
	assert_non_null(f);
	return f;
}
