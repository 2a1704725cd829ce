/* SPDX-License-Identifier: ISC */
/*
 * test/lib/worker.h - a worker of deliver without a process: a directory of
 * its own, and what it answers.
 */
#pragma once

#include <ftw.h>
#include <unistd.h>

#include "daemon/deliver/worker.h"
#include "os/sock.h"
#include "test/lib/unit.h"

struct bench {
	char home[64];
	struct worker worker;
	struct sync_conn *answers;
};

static inline void bench_begin(struct bench *b)
{
	int pair[2];

	(void)snprintf(b->home, sizeof(b->home), "/tmp/worker-XXXXXX");
	assert_non_null(mkdtemp(b->home));
	assert_int_equal(sock_pair(pair), 0);
	b->worker = (struct worker){
		.line = sync_new(pair[0]),
		.setup = { .kind = WORK_WORKER },
		.dir = -1,
	};
	b->answers = sync_new(pair[1]);
}

static inline int bench_remove(const char *path, const struct stat *st UNUSED,
    int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static inline void bench_end(struct bench *b)
{
	sync_free(&b->worker.line);
	sync_free(&b->answers);
	assert_int_equal(
	    nftw(b->home, bench_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The next answer; `msg` is what it is borrowed from. */
static inline void bench_answer(
    struct bench *b, struct sync_msg *msg, struct work_done *ret)
{
	assert_int_equal(sync_flush(b->worker.line), 0);
	assert_int_equal(sync_recv(b->answers, msg), SYNC_OK);
	assert_int_equal(msg->type, WORK_DONE);
	assert_true(work_done_get(msg->payload, ret));
}
